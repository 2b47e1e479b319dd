//! Scripted faults: what a simulated device does wrong, to which of its questions. Seeded: the same script does the same.
//!
//! A script is a list of rules, as text one clause each: `crc every 10, late 800ms at 5, silence unit 3`. The first rule
//! that applies to a question decides; all of them count it.

mod parse;

use std::time::Duration;

/// Rules of one script; more than anybody writes by hand.
const RULES_MAX: usize = 64;
/// Longest delay of a script.
const DELAY_MAX: Duration = Duration::from_secs(600);
/// Most bytes of noise before one answer.
const NOISE_BYTES_MAX: u16 = 4096;

/// What goes wrong with one answer. A trouble that a framing cannot have (a checksum on Modbus TCP, a transaction on a
/// serial line, an exception of a board that does not speak Modbus) leaves the answer right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No answer.
    Silence,
    /// The right answer, that much later.
    Late(Duration),
    /// The answer of another unit instead of its own.
    Foreign,
    /// The answer twice, one right behind the other.
    Doubled,
    /// The question comes back at once, as from an adapter with a local echo, then the answer.
    Echo,
    /// Only the beginning of the answer, at least a byte.
    Truncated,
    /// A register more than asked for (a byte in the tables of bits), otherwise in order.
    WrongLength,
    /// A wrong checksum.
    BadChecksum,
    /// One bit of the frame is the other way round. On Modbus TCP a bit of the header: nobody could see another one.
    BitFlip,
    /// That many random bytes before the answer.
    Noise(u16),
    /// The answer under the function code of a neighbouring table.
    WrongFunction,
    /// The answer under the number of the transaction before.
    WrongTransaction,
    /// Exception 6.
    Busy,
    /// This exception.
    Exception(u8),
    /// The connection is closed, or the line falls dead, without an answer.
    Hangup,
    /// The right answer, a byte at a time, each that much after the one before.
    ByteByByte(Duration),
}

/// When something goes wrong. Questions are counted from 1, those of the rule's unit only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Of which unit; `None` for every one.
    pub unit: Option<u8>,
    /// The first question.
    pub from: u64,
    /// Then every so many questions; 1 is each. Never 0.
    pub every: u64,
    /// How often in all; `None` is without end.
    pub times: Option<u64>,
    /// What.
    pub trouble: Trouble,
}

impl Rule {
    /// With every question of every unit.
    #[must_use]
    pub fn always(trouble: Trouble) -> Self {
        Self { unit: None, from: 1, every: 1, times: None, trouble }
    }

    fn applies(&self, nth: u64) -> bool {
        let Some(since) = nth.checked_sub(self.from) else { return false };
        let every = self.every.max(1);
        since % every == 0 && self.times.is_none_or(|times| since / every < times)
    }
}

/// Rules, and the seed of all that is random about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Where noise, cuts and flipped bits come from.
    pub seed: u64,
    /// The first that applies decides.
    pub rules: Vec<Rule>,
}

/// A script under way.
#[derive(Debug)]
pub(super) struct Playing {
    rules: Vec<(Rule, u64)>,
    pub(super) random: fastrand::Rng,
}

impl Default for Playing {
    fn default() -> Self {
        Self::new(Script::default())
    }
}

impl Playing {
    pub(super) fn new(script: Script) -> Self {
        let random = fastrand::Rng::with_seed(script.seed);
        Self { rules: script.rules.into_iter().map(|rule| (rule, 0)).collect(), random }
    }

    /// What goes wrong with the next question to this unit.
    pub(super) fn next(&mut self, unit: u8) -> Option<Trouble> {
        let mut trouble = None;
        for (rule, asked) in self.rules.iter_mut().filter(|(rule, _)| rule.unit.is_none_or(|of| of == unit)) {
            *asked += 1;
            trouble = trouble.or_else(|| rule.applies(*asked).then_some(rule.trouble));
        }
        trouble
    }
}

#[cfg(test)]
mod tests;
