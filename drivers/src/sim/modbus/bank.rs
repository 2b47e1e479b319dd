//! Units and what they hold: registers that can be set, limits, silence, delays, scripted faults. Refuses every write.

use super::asked::Asked;
use super::faults::{Playing, Script};
use super::play::{self, Play};
use crate::decode::registers::encode;
use crate::reading::{Quality, Value};
use facility_config::limits::{MODBUS_BITS_MAX, MODBUS_REGISTERS_MAX};
use facility_config::profile::{RegisterPoint, RegisterType, Span, Table};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;

/// Units with their registers. Cheap to clone; all clones are the same units.
#[derive(Debug, Clone, Default)]
pub struct Bank(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    units: BTreeMap<u8, Cells>,
    playing: Playing,
}

#[derive(Debug)]
struct Cells {
    words: BTreeMap<(Table, u16), u16>,
    exceptions: BTreeMap<u16, u8>,
    registers_max: u16,
    bits_max: u16,
    silent: bool,
    delay: Duration,
    asked: u64,
    /// A question that is not Modbus, and its answer.
    board: Option<(Vec<u8>, Vec<u8>)>,
}

impl Default for Cells {
    fn default() -> Self {
        Self {
            words: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            registers_max: MODBUS_REGISTERS_MAX,
            bits_max: MODBUS_BITS_MAX,
            silent: false,
            delay: Duration::ZERO,
            asked: 0,
            board: None,
        }
    }
}

impl Bank {
    /// No units.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets registers from `address` on; in the tables of bits a word other than 0 is a set bit. The unit exists from
    /// then on. Registers that were never set are illegal addresses.
    pub fn set(&self, unit: u8, table: Table, address: u16, words: &[u16]) {
        self.cells(unit, |cells| cells.set(table, address, words));
    }

    /// Sets the registers of a point so that they decode to `value`, its status register included: a missing value
    /// shows there as bad, any other as good. Bits of the registers that are not the point's stay as they are. False if
    /// no registers stand for the value.
    pub fn set_point(&self, unit: u8, point: &RegisterPoint, value: &Value) -> bool {
        let broken = matches!(value, Value::Missing(_));
        let words = encode(point, value);
        self.cells(unit, |cells| {
            for ((at, word), mask) in (point.address..=u16::MAX).zip(words.iter().flatten()).zip(masks(point)) {
                cells.set_bits(point.table, at, mask, *word);
            }
            let Some(status) = point.status else { return words.is_some() };
            let good = if status.bad == 0 { status.mask } else { 0 };
            cells.set_bits(point.table, status.address, status.mask, if broken { status.bad } else { good });
            words.is_some() || *value == Value::Missing(Quality::SensorError)
        })
    }

    /// What a request may ask for at most; more is refused with exception 3, as controllers do that are read singly.
    pub fn limit(&self, unit: u8, registers_max: u16, bits_max: u16) {
        self.cells(unit, |cells| (cells.registers_max, cells.bits_max) = (registers_max, bits_max));
    }

    /// The unit also answers a question that is not Modbus, with these bytes: a lock board on the same line. Only RTU
    /// lines know such questions.
    pub fn board(&self, unit: u8, question: Vec<u8>, answer: Vec<u8>) {
        self.cells(unit, |cells| cells.board = Some((question, answer)));
    }

    /// A silent unit answers nothing.
    pub fn silence(&self, unit: u8, silent: bool) {
        self.cells(unit, |cells| cells.silent = silent);
    }

    /// Every read that covers `address`, in any table, is refused with this exception code; 0 takes it back.
    pub fn exception(&self, unit: u8, address: u16, code: u8) {
        self.cells(unit, |cells| cells.exceptions.insert(address, code));
    }

    /// The unit thinks this long before it answers.
    pub fn delay(&self, unit: u8, delay: Duration) {
        self.cells(unit, |cells| cells.delay = delay);
    }

    /// From now on things go wrong as the script says; an empty one ends that. Its questions are counted from here.
    pub fn script(&self, script: Script) {
        self.inside().playing = Playing::new(script);
    }

    /// Questions put to the unit so far, answered or not.
    #[must_use]
    pub fn asked(&self, unit: u8) -> u64 {
        self.inside().units.get(&unit).map_or(0, |cells| cells.asked)
    }

    /// The registers, if the unit has them all.
    pub(super) fn words(&self, unit: u8, table: Table, address: u16, length: u16) -> Option<Vec<u16>> {
        let inside = self.inside();
        let words = &inside.units.get(&unit)?.words;
        (0..length).map(|at| words.get(&(table, address.checked_add(at)?)).copied()).collect()
    }

    /// Makes addresses illegal again.
    pub(super) fn forget(&self, unit: u8, span: Span) {
        self.cells(unit, |cells| cells.words.retain(|(table, at), _| *table != span.table || !(span.first..=span.last).contains(at)));
    }

    /// Unit and length of the question to a board with which the bytes begin.
    pub(super) fn known(&self, heard: &[u8]) -> Option<(u8, usize)> {
        let inside = self.inside();
        let mut boards = inside.units.iter().filter_map(|(unit, cells)| Some((*unit, &cells.board.as_ref()?.0)));
        boards.find(|(_, question)| !question.is_empty() && heard.starts_with(question)).map(|(unit, question)| (unit, question.len()))
    }

    /// What the asked unit does. Units that do not exist do nothing.
    pub(super) fn play(&self, asked: &Asked) -> Play {
        let inside = &mut *self.inside();
        let Some(cells) = inside.units.get_mut(&asked.unit) else { return Play::new() };
        cells.asked = cells.asked.saturating_add(1);
        let trouble = inside.playing.next(asked.unit);
        let body = match &cells.board {
            _ if cells.silent => return Play::new(),
            Some((_, answer)) if asked.is_foreign() => answer.clone(),
            _ if asked.is_foreign() => return Play::new(),
            // A board with frames of its own does not know what Modbus is.
            Some(_) if cells.words.is_empty() => return Play::new(),
            _ => play::refusal(trouble, asked.function()).unwrap_or_else(|| cells.answer(&asked.pdu)),
        };
        play::play(trouble, asked, cells.delay, &body, &mut inside.playing.random)
    }

    fn cells<T>(&self, unit: u8, change: impl FnOnce(&mut Cells) -> T) -> T {
        change(self.inside().units.entry(unit).or_default())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cells {
    fn set(&mut self, table: Table, address: u16, words: &[u16]) {
        for (at, word) in (address..=u16::MAX).zip(words) {
            self.words.insert((table, at), *word);
        }
    }

    fn set_bits(&mut self, table: Table, address: u16, mask: u16, bits: u16) {
        let word = self.words.entry((table, address)).or_default();
        *word = *word & !mask | bits & mask;
    }

    /// The answer to a request, without its framing.
    fn answer(&self, pdu: &[u8]) -> Vec<u8> {
        let function = pdu.first().copied().unwrap_or(0);
        self.read(pdu).unwrap_or_else(|code| vec![function | 0x80, code])
    }

    fn read(&self, pdu: &[u8]) -> Result<Vec<u8>, u8> {
        let [function, a0, a1, c0, c1] = *pdu else { return Err(ILLEGAL_FUNCTION) };
        let (table, count_max) = match function {
            1 => (Table::Coil, self.bits_max),
            2 => (Table::Discrete, self.bits_max),
            3 => (Table::Holding, self.registers_max),
            4 => (Table::Input, self.registers_max),
            _ => return Err(ILLEGAL_FUNCTION),
        };
        let (address, count) = (u16::from_be_bytes([a0, a1]), u16::from_be_bytes([c0, c1]));
        if !(1..=count_max.min(table.count_max())).contains(&count) {
            return Err(ILLEGAL_VALUE);
        }
        let last = address.checked_add(count - 1).ok_or(ILLEGAL_ADDRESS)?;
        if let Some((_, code)) = self.exceptions.range(address..=last).find(|(_, code)| **code != 0) {
            return Err(*code);
        }
        let words: Option<Vec<u16>> = (address..=last).map(|at| self.words.get(&(table, at)).copied()).collect();
        let words = words.ok_or(ILLEGAL_ADDRESS)?;
        let data: Vec<u8> = match table {
            Table::Coil | Table::Discrete => words.chunks(8).map(pack).collect(),
            Table::Holding | Table::Input => words.iter().flat_map(|word| word.to_be_bytes()).collect(),
        };
        Ok([vec![function, data.len() as u8], data].concat())
    }
}

/// Eight bits to a byte, the first bit lowest.
fn pack(words: &[u16]) -> u8 {
    words.iter().rev().fold(0, |byte, word| byte << 1 | u8::from(*word != 0))
}

/// The bits of each of its registers that belong to a point; several points may share a register.
fn masks(point: &RegisterPoint) -> Vec<u16> {
    let length = usize::from(point.length);
    match (point.ty, point.mask) {
        _ if point.table.is_bits() => vec![u16::MAX; length],
        (RegisterType::U8Hi | RegisterType::I8Hi, None) => vec![0xFF00],
        (RegisterType::U8Lo | RegisterType::I8Lo | RegisterType::Bcd8, None) => vec![0x00FF],
        (RegisterType::U8Hi | RegisterType::I8Hi, Some(mask)) => vec![(mask as u16) << 8],
        (RegisterType::U8Lo | RegisterType::I8Lo, Some(mask)) => vec![mask as u16 & 0xFF],
        (_, Some(mask)) if point.order.len() == length * 2 => {
            point.order.split(mask).chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
        }
        _ => vec![u16::MAX; length],
    }
}

#[cfg(test)]
mod tests;
