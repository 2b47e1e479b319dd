//! What a day of 200 devices costs the flash: one commit a second of three or four messages, 33 points.
//!
//! Computed from commits as fast as they go, which leaves out what the file system does by time; measured in real time
//! with the journal's default of five seconds and with a minute, with and without readers.

use crate::feed::{Feed, messages_of_second};
use crate::figures::{DAY_CALM, DAY_CALM_READ, DAY_COMPUTED, DAY_PLAIN, DAY_PLAIN_READ, Figure};
use crate::place::{CALM, PLAIN, Place};
use crate::table::Table;
use facility_gateway::store::{Cursor, Sink};
use std::time::{Duration, Instant};

const DAY_S: f64 = 86_400.0;
/// Commits, nearly six hours of them.
const COMPUTED_FROM: u64 = 20_000;

pub(crate) fn compute(table: &mut Table) {
    let place = Place::mounted(PLAIN, 1);
    let (mut feed, _) = Feed::settled(&place);
    let before = place.written();
    for second in 0..COMPUTED_FROM {
        feed.commit(messages_of_second(second));
    }
    feed.close();
    let written = place.written_and_settled().zip(before).map(|(after, before)| after - before);
    table.add_if(&DAY_COMPUTED, written.map(|bytes| bytes as f64 * DAY_S / COMPUTED_FROM as f64 / 1e6));
}

struct Run {
    figure: &'static Figure,
    place: Place,
    feed: Feed,
    reads: bool,
    before: Option<u64>,
}

/// All mounts side by side, second by second.
pub(crate) fn measure(table: &mut Table, seconds: u64) {
    let kinds = [(&DAY_PLAIN, PLAIN, false), (&DAY_CALM, CALM, false), (&DAY_PLAIN_READ, PLAIN, true), (&DAY_CALM_READ, CALM, true)];
    let mut runs = kinds.map(|(figure, options, reads)| {
        let place = Place::mounted(options, 1);
        let (feed, _) = Feed::settled(&place);
        let before = place.written();
        Run { figure, place, feed, reads, before }
    });
    let began = Instant::now();
    for second in 0..seconds {
        std::thread::sleep((began + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
        for run in &mut runs {
            run.feed.commit(messages_of_second(second));
            if run.reads {
                run.read();
            }
        }
    }
    for run in runs {
        // Before the end: closing would write what in the field is written once in a long run.
        let written = run.place.written().zip(run.before).map(|(after, before)| after - before);
        run.feed.close();
        table.add_if(run.figure, written.map(|bytes| bytes as f64 * DAY_S / seconds as f64 / 1e6));
    }
    table.note(format!("day: measured for {seconds} s; the rest of the day is taken to be like it, without the sealing of blocks"));
}

impl Run {
    /// Both readers are where the log ends.
    fn read(&mut self) {
        let cursor = Cursor { next: self.feed.durable().end, ..Cursor::default() };
        for sink in [Sink::Aggregate, Sink::Forward] {
            self.feed.runtime().block_on(self.feed.store().advance(sink, cursor)).expect("the store runs");
        }
    }
}
