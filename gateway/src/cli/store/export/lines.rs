//! Line protocol: the bytes that the forwarder would send.

use super::{Filter, Writer};
use crate::forward::batch::{Bounds, Packer};
use crate::store::{Page, Record, Seq};
use facility_config::limits::{FORWARD_BYTES_DEFAULT, FORWARD_LINES_DEFAULT};
use facility_config::series::Class;
use std::io::{self, Write};

const BOUNDS: Bounds = Bounds { lines: FORWARD_LINES_DEFAULT, bytes: FORWARD_BYTES_DEFAULT };

/// Everything the database is given.
const CLASSES: &[Class] = &[Class::Reading, Class::Metric, Class::Event];

/// Points on their way into lines.
pub(super) struct Lines {
    /// Events before this position are in the other store too, and are written from there.
    events_from: Seq,
    packer: Option<Packer<'static>>,
    written: u64,
}

impl Lines {
    pub(super) fn new(events_from: Seq) -> Self {
        Self { events_from, packer: None, written: 0 }
    }

    fn takes(&self, page: &Page, seq: Seq, record: &Record) -> bool {
        let point = page.names.metrics.get(record.metric as usize).and_then(|metric| metric.point);
        seq >= self.events_from || point.is_none_or(|point| point.measurement().info().class != Class::Event)
    }

    fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let Some(packer) = self.packer.take() else { return Ok(()) };
        let batch = packer.finish();
        self.written += batch.share(0..batch.len()).points;
        out.write_all(batch.text(0..batch.len()).as_bytes())
    }
}

impl Writer for Lines {
    fn page(&mut self, page: &Page, filter: &Filter, out: &mut dyn Write) -> io::Result<Seq> {
        let runs = runs(page, |seq, record| filter.takes(record, &page.names) && self.takes(page, seq, record));
        let packer = self.packer.get_or_insert_with(|| Packer::new(page.first, CLASSES, BOUNDS));
        for run in runs {
            packer.take(&run);
        }
        if !packer.is_full() {
            return Ok(page.next);
        }
        let next = packer.position();
        self.flush(out)?;
        Ok(next)
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<u64> {
        self.flush(out)?;
        Ok(self.written)
    }
}

/// The wanted points of a page, as pages without holes; the last one, empty, says where the page ends.
fn runs(page: &Page, takes: impl Fn(Seq, &Record) -> bool) -> Vec<Page> {
    let mut runs: Vec<Page> = Vec::new();
    for (seq, record) in (page.first..).zip(&page.records).filter(|(seq, record)| takes(*seq, record)) {
        match runs.last_mut() {
            Some(run) if run.next == seq => {
                run.records.push(record.clone());
                run.next = seq + 1;
            }
            _ => runs.push(Page { first: seq, next: seq + 1, lost: 0, records: vec![record.clone()], names: page.names.clone() }),
        }
    }
    runs.push(Page { first: page.next, next: page.next, lost: 0, records: Vec::new(), names: page.names.clone() });
    runs
}
