//! Reading everything in some ranges: in blocks, which are halved where the device refuses them.

use crate::cli::modbus::tell;
use crate::cli::store::progress::Progress;
use facility_config::limits::MODBUS_REGISTERS_MAX;
use facility_config::profile::Table;
use facility_drivers::modbus::{Inquiry, NoAnswer};
use facility_drivers::plan::Request;
use facility_drivers::scan::Registers;
use std::io;
use std::str::FromStr;
use std::time::Duration;

/// Questions in a row without an answer after which the rest of a range is left.
const UNANSWERED_MAX: u32 = 3;
/// Questions of one range; a range that is refused everywhere costs two for each of its registers.
const QUESTIONS_MAX: u32 = 20_000;
/// Registers refused one by one, none of the range read yet, after which the rest of it is taken for empty.
const REFUSED_MAX: u32 = 250;

/// Addresses of one table, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    table: Table,
    first: u16,
    last: u16,
}

/// Where makers put what a display shows.
pub(super) fn usual() -> Vec<Area> {
    let area = |table, first, last| Area { table, first, last };
    vec![area(Table::Holding, 0, 999), area(Table::Input, 0, 999), area(Table::Holding, 2000, 2999)]
}

impl FromStr for Area {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no range; write holding:0-999 or input:100");
        let (table, span) = text.split_once(':').ok_or_else(wrong)?;
        let table = [Table::Holding, Table::Input].into_iter().find(|one| one.as_str() == table).ok_or_else(wrong)?;
        let (first, last) = span.split_once('-').unwrap_or((span, span));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self { table, first, last }),
            _ => Err(wrong()),
        }
    }
}

impl Area {
    /// Says what is not looked at.
    fn left(&self, from: u16, why: &str) {
        let table = self.table.as_str();
        tell(&format!("{why}: {table} {from} to {} is left out; --in {table}:{from}-{} looks there", self.last, self.last));
    }

    fn count(&self) -> u64 {
        u64::from(self.last - self.first) + 1
    }

    /// In blocks as long as a request may be, the last one first: they are taken from the end.
    fn blocks(&self) -> Vec<Request> {
        let starts = (self.first..=self.last).step_by(usize::from(MODBUS_REGISTERS_MAX));
        let block = |address: u16| Request { table: self.table, address, count: (self.last - address).min(MODBUS_REGISTERS_MAX - 1) + 1 };
        starts.map(block).rev().collect()
    }
}

/// Reads what there is.
pub(super) async fn collect(inquiry: &mut Inquiry, unit: u8, areas: &[Area], wait: Duration) -> io::Result<Registers> {
    let mut registers = Registers::default();
    let total = areas.iter().map(Area::count).sum();
    tell(&format!("{total} registers to read; seconds in blocks, minutes if the device answers for one at a time"));
    let (mut progress, mut before) = (Progress::new(true), 0);
    for area in areas {
        let mut reader = Reader { inquiry, unit, wait, registers: &mut registers, single: false, unanswered: 0, refused: 0 };
        let name = format!("{} {} to {}, registers", area.table.as_str(), area.first, area.last);
        reader.area(area, &mut |done| progress.show(before + done, total, 0, &name)).await?;
        before += area.count();
    }
    progress.clear();
    Ok(registers)
}

struct Reader<'a> {
    inquiry: &'a mut Inquiry,
    unit: u8,
    wait: Duration,
    registers: &'a mut Registers,
    /// The device answers for one register at a time only.
    single: bool,
    unanswered: u32,
    refused: u32,
}

impl Reader<'_> {
    async fn area(&mut self, area: &Area, progress: &mut dyn FnMut(u64)) -> io::Result<()> {
        let (known, mut todo) = (self.registers.len(), area.blocks());
        for _ in 0..QUESTIONS_MAX {
            let Some(block) = todo.pop() else { return Ok(()) };
            progress(u64::from(block.address - area.first));
            if self.single && block.count > 1 {
                todo.extend((block.address..=block.address + (block.count - 1)).rev().map(|address| Request {
                    address,
                    count: 1,
                    ..block
                }));
                continue;
            }
            if !self.block(block, &mut todo).await? {
                return Ok(());
            }
            let is_empty = self.registers.len() == known && self.refused >= REFUSED_MAX;
            if is_empty || self.unanswered >= UNANSWERED_MAX {
                area.left(block.address, if is_empty { "everything so far is refused" } else { "no answer" });
                return Ok(());
            }
        }
        area.left(todo.last().map_or(area.last, |block| block.address), "too many questions");
        Ok(())
    }

    /// Asks for a block. False if the device does not know the table.
    async fn block(&mut self, block: Request, todo: &mut Vec<Request>) -> io::Result<bool> {
        match self.inquiry.read(self.unit, &block, self.wait, &mut Vec::new()).await {
            Ok(words) => {
                self.registers.put(&block, &words);
                self.unanswered = 0;
            }
            Err(NoAnswer::Lost(error)) => return Err(error),
            Err(NoAnswer::Refused(1)) => return Ok(false),
            Err(NoAnswer::Refused(code)) => {
                self.unanswered = 0;
                // Too many at once, however few: there are controllers that are read singly.
                self.single |= code == 3 && block.count == 2;
                self.refused += u32::from(block.count == 1);
                todo.extend(halves(block));
            }
            Err(NoAnswer::Timeout | NoAnswer::Damaged | NoAnswer::Nonsense) => self.unanswered += 1,
        }
        Ok(true)
    }
}

/// The second half and the first one; nothing of a single register.
fn halves(block: Request) -> Vec<Request> {
    if block.count < 2 {
        return Vec::new();
    }
    let first = block.count / 2;
    vec![Request { address: block.address + first, count: block.count - first, ..block }, Request { count: first, ..block }]
}

#[cfg(test)]
mod tests;
