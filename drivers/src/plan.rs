//! Registers to read requests: the cheapest set the device allows, never splitting a value. Pure.
//!
//! What a request costs is its fixed time (gap, pause, turnaround) and the time of its bytes, both ways. Reading registers
//! along that nobody wants saves the first and adds to the second; a [`Line`] knows which is more. Optimal: values that lie
//! inside others are free, the rest is cut into requests by dynamic programming over their order of addresses.
//!
//! Never reads an address that is known to be unreadable, never asks for what was refused, never exceeds the caps of the
//! profile, the protocol or what was learned; only a value that is wider than the cap of its profile gets a request of its own.

mod explain;
mod line;

pub use explain::{Ask, Explained, LeftOut, Rate, Why, explain};
pub use line::Line;
pub(crate) use line::rtu_gap;

use facility_config::limits::MODBUS_REGISTERS_MAX;
use facility_config::profile::{Group, ModbusMap, RegisterPoint, Span, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One read request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Table to read; decides the function code.
    pub table: Table,
    /// First register, 0-based.
    pub address: u16,
    /// Registers (1 to 125) or bits (1 to 2000).
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

    /// The last address, which may lie beyond what 16 bits can say.
    fn last(&self) -> u32 {
        u32::from(self.address) + u32::from(self.count.max(1)) - 1
    }

    fn touches(&self, span: &Span) -> bool {
        self.table == span.table && self.address <= span.last && self.last() >= u32::from(span.first)
    }
}

/// What a device taught that its profile does not say. Kept, and exported into a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Learned {
    /// First addresses of values, or of their status registers, that the device refused when asked for alone.
    pub refused: BTreeSet<(Table, u16)>,
    /// Addresses it refused to read along.
    pub unreadable: Vec<Span>,
    /// Most registers in one request it answered, if it refused longer ones.
    pub registers_max: Option<u16>,
    /// The same for bits.
    pub bits_max: Option<u16>,
}

/// Requests that together read every point of the group and its status register, in order of table and address. Points that
/// cannot be asked for (see [`Why`]) are left out.
#[must_use]
pub fn plan(map: &ModbusMap, group: Group, line: &Line, learned: &Learned) -> Vec<Request> {
    let limits = Limits::of(map, learned);
    let wanted = map.points.iter().filter(|point| point.group == group && limits.why_not(point).is_none());
    cheapest(wanted.flat_map(alone).collect(), &limits, line)
}

/// Requests for one point and nothing else: its value, and its status register if it has one.
#[must_use]
pub fn alone(point: &RegisterPoint) -> Vec<Request> {
    let value = Request { table: point.table, address: point.address, count: point.length };
    let status = point.status.map(|status| Request { table: point.table, address: status.address, count: 1 });
    let apart = status.filter(|status| !value.covers(status));
    std::iter::once(value).chain(apart).collect()
}

/// What a plan has to keep to.
struct Limits<'a> {
    registers_max: u16,
    bits_max: u16,
    gap_max: u32,
    refused: &'a BTreeSet<(Table, u16)>,
    unreadable: Vec<Span>,
}

impl<'a> Limits<'a> {
    fn of(map: &ModbusMap, learned: &'a Learned) -> Self {
        let registers_max = learned.registers_max.map_or(map.registers_max, |learned| learned.min(map.registers_max));
        Self {
            registers_max: registers_max.clamp(1, MODBUS_REGISTERS_MAX),
            bits_max: learned.bits_max.map_or(map.bits_max, |learned| learned.min(map.bits_max)).clamp(1, Table::Coil.count_max()),
            gap_max: u32::from(map.gap_max),
            refused: &learned.refused,
            unreadable: map.unreadable.iter().chain(&learned.unreadable).copied().collect(),
        }
    }

    /// Why a point cannot be asked for. Without its status register a value says nothing, so that counts as well.
    fn why_not(&self, point: &RegisterPoint) -> Option<Why> {
        alone(point).iter().find_map(|one| match one {
            one if one.count == 0 || one.last() > u32::from(u16::MAX) => Some(Why::Beyond),
            one if one.count > one.table.count_max() => Some(Why::TooWide),
            one if self.refused.contains(&(one.table, one.address)) => Some(Why::Refused),
            one if self.is_unreadable(one) => Some(Why::Unreadable),
            _ => None,
        })
    }

    fn is_unreadable(&self, request: &Request) -> bool {
        self.unreadable.iter().any(|span| request.touches(span))
    }

    /// One request for both and everything in between, if there may be one. `next` begins behind `block` and ends behind it.
    fn joined(&self, block: &Request, next: &Request) -> Option<Request> {
        if block.table != next.table || u32::from(next.address) > block.last() + 1 + self.gap_max {
            return None;
        }
        let count_max = if block.table.is_bits() { self.bits_max } else { self.registers_max };
        let count = u16::try_from(next.last() + 1 - u32::from(block.address)).ok().filter(|count| *count <= count_max)?;
        let joined = Request { count, ..*block };
        (!self.is_unreadable(&joined)).then_some(joined)
    }
}

/// The cheapest requests that cover all of `wanted`, each of them whole in one; of equally cheap ones the fewest.
fn cheapest(mut wanted: Vec<Request>, limits: &Limits<'_>, line: &Line) -> Vec<Request> {
    // Wider ones first, so that what lies inside another follows it and is dropped; then both ends rise.
    wanted.sort_unstable_by_key(|one| (one.table, one.address, u16::MAX - one.count));
    wanted.dedup_by(|one, before| before.covers(one));
    // For each place: the cost and number of requests from there to the end, and the request that begins there.
    let mut best: Vec<(u64, usize, Option<Request>)> = vec![(0, 0, None); wanted.len() + 1];
    for from in (0..wanted.len()).rev() {
        let mut block = wanted[from];
        let mut behind = from + 1;
        let cost = |block: &Request, behind: usize| (line.cost_ns(block).saturating_add(best[behind].0), best[behind].1 + 1);
        let mut cheapest = (cost(&block, behind), block);
        while let Some(joined) = wanted.get(behind).and_then(|next| limits.joined(&block, next)) {
            (block, behind) = (joined, behind + 1);
            let with = cost(&block, behind);
            if with < cheapest.0 {
                cheapest = (with, block);
            }
        }
        let ((cost, requests), block) = cheapest;
        best[from] = (cost, requests, Some(block));
    }
    let mut requests: Vec<Request> = Vec::new();
    for (one, (_, _, begins)) in wanted.iter().zip(best) {
        if !requests.last().is_some_and(|last| last.covers(one)) {
            requests.extend(begins);
        }
    }
    requests
}

#[cfg(test)]
mod tests;
