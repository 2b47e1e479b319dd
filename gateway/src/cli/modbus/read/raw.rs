//! Registers as they are, in every plain way to read them.

use super::Seen;
use crate::cli::modbus::why;
use facility_config::profile::Table;
use facility_drivers::modbus::{Inquiry, NoAnswer};
use facility_drivers::plan::Request;
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

const WAIT: Duration = Duration::from_millis(500);

pub(super) struct Raw {
    request: Request,
    wait: Duration,
}

impl Raw {
    pub(super) fn new(table: Table, address: u16, count: u16, wait: Option<Duration>) -> Self {
        Self { request: Request { table, address, count }, wait: wait.unwrap_or(WAIT) }
    }

    pub(super) async fn read(&self, inquiry: &mut Inquiry, unit: u8) -> io::Result<Seen> {
        match inquiry.read(unit, &self.request, self.wait, &mut Vec::new()).await {
            Ok(words) => Ok(self.seen(&words)),
            Err(NoAnswer::Lost(error)) => Err(error),
            Err(no) => {
                let answered = matches!(no, NoAnswer::Refused(_));
                let why = why(&no);
                Ok(Seen {
                    rows: Vec::new(),
                    note: Some(format!("unit {unit}: {why}")),
                    json: json!({ "unit": unit, "error": why }),
                    answered,
                })
            }
        }
    }

    fn seen(&self, words: &[u16]) -> Seen {
        let bits = self.request.table.is_bits();
        let head: &[&str] = if bits { &["address", "hex", "bit"] } else { &["address", "hex", "u16", "i16", "hex", "f32 with the next"] };
        let mut rows = vec![head.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>()];
        let mut values: Vec<Value> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let address = usize::from(self.request.address) + at;
            let place = vec![address.to_string(), format!("0x{address:04X}")];
            if bits {
                rows.push([place, vec![word.to_string()]].concat());
                values.push(json!({ "address": address, "bit": *word != 0 }));
                continue;
            }
            let float = words.get(at + 1).map(|next| f32::from_bits(u32::from(*word) << 16 | u32::from(*next)));
            let signed = word.cast_signed();
            rows.push(
                [place, vec![word.to_string(), signed.to_string(), format!("{word:04X}"), float.map(shown).unwrap_or_default()]].concat(),
            );
            values.push(json!({ "address": address, "u16": word, "i16": signed, "f32": float.filter(|float| float.is_finite()) }));
        }
        Seen { rows, note: None, json: json!({ "table": self.request.table.as_str(), "registers": values }), answered: true }
    }
}

/// A float as long as it is worth reading.
fn shown(float: f32) -> String {
    match float.abs() {
        0.0 => "0".into(),
        size if !float.is_finite() => {
            if size.is_nan() {
                "–".into()
            } else {
                "∞".into()
            }
        }
        0.001..1e9 => format!("{float}"),
        _ => format!("{float:e}"),
    }
}
