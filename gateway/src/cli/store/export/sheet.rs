//! CSV (RFC 4180): a header, then one row per point. Missing values are rows without a value that say why.

use super::super::words;
use super::{Filter, Writer};
use crate::store::record::{KEEP, PROVISIONAL};
use crate::store::{Names, Page, Record, Seq};
use facility_drivers::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

/// Tags other than the device, in every store that is written.
pub(super) fn keys(names: &[Arc<Names>]) -> Vec<String> {
    let origins = names.iter().flat_map(|names| &names.origins);
    let keys: BTreeSet<String> = origins.flat_map(|origin| words::tags(&origin.tags)).map(|(key, _)| key).collect();
    keys.into_iter().filter(|key| key != "device_id").collect()
}

/// The first line.
pub(super) fn header(keys: &[String]) -> String {
    let mut out = "time,epoch_ms,device".to_owned();
    for key in keys {
        out.push(',');
        push(&mut out, key);
    }
    out.push_str(",point,part,value,quality,flags\r\n");
    out
}

/// Rows of a table.
pub(super) struct Sheet {
    keys: Vec<String>,
    /// Cells of every tag set and of every series, by number.
    origins: Vec<String>,
    metrics: Vec<String>,
    written: u64,
}

impl Sheet {
    pub(super) fn new(keys: Vec<String>) -> Self {
        Self { keys, origins: Vec::new(), metrics: Vec::new(), written: 0 }
    }

    fn learn(&mut self, names: &Names) {
        for origin in names.origins.iter().skip(self.origins.len()) {
            let tags = words::tags(&origin.tags);
            let mut cells = String::new();
            for key in std::iter::once("device_id").chain(self.keys.iter().map(String::as_str)) {
                cells.push(',');
                push(&mut cells, tags.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value));
            }
            self.origins.push(cells);
        }
        for metric in names.metrics.iter().skip(self.metrics.len()) {
            let mut cells = ",".to_owned();
            push(&mut cells, &metric.name);
            cells.push(',');
            push(&mut cells, metric.part.as_str());
            self.metrics.push(cells);
        }
    }

    fn row(&self, out: &mut String, record: &Record) {
        let (Some(origin), Some(metric)) = (self.origins.get(record.origin as usize), self.metrics.get(record.metric as usize)) else {
            return;
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "{},{}{origin}{metric},", words::time(record.at_ms), record.at_ms);
        let mut quality = "good";
        let _ = match &record.value {
            Value::Float(number) => write!(out, "{number:?}"),
            Value::Int(number) => write!(out, "{number}"),
            Value::Bool(yes) => write!(out, "{yes}"),
            Value::Text(text) => {
                push(out, text);
                Ok(())
            }
            Value::Missing(why) => {
                quality = why.as_str();
                Ok(())
            }
        };
        let flags = [(KEEP, "keep"), (PROVISIONAL, "time_corrected")];
        let flags: Vec<&str> = flags.into_iter().filter(|(bit, _)| record.flags & bit != 0).map(|(_, word)| word).collect();
        let _ = write!(out, ",{quality},{}\r\n", flags.join(" "));
    }
}

impl Writer for Sheet {
    fn page(&mut self, page: &Page, filter: &Filter, out: &mut dyn Write) -> io::Result<Seq> {
        self.learn(&page.names);
        let mut text = String::new();
        for record in page.records.iter().filter(|record| filter.takes(record, &page.names)) {
            self.row(&mut text, record);
            self.written += 1;
        }
        out.write_all(text.as_bytes()).map(|()| page.next)
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<u64> {
        Ok(self.written)
    }
}

/// A cell, in quotes where it must be.
fn push(out: &mut String, cell: &str) {
    if cell.contains([',', '"', '\r', '\n']) {
        out.push('"');
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(cell);
    }
}
