//! Registers to read requests: as few as the device allows, never splitting a value. Pure.
//!
//! A request covers at most `registers_max` registers (and never more than the protocol's 125) and reads along at most
//! `gap_max` unused registers between two used ones. A value that is wider than the limit gets a request of its own.

use facility_config::limits::MODBUS_REGISTERS_MAX;
use facility_config::profile::{RegisterPoint, Table};

/// One read request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Table to read; decides the function code.
    pub table: Table,
    /// First register, 0-based.
    pub address: u16,
    /// Registers (or bits), 1 to 125.
    pub count: u16,
}

impl Request {
    /// Function code of a read of this table: 1 to 4 (Modbus application protocol V1.1b3, 6.1 to 6.4).
    #[must_use]
    pub fn function(&self) -> u8 {
        match self.table {
            Table::Coil => 1,
            Table::Discrete => 2,
            Table::Holding => 3,
            Table::Input => 4,
        }
    }

    /// Bytes of data in a right answer: two per register, eight bits to a byte.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        match self.table {
            Table::Coil | Table::Discrete => usize::from(self.count).div_ceil(8),
            Table::Holding | Table::Input => usize::from(self.count) * 2,
        }
    }

    /// Whether everything `other` asks for is in the answer to this.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let end = |request: &Self| u32::from(request.address) + u32::from(request.count);
        self.table == other.table && self.address <= other.address && end(self) >= end(other)
    }

    /// Where `count` registers from `address` on lie in the answer; `None` if the request does not cover them all.
    #[must_use]
    pub fn slice_of<'a>(&self, words: &'a [u16], table: Table, address: u16, count: u16) -> Option<&'a [u16]> {
        let from = usize::from(address.checked_sub(self.address)?);
        if table == self.table { words.get(from..from + usize::from(count)) } else { None }
    }
}

/// Requests that together read every point and its status register, in order of table and address.
///
/// A point whose registers lie beyond address 65535 is left out: nobody can ask for it.
#[must_use]
pub fn plan<'a>(points: impl IntoIterator<Item = &'a RegisterPoint>, registers_max: u16, gap_max: u16) -> Vec<Request> {
    let mut spans: Vec<Span> = points.into_iter().flat_map(spans_of).flatten().collect();
    spans.sort_unstable();
    let count_max = u32::from(registers_max.clamp(1, MODBUS_REGISTERS_MAX));
    let mut blocks: Vec<Span> = Vec::new();
    for span in spans {
        match blocks.last_mut() {
            Some(block) if block.takes(&span, count_max, u32::from(gap_max)) => block.end = block.end.max(span.end),
            _ => blocks.push(span),
        }
    }
    blocks.into_iter().filter_map(Span::request).collect()
}

/// Registers that must come in one answer. The end is exclusive and up to 65536, hence 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    table: Table,
    start: u32,
    end: u32,
}

impl Span {
    fn new(table: Table, address: u16, count: u16) -> Option<Self> {
        let start = u32::from(address);
        let end = start + u32::from(count);
        (end <= 1 << 16).then_some(Self { table, start, end })
    }

    fn takes(&self, next: &Self, count_max: u32, gap_max: u32) -> bool {
        let end = self.end.max(next.end);
        self.table == next.table && (end == self.end || next.start <= self.end + gap_max && end - self.start <= count_max)
    }

    fn request(self) -> Option<Request> {
        Some(Request { table: self.table, address: u16::try_from(self.start).ok()?, count: u16::try_from(self.end - self.start).ok()? })
    }
}

fn spans_of(point: &RegisterPoint) -> [Option<Span>; 2] {
    let value = Span::new(point.table, point.address, point.ty.width());
    let status = point.status.and_then(|status| Span::new(point.table, status.address, 1));
    if value.is_some() { [value, status] } else { [None, None] }
}

#[cfg(test)]
mod tests;
