//! What a durable commit of 10, 100 and 1000 points costs the flash and the processor.

use crate::feed::{Feed, Spent};
use crate::figures::{CREATED, WRITES, Write};
use crate::place::{PLAIN, Place};
use crate::table::Table;

/// Each is measured so often. Device bytes hardly differ; of the processor times the least is shown, because whatever
/// else runs on the machine only ever adds to it.
const TIMES: usize = 3;

pub(crate) fn measure(table: &mut Table) {
    for write in &WRITES {
        let runs: Vec<Run> = (0..TIMES).map(|_| run(write)).collect();
        let best = runs.iter().min_by_key(|run| run.spent.cpu).expect("measured at least once");
        if write.per_commit == WRITES[0].per_commit {
            table.add_if(&CREATED, best.made.map(|bytes| bytes as f64 / 1e6));
        }
        add(table, write, best);
    }
}

struct Run {
    spent: Spent,
    /// Device bytes of the commits, and of making the store before.
    written: Option<u64>,
    made: Option<u64>,
}

fn run(write: &Write) -> Run {
    let place = Place::mounted(PLAIN, 1);
    let (mut feed, made) = Feed::settled(&place);
    let before = place.written();
    let spent = feed.run(write.points, write.per_commit, |_| {});
    feed.close();
    let written = place.written_and_settled().zip(before).map(|(after, before)| after - before);
    Run { spent, written, made }
}

fn add(table: &mut Table, write: &'static Write, Run { spent, written, .. }: &Run) {
    table.add_if(&write.device, written.map(|bytes| bytes as f64 / spent.points as f64));
    table.add(&write.cpu, spent.ns_per_point(spent.cpu));
    table.add(&write.store_cpu, spent.ns_per_point(spent.store_cpu));
    table.add(&write.rate, spent.points as f64 / 1e6 / spent.cpu.as_secs_f64());
    let on_device =
        written.map_or_else(String::new, |bytes| format!(", {:.0} device bytes per commit", bytes as f64 / spent.commits as f64));
    table.note(format!(
        "write: {} points in {} commits, a fdatasync each{on_device}; {:.1} s",
        spent.points,
        spent.commits,
        spent.wall.as_secs_f64()
    ));
}
