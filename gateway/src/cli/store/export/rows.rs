//! JSON lines: one object per point with everything that was recorded, for `store import`.
//!
//! ```text
//! {"at_ms":1790000000000,"tags":{"device_id":"fz-01","district":"350102"},"series":"cabinet.air_c","float":-18.5}
//! ```
//! `part` where there is one; the value is one of `float` (a number, or "NaN", "inf", "-inf"), `int`, `bool`, `text` and
//! `missing` (why); `flags` of `keep` and `time_corrected` where they are set. Tags that are no pairs are one text.

use super::super::words;
use super::{Filter, Writer};
use crate::forward::line;
use crate::store::record::{KEEP, MetricName, PROVISIONAL};
use crate::store::{Names, Page, Record, Seq};
use facility_drivers::Value;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Objects on their way out.
#[derive(Default)]
pub(in crate::cli::store) struct Rows {
    /// Beginnings of every tag set and of every series, by number.
    origins: Vec<String>,
    metrics: Vec<String>,
    written: u64,
}

impl Rows {
    fn learn(&mut self, names: &Names) {
        self.origins.extend(names.origins.iter().skip(self.origins.len()).map(|origin| tags(&origin.tags)));
        self.metrics.extend(names.metrics.iter().skip(self.metrics.len()).map(series));
    }

    /// Writes the points of a page that are wanted.
    pub(in crate::cli::store) fn write(&mut self, page: &Page, wanted: impl Fn(&Record) -> bool, out: &mut dyn Write) -> io::Result<()> {
        self.learn(&page.names);
        let mut text = String::new();
        for record in page.records.iter().filter(|record| wanted(record)) {
            self.row(&mut text, record);
            self.written += 1;
        }
        out.write_all(text.as_bytes())
    }

    fn row(&self, out: &mut String, record: &Record) {
        let (Some(origin), Some(metric)) = (self.origins.get(record.origin as usize), self.metrics.get(record.metric as usize)) else {
            return;
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "{{\"at_ms\":{},{origin},{metric},{}", record.at_ms, value(&record.value));
        let flags = [(KEEP, "\"keep\""), (PROVISIONAL, "\"time_corrected\"")];
        let flags: Vec<&str> = flags.into_iter().filter(|(bit, _)| record.flags & bit != 0).map(|(_, word)| word).collect();
        if !flags.is_empty() {
            let _ = write!(out, ",\"flags\":[{}]", flags.join(","));
        }
        out.push_str("}\n");
    }
}

fn tags(stored: &str) -> String {
    let pairs = words::tags(stored);
    let again = line::tags(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let object: serde_json::Map<_, _> = pairs.into_iter().map(|(key, value)| (key, value.into())).collect();
    if again == stored { format!("\"tags\":{}", json!(object)) } else { format!("\"tags\":{}", json!(stored)) }
}

fn series(metric: &MetricName) -> String {
    let name = format!("\"series\":{}", json!(&*metric.name));
    if metric.part.is_whole() { name } else { format!("{name},\"part\":{}", json!(metric.part.as_str())) }
}

fn value(value: &Value) -> String {
    match value {
        Value::Float(number) if number.is_finite() => format!("\"float\":{}", json!(number)),
        Value::Float(number) => format!("\"float\":\"{number}\""),
        Value::Int(number) => format!("\"int\":{number}"),
        Value::Bool(yes) => format!("\"bool\":{yes}"),
        Value::Text(text) => format!("\"text\":{}", json!(&**text)),
        Value::Missing(why) => format!("\"missing\":\"{}\"", why.as_str()),
    }
}

impl Writer for Rows {
    fn page(&mut self, page: &Page, filter: &Filter, out: &mut dyn Write) -> io::Result<Seq> {
        self.write(page, |record| filter.takes(record, &page.names), out).map(|()| page.next)
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<u64> {
        Ok(self.written)
    }
}
