//! A script of faults as text, for the command line.
//!
//! Clauses, with commas, semicolons or new lines in between. Each is a trouble, its argument if it has one, and when:
//! `unit N`, `at N` (that question only), `from N`, `every N`, `times N`. `seed N` is a clause of its own.

use super::{DELAY_MAX, NOISE_BYTES_MAX, RULES_MAX, Rule, Script, Trouble};
use std::str::FromStr;
use std::time::Duration;

/// Every trouble, and what it takes.
const WORDS: &str = "silence, late TIME, foreign, doubled, echo, truncated, length, crc, bit, noise BYTES, function, transaction, busy, \
     exception CODE, hangup, bytes TIME";

impl FromStr for Script {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut script = Self::default();
        for clause in text.split([',', ';', '\n']).map(str::trim).filter(|clause| !clause.is_empty()) {
            let mut words = clause.split_whitespace();
            let first = words.next().unwrap_or_default();
            let read = if first == "seed" {
                number(words.next(), "seed").map(|seed| script.seed = seed).and_then(|()| end(words.next()))
            } else {
                rule(first, &mut words).map(|rule| script.rules.push(rule))
            };
            read.map_err(|error| format!("`{clause}`: {error}"))?;
            if script.rules.len() > RULES_MAX {
                return Err(format!("more than {RULES_MAX} rules"));
            }
        }
        Ok(script)
    }
}

fn rule<'a>(first: &str, words: &mut impl Iterator<Item = &'a str>) -> Result<Rule, String> {
    let mut rule = Rule::always(trouble(first, words)?);
    let (mut from, mut at) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "unit" => rule.unit = Some(small(words.next(), word)?),
            "at" => at = Some(counted(words.next(), word)?),
            "from" => from = Some(counted(words.next(), word)?),
            "every" => rule.every = counted(words.next(), word)?,
            "times" => rule.times = Some(counted(words.next(), word)?),
            _ => return Err(format!("`{word}` is none of unit, at, from, every, times")),
        }
    }
    match (at, from) {
        (Some(_), None) if (rule.every, rule.times) != (1, None) => {
            return Err("`at` is one question; `from` goes with every and times".into());
        }
        (Some(at), None) => (rule.from, rule.times) = (at, Some(1)),
        (Some(_), Some(_)) => return Err("either `at` or `from`".into()),
        // Every tenth is the tenth, the twentieth, and so on.
        (None, from) => rule.from = from.unwrap_or(rule.every),
    }
    Ok(rule)
}

fn trouble<'a>(word: &str, words: &mut impl Iterator<Item = &'a str>) -> Result<Trouble, String> {
    Ok(match word {
        "silence" => Trouble::Silence,
        "late" => Trouble::Late(time(words.next(), word)?),
        "foreign" => Trouble::Foreign,
        "doubled" => Trouble::Doubled,
        "echo" => Trouble::Echo,
        "truncated" => Trouble::Truncated,
        "length" => Trouble::WrongLength,
        "crc" => Trouble::BadChecksum,
        "bit" => Trouble::BitFlip,
        "noise" => match number(words.next(), word)? {
            bytes @ 1.. if bytes <= u64::from(NOISE_BYTES_MAX) => Trouble::Noise(bytes as u16),
            _ => return Err(format!("noise is 1 to {NOISE_BYTES_MAX} bytes")),
        },
        "function" => Trouble::WrongFunction,
        "transaction" => Trouble::WrongTransaction,
        "busy" => Trouble::Busy,
        "exception" => Trouble::Exception(small(words.next(), word)?),
        "hangup" => Trouble::Hangup,
        "bytes" => Trouble::ByteByByte(time(words.next(), word)?),
        _ => return Err(format!("there is no trouble `{word}`; there are {WORDS}")),
    })
}

fn number(word: Option<&str>, of: &str) -> Result<u64, String> {
    let word = word.ok_or_else(|| format!("a number is missing after `{of}`"))?;
    word.parse().map_err(|_| format!("`{word}` after `{of}` is no whole number"))
}

/// A number from 1 on.
fn counted(word: Option<&str>, of: &str) -> Result<u64, String> {
    number(word, of).and_then(|number| if number == 0 { Err(format!("`{of}` counts from 1")) } else { Ok(number) })
}

/// A number of one byte.
fn small(word: Option<&str>, of: &str) -> Result<u8, String> {
    number(word, of).and_then(|number| u8::try_from(number).map_err(|_| format!("{number} after `{of}` is above 255")))
}

/// `800ms`, `2s` or `300us`.
fn time(word: Option<&str>, of: &str) -> Result<Duration, String> {
    let word = word.ok_or_else(|| format!("a time is missing after `{of}`, such as 800ms"))?;
    let digits = word.len() - word.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let (count, unit) = word.split_at(digits);
    let time = match (count.parse::<u32>(), unit) {
        (Ok(count), "us") => Duration::from_micros(count.into()),
        (Ok(count), "ms") => Duration::from_millis(count.into()),
        (Ok(count), "s") => Duration::from_secs(count.into()),
        _ => return Err(format!("`{word}` after `{of}` is no time, such as 800ms, 2s or 300us")),
    };
    if time > DELAY_MAX { Err(format!("`{word}` is longer than {} s", DELAY_MAX.as_secs())) } else { Ok(time) }
}

fn end(word: Option<&str>) -> Result<(), String> {
    word.map_or(Ok(()), |word| Err(format!("`{word}` does not belong there")))
}
