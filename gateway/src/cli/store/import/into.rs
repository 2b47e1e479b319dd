//! Points into the outbox of a gateway that does not run. The file is read twice: first to know every tag set and every bad
//! line, then to append. One request of points in memory.

use super::point::{Imported, parse};
use super::source::{Line, Source};
use super::{ImportArgs, Rejected, no_input};
use crate::cli::store::words::count;
use crate::cli::{Exit, check};
use crate::store::{self, Append, Destination, OpenError, Options, Overflow, RealDisk, Sink, Store};
use facility_config::limits::BATCHES_PER_APPEND_MAX;
use facility_config::{DeviceIx, Point};
use facility_drivers::{Batch, Clock, Metric, Subject};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Left free on the file system for the gateway itself, bytes.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;
/// Readings in one batch.
const BATCH_READINGS_MAX: usize = 512;

/// What the first reading of the file found.
#[derive(Default)]
struct Seen {
    /// Number of every tag set.
    origins: HashMap<String, u16>,
    points: u64,
}

/// Appends every point of the file. Returns the account in words.
pub(super) fn outbox(args: &ImportArgs, rejected: &mut Rejected) -> Result<String, Exit> {
    if !args.dir.is_dir() {
        let dir = args.dir.display();
        return Err(Exit::Start {
            code: 66,
            message: format!("{dir} is not there: name the data folder of the gateway that is to forward this"),
        });
    }
    let clock = Clock::system();
    if !clock.is_set() {
        return Err(Exit::Start {
            code: 78,
            message: "the clock of this machine is not set: set it first, or times would be taken for guesses".to_owned(),
        });
    }
    let seen = look(args, rejected)?;
    if seen.points == 0 {
        return Ok("there is nothing to import".to_owned());
    }
    let mut tags = vec![String::new(); seen.origins.len()];
    for (text, at) in &seen.origins {
        tags[usize::from(*at)].clone_from(text);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Exit::Defect(error.to_string()))?;
    let opened = store::open(options(args, tags), clock, RealDisk).map_err(|error| no_outbox(&error))?;
    let begun_at = opened.store.durable().borrow().end;
    let appended = runtime.block_on(append(args, &seen, &opened.store));
    // Also what was appended before a failure is durable or not there at all when this has ended.
    let closed = runtime.block_on(opened.store.close());
    let durable = opened.store.durable().borrow().clone();
    drop(opened.store);
    let _ = opened.thread.join();
    give_back(&args.dir, &args.outbox());
    let (points, fault) = (durable.end - begun_at, durable.fault.clone());
    if appended? && closed.is_ok() && points == seen.points {
        return Ok(format!("{} points are in {} and leave with the next start of the gateway", count(points), args.outbox().display()));
    }
    let why = fault.unwrap_or_else(|| "the store has stopped".to_owned());
    let message = format!(
        "only {} of {} points were imported: {why}; importing the whole file again does no harm",
        count(points),
        count(seen.points)
    );
    Err(Exit::Start { code: 74, message })
}

fn options(args: &ImportArgs, origins: Vec<String>) -> Options {
    // Every destination goes on where it stood. One that has not run yet and begins with what comes stands before this.
    let mut destinations = store::destinations(&args.outbox());
    let is_new = |one: &Destination| destinations.iter().all(|known| known.name != one.name);
    let new: Vec<Destination> = declared(args).into_iter().filter(is_new).collect();
    destinations.extend(new);
    destinations.truncate(Sink::DESTINATIONS.len());
    Options {
        dir: args.outbox(),
        name: "outbox",
        commit_delay: Duration::from_millis(200),
        bytes_max: u64::MAX,
        free_bytes_min: FREE_BYTES_MIN,
        // What waits for the database must not give way to what comes.
        overflow: Overflow::Block,
        early_acks: BATCHES_PER_APPEND_MAX,
        origins,
        sinks: Sink::DESTINATIONS.into_iter().take(destinations.len().max(1)).collect(),
        destinations,
    }
}

/// The destinations that will read the outbox, if the configuration is there and of this folder.
fn declared(args: &ImportArgs) -> Vec<Destination> {
    let Ok(loaded) = check::load(&args.config) else { return Vec::new() };
    let is_same = loaded.site.store.dir.canonicalize().ok().is_some_and(|dir| args.dir.canonicalize().is_ok_and(|other| dir == other));
    let readers = loaded.site.forward.iter().filter(|forward| is_same && forward.takes_outbox());
    readers.map(|forward| Destination { name: forward.name.clone(), start_now: forward.start_now }).collect()
}

fn no_outbox(error: &OpenError) -> Exit {
    let code = if matches!(error, OpenError::InUse { .. }) { 75 } else { 78 };
    Exit::Start { code, message: error.to_string() }
}

/// Reads everything once, changing nothing.
fn look(args: &ImportArgs, rejected: &mut Rejected) -> Result<Seen, Exit> {
    let mut source = Source::open(&args.file).map_err(|error| no_input(args, &error))?;
    let mut seen = Seen::default();
    while let Some(line) = source.next() {
        let (number, text) = match line {
            Line::Text(number, text) => (number, text),
            Line::Bad(number, why) => {
                rejected.note(number, why);
                continue;
            }
        };
        if !text.starts_with('{') {
            rejected.note(number, "no JSON object; line protocol can only be sent with --url");
            continue;
        }
        match parse(text).and_then(|point| known(&point).map(|_| point)) {
            Ok(point) => {
                seen.points += 1;
                let next = u16::try_from(seen.origins.len()).map_err(|_| too_many())?;
                seen.origins.entry(point.tags).or_insert(next);
            }
            Err(why) => rejected.note(number, &why),
        }
    }
    Ok(seen)
}

fn too_many() -> Exit {
    Exit::Start { code: 65, message: format!("more than {} tag sets in one file: import it in parts", u16::MAX) }
}

/// A series that this version can store.
fn known(point: &Imported) -> Result<Point, String> {
    let unknown =
        || format!("this version does not know the series {}; send it with --url, or use the version that wrote it", point.metric.name);
    point.metric.point.ok_or_else(unknown)
}

/// Appends everything; `false` if the store cannot go on.
async fn append(args: &ImportArgs, seen: &Seen, store: &Store) -> Result<bool, Exit> {
    let mut source = Source::open(&args.file).map_err(|error| no_input(args, &error))?;
    let mut batches: Vec<Batch> = Vec::new();
    while let Some(line) = source.next() {
        let Line::Text(_, text) = line else { continue };
        let Ok(point) = parse(text) else { continue };
        let (Ok(known), Some(at)) = (known(&point), seen.origins.get(&point.tags)) else { continue };
        add(&mut batches, &point, DeviceIx(*at), known);
        if batches.len() > BATCHES_PER_APPEND_MAX {
            let rest = batches.split_off(BATCHES_PER_APPEND_MAX);
            if !hand_over(store, std::mem::replace(&mut batches, rest)).await {
                return Ok(false);
            }
        }
    }
    Ok(hand_over(store, batches).await)
}

fn add(batches: &mut Vec<Batch>, point: &Imported, device: DeviceIx, known: Point) {
    let (keep, provisional) = (point.flags & store::record::KEEP != 0, point.flags & store::record::PROVISIONAL != 0);
    let metric = Metric { point: known, part: point.metric.part };
    let fits = |batch: &&mut Batch| {
        (batch.device, batch.at_ms, batch.keep, batch.provisional) == (Some(device), point.at_ms, keep, provisional)
            && batch.readings.len() < BATCH_READINGS_MAX
    };
    if let Some(batch) = batches.last_mut().filter(fits) {
        batch.push(metric, point.value.clone());
        return;
    }
    let mut batch = Batch::new(device, Subject::Metric, point.at_ms);
    (batch.keep, batch.provisional) = (keep, provisional);
    batch.push(metric, point.value.clone());
    batches.push(batch);
}

/// Waits for room in the queue; gives up when the store says that it cannot write.
async fn hand_over(store: &Store, batches: Vec<Batch>) -> bool {
    let mut durable = store.durable();
    let failed = async {
        let failed = durable.wait_for(|durable| durable.fault.is_some() || durable.full).await;
        drop(failed);
    };
    tokio::select! {
        biased;
        () = failed => false,
        appended = store.append(Append { batches, mark: None }) => appended.is_ok(),
    }
}

/// Files that root has made belong to the gateway's user afterwards, or it could not open them.
fn give_back(data: &Path, outbox: &Path) {
    let Ok(owner) = std::fs::metadata(data) else { return };
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folders = [outbox.to_owned(), outbox.join("wal"), outbox.join("blk")];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten().map(|entry| entry.path());
    for path in files.chain([outbox.to_owned()]) {
        if let Err(error) = std::os::unix::fs::lchown(&path, Some(owner.uid()), Some(owner.gid())) {
            tracing::warn!(path = %path.display(), %error, "the owner of the data folder cannot be given this file");
        }
    }
}
