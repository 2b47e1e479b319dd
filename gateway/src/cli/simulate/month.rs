//! The month itself: one thread lives it, the other folds it and judges its alarms, as fast as both can.
//!
//! No broker, no JSON, no store: readings go straight into [`Fold`] and [`Engine`], which know simulated time only. Between the
//! threads wait at most [`CHUNKS_MAX`] chunks of [`CHUNK_MS`].

use super::figures::Figures;
use super::site::places;
use crate::aggregate::Fold;
use crate::alarm::Engine;
use crate::process;
use facility_config::{DeviceIx, Point, Site};
use facility_drivers::sim::fleet::{Arrival, FleetSpec, Month, MonthSpec};
use facility_drivers::{Batch, Reading, Subject, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// 2026-09-01T00:00:00+08:00.
pub(super) const START_MS: i64 = 1_788_192_000_000;
pub(super) const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// Simulated time that goes from one thread to the other at once.
const CHUNK_MS: i64 = 10 * MINUTE_MS;
const CHUNKS_MAX: usize = 16;
/// Days, from 0, on which the temperature of one cabinet is kept for the page: an ordinary one, and the one on which it fails.
const DRAWN_DAYS: [usize; 2] = [1, 11];

/// Which month.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) days: usize,
    pub(super) devices: usize,
    pub(super) seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) figures: Figures,
    pub(super) alarms: BTreeMap<String, Raised>,
    pub(super) traces: Vec<Trace>,
    pub(super) cost: Cost,
}

/// How often a rule was raised.
#[derive(Debug, Default)]
pub(super) struct Raised {
    pub(super) times: u64,
    pub(super) devices: BTreeSet<DeviceIx>,
}

/// One day of one cabinet as it was read.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) device: DeviceIx,
    pub(super) day: usize,
    /// Time of day, ms, and air temperature; none without a value.
    pub(super) air: Vec<(i64, Option<f64>)>,
    /// Time of day, ms, and whether a defrost runs.
    pub(super) defrost: Vec<(i64, bool)>,
}

/// What it took.
#[derive(Debug, Default)]
pub(super) struct Cost {
    pub(super) readings: u64,
    pub(super) wall: Duration,
    pub(super) living: Duration,
    pub(super) folding: Duration,
    pub(super) judging: Duration,
    /// Sealed state of the fold at the end.
    pub(super) snapshot_bytes: u64,
    /// Memory of the process at the end, as the kernel says.
    pub(super) rss_bytes: Option<u64>,
}

pub(super) type Chunk = Vec<(i64, Batch)>;

/// Lives and folds a month. `tell` hears of every simulated day that is over.
pub(super) fn run(site: &Arc<Site>, spec: Spec, mut tell: impl FnMut(usize)) -> std::io::Result<Outcome> {
    let began = Instant::now();
    let (give, take) = sync_channel::<Chunk>(CHUNKS_MAX);
    let mut desk = Desk::new(site, spec);
    std::thread::scope(|scope| {
        let life = std::thread::Builder::new().name("month".into()).spawn_scoped(scope, move || live(site, spec, &give))?;
        desk.work(&take, &mut tell);
        desk.cost.living = life.join().unwrap_or_default();
        std::io::Result::Ok(())
    })?;
    desk.cost.snapshot_bytes = desk.fold.snapshot().len() as u64;
    desk.cost.rss_bytes = process::usage().map(|usage| usage.rss_bytes);
    desk.cost.wall = began.elapsed();
    Ok(Outcome { figures: desk.figures, alarms: desk.alarms, traces: desk.traces, cost: desk.cost })
}

/// Makes the month, chunk by chunk, until it is over or nobody listens. Returns the time that took, waiting left out.
pub(super) fn live(site: &Site, spec: Spec, give: &SyncSender<Chunk>) -> Duration {
    let places = places(site, spec.devices);
    let fleet = FleetSpec { devices: spec.devices, seed: spec.seed, start_ms: START_MS };
    let mut month = Month::new(MonthSpec { fleet, days: spec.days as u32 });
    let end_ms = START_MS + spec.days as i64 * DAY_MS;
    let (mut now_ms, mut busy, mut arrivals) = (START_MS, Duration::ZERO, Vec::new());
    while now_ms < end_ms {
        let began = Instant::now();
        now_ms = (now_ms + CHUNK_MS).min(end_ms);
        month.arrivals(now_ms, &mut arrivals);
        let chunk = arrivals.drain(..).filter_map(|arrival| batch(&places, arrival)).collect();
        busy += began.elapsed();
        if give.send(chunk).is_err() {
            break;
        }
    }
    busy
}

fn batch(places: &[Option<DeviceIx>], arrival: Arrival) -> Option<(i64, Batch)> {
    let device = places.get(arrival.at).copied().flatten()?;
    let readings = arrival.values.into_iter().map(|(metric, value)| Reading { metric, value }).collect();
    Some((arrival.log_ms, Batch { readings, ..Batch::new(device, arrival.subject, arrival.at_ms) }))
}

/// The folding side.
struct Desk {
    fold: Fold,
    engine: Engine,
    figures: Figures,
    alarms: BTreeMap<String, Raised>,
    traces: Vec<Trace>,
    cost: Cost,
    ticked_ms: i64,
    end_ms: i64,
}

impl Desk {
    fn new(site: &Arc<Site>, spec: Spec) -> Self {
        let cabinet = site.indexed().find(|(_, device)| device.id.starts_with("fz-ekc")).map(|(ix, _)| ix);
        let drawn = DRAWN_DAYS.into_iter().filter(|day| *day < spec.days);
        let trace = |day| cabinet.map(|device| Trace { device, day, air: Vec::new(), defrost: Vec::new() });
        Self {
            fold: Fold::new(site.clone()),
            engine: Engine::new(site.clone()),
            figures: Figures::new(site, START_MS, spec.days),
            alarms: BTreeMap::new(),
            traces: drawn.filter_map(trace).collect(),
            cost: Cost::default(),
            ticked_ms: START_MS,
            end_ms: START_MS + spec.days as i64 * DAY_MS,
        }
    }

    fn work(&mut self, take: &Receiver<Chunk>, tell: &mut impl FnMut(usize)) {
        let mut days = 0;
        for chunk in take {
            let began = Instant::now();
            let closed = self.fold_all(&chunk);
            let folded = Instant::now();
            self.judge_all(&chunk);
            self.cost.folding += folded - began;
            self.cost.judging += folded.elapsed();
            closed.iter().for_each(|batch| self.figures.add(batch));
            self.trace(&chunk);
            let day = ((self.ticked_ms - START_MS) / DAY_MS) as usize;
            if day > days {
                days = day;
                tell(day);
            }
        }
        // The last window waits for its grace.
        self.close(self.end_ms + CHUNK_MS).iter().for_each(|batch| self.figures.add(batch));
    }

    fn fold_all(&mut self, chunk: &Chunk) -> Vec<Batch> {
        let (mut closed, mut closed_ms) = (Vec::new(), i64::MIN);
        for (log_ms, batch) in chunk {
            if *log_ms > closed_ms {
                closed_ms = *log_ms;
                closed.append(&mut self.close(*log_ms));
            }
            let Some(device) = batch.device else { continue };
            for reading in &batch.readings {
                self.fold.observe(*log_ms, device, reading.metric, batch.at_ms, &reading.value);
            }
            self.cost.readings += batch.readings.len() as u64;
        }
        closed
    }

    fn close(&mut self, log_ms: i64) -> Vec<Batch> {
        let mut closed = Vec::new();
        loop {
            let mut more = self.fold.close(log_ms);
            // Nothing longer than a day is shown.
            self.fold.turns();
            if more.is_empty() {
                return closed;
            }
            closed.append(&mut more);
        }
    }

    fn judge_all(&mut self, chunk: &Chunk) {
        for (log_ms, batch) in chunk {
            while self.ticked_ms + MINUTE_MS <= *log_ms {
                self.ticked_ms += MINUTE_MS;
                let events = self.engine.tick(self.ticked_ms);
                self.note(&events);
            }
            let events = self.engine.observe(batch, *log_ms);
            self.note(&events);
        }
    }

    /// Counts what was raised; what else becomes of an alarm is not counted.
    fn note(&mut self, events: &[Batch]) {
        for event in events {
            let is =
                |point: Point, wanted: &Value| event.readings.iter().find(|one| one.metric.point == point).map(|one| one.value == *wanted);
            let active = event.readings.iter().find(|one| one.metric.point == Point::AlarmActive && one.value == Value::Int(1));
            let raised = is(Point::AlarmState, &Value::Text("raised".into())).unwrap_or(true);
            let (Some(active), true, Some(device)) = (active, raised, event.device) else { continue };
            let rule = self.alarms.entry(active.metric.part.to_string()).or_default();
            rule.times += 1;
            rule.devices.insert(device);
        }
    }

    fn trace(&mut self, chunk: &Chunk) {
        for trace in &mut self.traces {
            let from_ms = START_MS + trace.day as i64 * DAY_MS;
            let of_day = |batch: &&Batch| batch.device == Some(trace.device) && (from_ms..from_ms + DAY_MS).contains(&batch.at_ms);
            for batch in chunk.iter().map(|(_, batch)| batch).filter(of_day).filter(|batch| batch.subject == Subject::Telemetry) {
                let at_ms = batch.at_ms - from_ms;
                for reading in &batch.readings {
                    match (reading.metric.point, &reading.value) {
                        (Point::CabinetAir, Value::Float(air_c)) => trace.air.push((at_ms, Some(*air_c))),
                        (Point::CabinetAir, _) => trace.air.push((at_ms, None)),
                        (Point::CabinetDefrost, Value::Bool(on)) => trace.defrost.push((at_ms, *on)),
                        _ => {}
                    }
                }
            }
        }
    }
}
