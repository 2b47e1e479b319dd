//! How long one series over a day, and over all of it, takes in a store of three weeks; in a process of its own, warm.

use crate::feed::Feed;
use crate::figures::{ALL_OF_ONE_CPU, ALL_OF_ONE_PART, DAY_OF_ONE_CPU, DAY_OF_ONE_P50, DAY_OF_ONE_P99};
use crate::table::Table;
use facility_drivers::sim::workload::{DEVICES, POINTS, START_MS, Workload};
use facility_gateway::store::{History, HistoryQuery, Store};
use facility_tests::meter;
use fastrand::Rng;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const DAY_MS: i64 = 86_400_000;
/// Asked before the clock runs, so that the files are in the page cache.
const WARM_UP: usize = 5;
const QUERIES: usize = 15;
const ALL_BUCKETS: u32 = 365;
/// Points at the end of [`POINTS`] that are words: they have no buckets.
const WORDS: usize = 1;

/// What asking took.
#[derive(Debug, Default)]
struct Asked {
    values: u64,
    cpu: Duration,
    walls_ms: Vec<f64>,
    /// Of single parts: as long as a commit may have to wait.
    longest_part_ms: f64,
}

impl Asked {
    /// Asks for one series, part by part as the status server does, and adds what it took.
    async fn ask(&mut self, store: &Store, mut query: HistoryQuery) {
        let (cpu, began, mut whole) = (meter::cpu(), Instant::now(), History::default());
        loop {
            let part_began = Instant::now();
            let part = store.history(query.clone()).await.expect("the store runs");
            self.longest_part_ms = self.longest_part_ms.max(ms(part_began.elapsed()));
            let next = part.next;
            whole.add(part);
            match next {
                Some(next) => query.from = next,
                None => break,
            }
        }
        self.walls_ms.push(ms(began.elapsed()));
        self.cpu += meter::cpu() - cpu;
        self.values += whole.samples.len() as u64 + whole.buckets.iter().map(|bucket| bucket.count).sum::<u64>();
        assert!(!whole.cut && whole.unreadable == 0);
    }

    fn cpu_ms(&self) -> f64 {
        ms(self.cpu) / QUERIES as f64
    }

    fn wall_ms(&mut self, share: f64) -> f64 {
        self.walls_ms.sort_by(f64::total_cmp);
        self.walls_ms[((self.walls_ms.len() - 1) as f64 * share).round() as usize]
    }
}

/// In a child: opens the store and asks; answers on standard output.
pub(crate) fn child(dir: &Path) {
    let (feed, _) = Feed::open(dir, DEVICES, START_MS);
    let end = feed.durable().end;
    let newest = feed.runtime().block_on(feed.store().read(end - 1, 1)).expect("the store runs");
    let to_ms = newest.records[0].at_ms;
    let mut day = ask(&feed, HistoryQuery { from_ms: to_ms - DAY_MS, ..query(to_ms, None) });
    let all = ask(&feed, query(to_ms, Some(ALL_BUCKETS)));
    println!(
        "{}",
        json!({
            "p50_ms": day.wall_ms(0.5), "p99_ms": day.wall_ms(0.99), "cpu_ms": day.cpu_ms(), "values": day.values / QUERIES as u64,
            "all_cpu_ms": all.cpu_ms(), "all_part_ms": all.longest_part_ms, "all_values": all.values / QUERIES as u64, "queries": QUERIES,
        })
    );
}

/// The whole store's time, of nobody yet.
fn query(to_ms: i64, buckets: Option<u32>) -> HistoryQuery {
    HistoryQuery { tag: String::new(), metric: POINTS[0].into(), from_ms: START_MS, to_ms, buckets, from: 0 }
}

/// The same question about different series, the first ones not counted.
fn ask(feed: &Feed, query: HistoryQuery) -> Asked {
    let (mut rng, origins, mut asked) = (Rng::with_seed(7), Workload::tags(DEVICES), Asked::default());
    for nth in 0..WARM_UP + QUERIES {
        if nth == WARM_UP {
            asked = Asked::default();
        }
        let origin = &origins[rng.usize(0..origins.len())];
        let tag = origin.split(',').find(|tag| tag.starts_with("device_id=")).expect("the tag of a device").to_owned();
        let metric = POINTS[rng.usize(0..POINTS.len() - WORDS)].into();
        feed.runtime().block_on(asked.ask(feed.store(), HistoryQuery { tag, metric, ..query.clone() }));
    }
    asked
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

pub(crate) fn add(table: &mut Table, answer: &Value) {
    let number = |key: &str| answer[key].as_f64().expect("an answer of the child");
    table.add(&DAY_OF_ONE_P50, number("p50_ms"));
    table.add(&DAY_OF_ONE_P99, number("p99_ms"));
    table.add(&DAY_OF_ONE_CPU, number("cpu_ms"));
    table.add(&ALL_OF_ONE_CPU, number("all_cpu_ms"));
    table.add(&ALL_OF_ONE_PART, number("all_part_ms"));
    table.note(format!(
        "query: {} series at random, {} values each in 24 h, {} in all",
        answer["queries"], answer["values"], answer["all_values"]
    ));
}
