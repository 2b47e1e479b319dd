//! A whole device from its profile: every register holds a believable value, and what the model refuses is refused.

use super::bank::Bank;
use crate::decode::frames;
use crate::decode::registers::{decode, encode};
use crate::reading::Value;
use facility_config::Point;
use facility_config::profile::{Dialect, Expect, FrameMap, Mark, ModbusMap, Profile, RegisterPoint, RegisterType, Span, Table};
use facility_config::series::Type;
use std::collections::BTreeMap;

/// Unix ms that a device shows which knows the time.
const CLOCK_MS: i64 = 1_790_000_000_000;

impl Bank {
    /// Makes the unit a device of this model: believable values, good status, the model's limits, delay and fingerprint.
    /// False if the model is on no bus.
    pub fn serve(&self, unit: u8, profile: &Profile) -> bool {
        match &profile.dialect {
            Dialect::Modbus(map) => self.serve_registers(unit, map),
            Dialect::Frame(map) => {
                self.delay(unit, map.turnaround);
                self.channels(unit, map, &vec![false; usize::from(map.channels)]);
            }
            Dialect::Mqtt(_) | Dialect::Internal => return false,
        }
        true
    }

    /// Sets the channels of a lock board, the first one first; true is not zero.
    pub fn channels(&self, unit: u8, map: &FrameMap, channels: &[bool]) {
        self.board(unit, frames::question(map, unit), frames::answer(map, unit, channels));
    }

    fn serve_registers(&self, unit: u8, map: &ModbusMap) {
        self.limit(unit, map.registers_max, map.bits_max);
        self.delay(unit, map.turnaround);
        for span in readable(map) {
            self.set(unit, span.table, span.first, &vec![0; usize::from(span.last - span.first) + 1]);
        }
        for point in &map.points {
            // A value that no register stands for leaves zeros, and a good status.
            self.set_point(unit, point, &believable(point));
        }
        map.unreadable.iter().for_each(|span| self.forget(unit, *span));
        map.fingerprint.iter().for_each(|mark| self.leave_mark(unit, map, mark));
    }

    /// Makes the fingerprint hold, if it does not yet.
    fn leave_mark(&self, unit: u8, map: &ModbusMap, mark: &Mark) {
        match mark.expect {
            Expect::Number { ty, order, low, high } => {
                let raw = RegisterPoint { order, ..RegisterPoint::plain(Point::EnergyVoltage, mark.table, mark.address, ty) };
                let words = self.words(unit, mark.table, mark.address, raw.length);
                let holds = words.and_then(|words| decode(&raw, &words, None).ok());
                if !matches!(holds, Some(Value::Float(is)) if (low..=high).contains(&is)) {
                    self.set_point(unit, &raw, &Value::Float(low.midpoint(high)));
                }
            }
            // Too many at once, or addresses that do not exist, are refused already.
            Expect::Refused(code) => {
                let used = readable(map)
                    .into_iter()
                    .any(|span| span.table == mark.table && span.first <= mark.address && mark.address <= span.last);
                if !used {
                    self.exception(unit, mark.address, code);
                }
            }
        }
    }
}

/// Addresses of the points and their status registers, joined where the device lets the gap between be read along.
fn readable(map: &ModbusMap) -> Vec<Span> {
    let mut firsts: BTreeMap<(Table, u16), u16> = BTreeMap::new();
    for point in &map.points {
        let last = point.address.saturating_add(point.length.saturating_sub(1));
        let value = Span { table: point.table, first: point.address, last };
        let status = point.status.map(|status| Span { table: point.table, first: status.address, last: status.address });
        for span in [Some(value), status].into_iter().flatten() {
            let end = firsts.entry((span.table, span.first)).or_insert(span.last);
            *end = span.last.max(*end);
        }
    }
    let mut spans: Vec<Span> = Vec::new();
    for ((table, first), last) in firsts {
        match spans.last_mut() {
            Some(span) if span.table == table && u32::from(first) <= u32::from(span.last) + 1 + u32::from(map.gap_max) => {
                span.last = span.last.max(last);
            }
            _ => spans.push(Span { table, first, last }),
        }
    }
    spans
}

/// The first value that the point's registers can hold and that reads back as a value.
fn believable(point: &RegisterPoint) -> Value {
    let plain = RegisterPoint { status: None, ..point.clone() };
    let reads_back = |value: &Value| {
        let words = encode(&plain, value)?;
        decode(&plain, &words, None).ok().filter(|value| !matches!(value, Value::Missing(_)))
    };
    let candidates = candidates(point);
    candidates.iter().find(|value| reads_back(value).is_some()).or(candidates.first()).cloned().unwrap_or(Value::Bool(false))
}

fn candidates(point: &RegisterPoint) -> Vec<Value> {
    if matches!(point.ty, RegisterType::EpochS | RegisterType::EpochMs) {
        return vec![Value::Int(CLOCK_MS)];
    }
    let middle = point.range.map(|(low, high)| low.midpoint(high));
    let numbers = [typical(point.point), middle, Some(1.0), Some(0.0)].into_iter().flatten();
    match point.point.info().ty {
        Type::Float => numbers.map(Value::Float).collect(),
        Type::Int => numbers.map(|number| Value::Int(number.round() as i64)).collect(),
        Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
        Type::Text if point.map.is_empty() => vec![Value::Text("1.0".into())],
        Type::Text => point.map.iter().map(|(_, word)| Value::Text((**word).into())).collect(),
    }
}

/// What a healthy device in a shop shows.
fn typical(point: Point) -> Option<f64> {
    Some(match point {
        Point::CabinetAir | Point::CabinetProduct | Point::VendingAir | Point::ProbeTemp => 3.5,
        Point::CabinetSetpoint | Point::VendingSetpoint => 3.0,
        Point::CabinetEvap => -4.5,
        Point::CabinetCond => 38.0,
        Point::CabinetAmbient | Point::LockerTemp => 24.5,
        Point::CabinetHumidity => 55.0,
        Point::EnergyVoltage | Point::PhaseVoltage => 229.5,
        Point::EnergyCurrent | Point::PhaseCurrent => 1.2,
        Point::EnergyActive | Point::PhaseActive => 260.0,
        Point::EnergyReactive => 45.0,
        Point::EnergyPowerFactor => 0.93,
        Point::EnergyFrequency => 50.0,
        Point::EnergyTotal => 12_345.6,
        Point::LockerDoorOpen => 0.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
