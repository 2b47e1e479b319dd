//! Every point of a profile, with its value or the reason why it has none, and the words it was made of.

use super::Seen;
use crate::cli::modbus::why;
use crate::cli::store::words::plain;
use facility_config::device::Polling;
use facility_config::profile::{Group, ModbusMap, RegisterPoint};
use facility_config::site::Bus;
use facility_drivers::decode::registers::decode;
use facility_drivers::modbus::{Inquiry, NoAnswer, commission};
use facility_drivers::plan::{Learned, Line, Request, alone, plan};
use facility_drivers::scan::Registers;
use facility_drivers::{Fault, Value};
use serde_json::json;
use std::io;
use std::time::Duration;

/// Questions in a row without an answer after which the unit is given up.
const UNANSWERED_MAX: u32 = 3;

pub(super) struct Model {
    map: ModbusMap,
    line: Line,
    wait: Duration,
}

/// What was read, and why the rest was not.
#[derive(Default)]
struct Read {
    registers: Registers,
    failed: Vec<(Request, String)>,
    answered: bool,
    unanswered: u32,
}

impl Model {
    /// `polling` holds what was seen at commissioning.
    pub(super) fn new(mut map: ModbusMap, bus: &Bus, polling: &Polling, wait: Option<Duration>) -> Self {
        map.points.iter_mut().for_each(|point| commission(point, polling));
        let wait = wait.or(polling.timeout).unwrap_or(map.timeout);
        Self { line: Line::of(bus, map.turnaround), map, wait }
    }

    pub(super) async fn read(&self, inquiry: &mut Inquiry, unit: u8) -> io::Result<Seen> {
        let mut read = Read::default();
        for group in Group::ALL {
            for request in plan(&self.map, group, &self.line, &Learned::default()) {
                self.ask(inquiry, unit, request, &mut read).await?;
            }
        }
        Ok(self.seen(unit, &read))
    }

    /// Asks for a block; if it is refused, for each of its points alone.
    async fn ask(&self, inquiry: &mut Inquiry, unit: u8, request: Request, read: &mut Read) -> io::Result<()> {
        let singly: Vec<Request> = self.map.points.iter().flat_map(alone).filter(|one| request.covers(one) && *one != request).collect();
        let mut todo = vec![request];
        while let Some(request) = todo.pop() {
            if read.unanswered >= UNANSWERED_MAX && !read.answered {
                read.failed.push((request, "no answer".into()));
                continue;
            }
            match inquiry.read(unit, &request, self.wait, &mut Vec::new()).await {
                Ok(words) => {
                    (read.answered, read.unanswered) = (true, 0);
                    read.registers.put(&request, &words);
                }
                Err(NoAnswer::Lost(error)) => return Err(error),
                Err(no) => {
                    let refused = matches!(no, NoAnswer::Refused(_));
                    (read.answered, read.unanswered) = (read.answered || refused, if refused { 0 } else { read.unanswered + 1 });
                    if refused && !singly.is_empty() && singly.iter().all(|one| *one != request) {
                        todo.extend(&singly);
                    } else {
                        read.failed.push((request, why(&no)));
                    }
                }
            }
        }
        Ok(())
    }

    fn seen(&self, unit: u8, read: &Read) -> Seen {
        let head = ["point", "part", "value", "quality", "words", "address", "maker's name"].map(str::to_owned).to_vec();
        let (mut rows, mut values) = (vec![head], Vec::new());
        for point in &self.map.points {
            let words = read.registers.get(point.table, point.address, point.length);
            let (value, quality) = value(point, words.as_deref(), read);
            let raw = words.map(|words| words.iter().map(|word| format!("{word:04X}")).collect::<Vec<_>>().join(" ")).unwrap_or_default();
            let place = format!("{} {}", point.table.as_str(), point.address);
            let text = value.as_ref().map(|value| shown(point, value)).unwrap_or_default();
            values.push(json!({
                "point": point.point.to_string(), "part": point.part.as_str(), "value": value.as_ref().map(number), "unit": point.point.unit(),
                "quality": quality, "raw": raw, "table": point.table.as_str(), "address": point.address, "name": point.origin,
            }));
            rows.push(vec![point.point.to_string(), point.part.to_string(), text, quality, raw, place, point.origin.to_string()]);
        }
        let note = (!read.answered).then(|| format!("unit {unit} does not answer"));
        Seen { rows, note, json: json!({ "unit": unit, "points": values }), answered: read.answered }
    }
}

/// The value of a point, and its quality or why it was not read.
fn value(point: &RegisterPoint, words: Option<&[u16]>, read: &Read) -> (Option<Value>, String) {
    let status = point.status.and_then(|status| read.registers.get(point.table, status.address, 1)?.first().copied());
    let Some(words) = words else {
        let own = alone(point);
        let failed = read.failed.iter().find(|(request, _)| own.iter().any(|own| request.covers(own)));
        return (None, failed.map_or_else(|| "not read".to_owned(), |(_, why)| why.clone()));
    };
    match decode(point, words, status) {
        Ok(Value::Missing(quality)) => (None, quality.as_str().into()),
        Ok(value) => (Some(value), "good".into()),
        Err(Fault::BadText) => (None, "no word for this code".into()),
        Err(fault) => (None, fault.label().into()),
    }
}

fn shown(point: &RegisterPoint, value: &Value) -> String {
    let unit = point.point.unit();
    let space = if unit.is_empty() { "" } else { " " };
    match value {
        // Fifteen digits are what a float holds for certain.
        Value::Float(float) => format!("{}{space}{unit}", (float * 1e6).round() / 1e6),
        Value::Int(int) => format!("{int}{space}{unit}"),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::Text(text) => plain(text).into_owned(),
        Value::Missing(quality) => quality.as_str().into(),
    }
}

fn number(value: &Value) -> serde_json::Value {
    match value {
        Value::Float(float) => json!(float),
        Value::Int(int) => json!(int),
        Value::Bool(yes) => json!(yes),
        Value::Text(text) => json!(&**text),
        Value::Missing(_) => serde_json::Value::Null,
    }
}
