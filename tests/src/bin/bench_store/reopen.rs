//! A store of three weeks, killed while it is written, opened again: time and memory.
//!
//! Each step runs in a process of its own, this program again with `child` as its first argument, so that time and
//! memory are its own. A child answers with one line of JSON.

use crate::feed::{Feed, messages_of_second};
use crate::figures::{DRAIN, FILL_CPU, FILL_HELD, FILL_WALL, OPEN_CPU, OPEN_WALL, RSS, RSS_BEFORE};
use crate::place::{PLAIN, Place};
use crate::table::Table;
use facility_drivers::sim::workload::{DEVICES, START_MS};
use facility_tests::meter;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Three weeks.
pub(crate) const POINTS: u64 = 60_000_000;
const PER_COMMIT: usize = 1_000;
const WRITE_S: u64 = 10;
const DRAINED: u64 = 1_000_000;
const PAGE: usize = 5_000;
/// How long the writer goes on before it is killed in the middle of it.
const GOES_ON: Duration = Duration::from_millis(300);

/// A store filled by a child that was killed.
#[derive(Debug)]
pub(crate) struct Filled {
    place: Option<Place>,
    dir: PathBuf,
    /// Acknowledged before the kill, at least.
    points: u64,
}

impl Filled {
    /// Fills a new store, in `dir` if one is given; a store that is there already is taken as it is.
    pub(crate) fn new(table: &mut Table, points: u64, dir: Option<&Path>) -> Self {
        let place = dir.is_none().then(|| Place::mounted(PLAIN, 4));
        let dir = dir.or(place.as_ref().map(Place::dir)).expect("one of the two").to_owned();
        let mut filled = Self { place, dir, points };
        if filled.dir.join("store").exists() {
            table.note(format!("reopen: the store in {} was there already", filled.dir.display()));
            filled.points = 0;
            return filled;
        }
        std::fs::create_dir_all(&filled.dir).expect("a folder for the store");
        let (answer, mut child) = start("fill", &filled.dir, points);
        std::thread::sleep(GOES_ON);
        child.kill().expect("kill -9");
        child.wait().expect("it is dead");
        table.add(&FILL_CPU, number(&answer, "cpu_ns"));
        table.add(&FILL_WALL, number(&answer, "wall_s"));
        table.add(&FILL_HELD, number(&answer, "held_mb"));
        table.note(format!("reopen: {points} points, {PER_COMMIT} a commit, the writer killed with SIGKILL while it went on"));
        filled
    }

    /// Opens it in a new process.
    pub(crate) fn reopen(&self, table: &mut Table) {
        if let Some(place) = &self.place {
            place.written();
        }
        // Only root may; the note says whether it was done.
        let cold = std::fs::write("/proc/sys/vm/drop_caches", "3").is_ok();
        let answer = ask("open", &self.dir);
        assert!(answer["points"].as_u64() >= Some(self.points), "acknowledged points are missing: {answer}");
        table.add(&OPEN_CPU, number(&answer, "open_cpu_ms"));
        table.add(&OPEN_WALL, number(&answer, "open_wall_ms"));
        table.add(&RSS_BEFORE, number(&answer, "before_mb"));
        for ((peak, anon), phase) in RSS.iter().zip(["open", "write", "drain"]) {
            table.add(peak, number(&answer, &format!("{phase}_peak_mb")));
            table.add(anon, number(&answer, &format!("{phase}_anon_mb")));
        }
        table.add(&DRAIN, number(&answer, "drain_rate"));
        table.note(format!(
            "reopen: found {} points, page cache {}",
            answer["points"],
            if cold { "dropped before" } else { "warm: not root" }
        ));
    }

    /// One series over a day, in a new process.
    pub(crate) fn query(&self, table: &mut Table) {
        crate::query::add(table, &ask("query", &self.dir));
    }
}

/// Runs a child to its end.
fn ask(what: &str, dir: &Path) -> Value {
    let (answer, mut child) = start(what, dir, 0);
    assert!(child.wait().expect("a child").success(), "the child failed: {what}");
    answer
}

/// Starts a child and waits for its line.
fn start(what: &str, dir: &Path, points: u64) -> (Value, Child) {
    let mut command = Command::new(std::env::current_exe().expect("path of this program"));
    command.args(["child", what]).arg(dir).arg(points.to_string()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a child");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its answer");
    (serde_json::from_str(&line).unwrap_or_else(|_| panic!("the child {what} said: {line}")), child)
}

fn number(answer: &Value, key: &str) -> f64 {
    answer[key].as_f64().unwrap_or_else(|| panic!("{key} in {answer}"))
}

/// In a child: fills a store, says so, and goes on with small commits until it is killed.
pub(crate) fn fill(dir: &Path, points: u64) {
    let (mut feed, _) = Feed::open(dir, DEVICES, START_MS);
    let spent = feed.run(points, PER_COMMIT, |_| {});
    let held_mb = feed.durable().bytes_on_disk as f64 / 1e6;
    println!("{}", json!({ "cpu_ns": spent.ns_per_point(spent.cpu), "wall_s": spent.wall.as_secs_f64(), "held_mb": held_mb }));
    loop {
        feed.commit(3);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// In a child: opens a store, writes ten seconds as in the field, drains; each with its peak of memory.
pub(crate) fn open(dir: &Path) {
    let before_mb = meter::memory_mb("VmRSS");
    let (mut answer, cpu, began) = (json!({ "before_mb": before_mb }), meter::cpu(), Instant::now());
    let (mut feed, recovery) = Feed::open(dir, DEVICES, START_MS);
    answer["open_cpu_ms"] = json!((meter::cpu() - cpu).as_secs_f64() * 1e3);
    answer["open_wall_ms"] = json!(began.elapsed().as_secs_f64() * 1e3);
    answer["points"] = json!(recovery.points);
    assert_eq!((recovery.damaged, recovery.clean), (0, false), "killed, and nothing lost");
    remember(&mut answer, "open");
    for second in 0..WRITE_S {
        std::thread::sleep((began + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
        feed.commit(messages_of_second(second));
    }
    remember(&mut answer, "write");
    let cpu = meter::cpu();
    let drained = feed.runtime().block_on(drain(&feed));
    answer["drain_rate"] = json!(drained as f64 / 1e6 / (meter::cpu() - cpu).as_secs_f64());
    remember(&mut answer, "drain");
    println!("{answer}");
}

fn remember(answer: &mut Value, phase: &str) {
    answer[format!("{phase}_peak_mb")] = json!(meter::memory_mb("VmHWM"));
    answer[format!("{phase}_anon_mb")] = json!(meter::memory_mb("RssAnon"));
    meter::forget_peak();
}

async fn drain(feed: &Feed) -> u64 {
    let start = feed.durable().start;
    let end = feed.durable().end.min(start + DRAINED);
    let mut at = start;
    while at < end {
        let page = feed.store().read(at, PAGE).await.expect("the store runs");
        assert!(page.next > at && page.lost == 0, "a page at {at}");
        at = page.next;
    }
    at - start
}
