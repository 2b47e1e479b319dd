//! A month of a fleet with everything that goes wrong on site, as a log of arrivals: links that fall silent, kiosks that keep what
//! they cannot send, broken probes, meters that start again, sales that pass 99,999,999 fen, a clock that steps, and one
//! compressor that fails.
//!
//! Pure and of one seed. What goes wrong is drawn at the start, so the fleet itself lives the same life with and without it.
//! Holds what kiosks keep during an outage, at most [`KEPT_MAX`] arrivals each, the oldest given up.

use super::day::{DAY_MS, HOUR_MS, MINUTE_MS};
use super::sense::Sensed;
use super::{Address, Event, Fleet, FleetSpec, Member, Role};
use crate::reading::{Metric, Quality, Subject, Value};
use facility_config::{Part, Point};
use std::collections::VecDeque;
use std::ops::Range;

/// What a kiosk keeps while it cannot send.
const KEPT_MAX: usize = 4_096;
/// From reading to commit.
const COMMIT_MS: i64 = 1_000;
/// EVA-DTS counters have eight digits (EVA-DTS 6.2, §5.1.6).
const DEX_RANGE: i64 = 100_000_000;
/// Times a day that a link falls silent, and for how long.
const SILENCES_PER_DAY: f64 = 0.15;
const SILENCE_MS: Range<i64> = 4 * MINUTE_MS..50 * MINUTE_MS;
/// Share of days on which a cabinet's probe gives no value for a while.
const PROBE_FAULTS_PER_DAY: f64 = 0.03;
const PROBE_FAULT_MS: Range<i64> = 8 * MINUTE_MS..90 * MINUTE_MS;
/// Defrosts come this far apart; each cabinet has its own setting.
const DEFROST_HOURS: [i64; 3] = [6, 7, 8];
/// The broker's outage: every second kiosk keeps what it has to say, the others lose it.
const BROKER_DOWN_MS: Range<i64> = 5 * DAY_MS + 9 * HOUR_MS..5 * DAY_MS + 12 * HOUR_MS + 30 * MINUTE_MS;
/// The line of the cabinets is cut by an electrician.
const BUS_DOWN_MS: Range<i64> = 17 * DAY_MS + 2 * HOUR_MS..17 * DAY_MS + 2 * HOUR_MS + 45 * MINUTE_MS;
/// The first frozen cabinet has no cold on the afternoon of day 12, until somebody comes next morning.
const COMPRESSOR_DEAD_MS: Range<i64> = 11 * DAY_MS + 14 * HOUR_MS..12 * DAY_MS + 9 * HOUR_MS;
/// The clock of the first kiosk is set back and, two days later, right again.
const CLOCK_BEHIND_MS: Range<i64> = 7 * DAY_MS..9 * DAY_MS;
const CLOCK_STEP_MS: i64 = 20 * MINUTE_MS;

/// Which month.
#[derive(Debug, Clone, Copy)]
pub struct MonthSpec {
    /// The fleet; it should begin at a local midnight.
    pub fleet: FleetSpec,
    /// How many days are drawn; later ones have no faults.
    pub days: u32,
}

/// One message or answer as it came into the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// When it was committed, Unix ms; never before that of the arrival before it.
    pub log_ms: i64,
    /// Place in the cast.
    pub at: usize,
    /// Its own time, Unix ms.
    pub at_ms: i64,
    /// Telemetry or an event.
    pub subject: Subject,
    /// What it says.
    pub values: Vec<(Metric, Value)>,
}

/// A fleet and its faults.
#[derive(Debug)]
pub struct Month {
    fleet: Fleet,
    fates: Vec<Fate>,
    start_ms: i64,
    /// The first cabinet with a compressor of its own.
    patient: Option<String>,
    now_ms: i64,
}

/// What goes wrong with one device. Times are ms since the start.
#[derive(Debug, Default)]
struct Fate {
    silences: VecDeque<Range<i64>>,
    probe_faults: VecDeque<Range<i64>>,
    /// Kept and sent later, not lost.
    outage: Option<Range<i64>>,
    clock_behind: bool,
    reset_ms: Option<i64>,
    reset_kwh: f64,
    /// What the sales counter has left before it starts again, and what is added to it for that.
    sales_left_fen: Option<i64>,
    sales_shift_fen: Option<i64>,
    kept: VecDeque<Arrival>,
}

impl Month {
    /// A month that has not begun.
    #[must_use]
    pub fn new(spec: MonthSpec) -> Self {
        let mut fleet = Fleet::new(spec.fleet);
        let members: Vec<Member> = fleet.members().cloned().collect();
        let mut random = fastrand::Rng::with_seed(spec.fleet.seed ^ 0x6D6F_6E74_6800);
        let fates = members.iter().map(|member| Fate::draw(member, spec.days, &mut random.fork())).collect();
        for (at, member) in members.iter().enumerate() {
            if let Some(cabinet) = fleet.cabinet_mut(&member.id) {
                cabinet.defrost_every(DEFROST_HOURS[at % DEFROST_HOURS.len()] * HOUR_MS);
            }
        }
        let patient = members.iter().find(|member| member.role == Role::Ekc202d).map(|member| member.id.to_string());
        Self { fleet, fates, start_ms: spec.fleet.start_ms, patient, now_ms: spec.fleet.start_ms }
    }

    /// The cast, in order.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.fleet.members()
    }

    /// Lives on until `until_ms` and adds what arrives on the way. Ask for a few minutes at a time.
    pub fn arrivals(&mut self, until_ms: i64, all: &mut Vec<Arrival>) {
        while self.now_ms < until_ms {
            self.now_ms = (self.now_ms + MINUTE_MS).min(until_ms);
            self.treat_patient();
            let first = all.len();
            let Self { fleet, fates, start_ms, now_ms, .. } = self;
            fleet.sense(*now_ms - 1, &mut |at, at_ms, sensed| {
                if let Some(fate) = fates.get_mut(at) {
                    let (subject, values) = words(sensed);
                    let arrival = Arrival { log_ms: at_ms + COMMIT_MS, at, at_ms, subject, values };
                    all.extend(fate.befall(at_ms - *start_ms, arrival));
                }
            });
            all.extend(fates.iter_mut().flat_map(|fate| fate.let_go(*now_ms, *start_ms)));
            // What happens within one tick is told device by device.
            all[first..].sort_by_key(|arrival| arrival.log_ms);
        }
    }

    fn treat_patient(&mut self) {
        let Some(id) = &self.patient else { return };
        let since_ms = self.now_ms - self.start_ms;
        if since_ms == COMPRESSOR_DEAD_MS.start {
            self.fleet.fail_compressor(id);
        } else if since_ms == COMPRESSOR_DEAD_MS.end {
            self.fleet.repair(id);
        }
    }
}

impl Fate {
    fn draw(member: &Member, days: u32, random: &mut fastrand::Rng) -> Self {
        let mqtt = member.address == Address::Mqtt;
        let mut silences = drawn(random, days, SILENCES_PER_DAY, SILENCE_MS);
        let keeps = mqtt && random.bool();
        let outage = if mqtt { BROKER_DOWN_MS } else { BUS_DOWN_MS };
        if !keeps {
            silences.push(outage.clone());
            silences.sort_by_key(|span| span.start);
        }
        let probe_faults = match member.role {
            Role::Ekc202d | Role::Xjp60d => drawn(random, days, PROBE_FAULTS_PER_DAY, PROBE_FAULT_MS),
            Role::Locker | Role::Vending | Role::Sdm120 => Vec::new(),
        };
        let resets = member.role == Role::Sdm120 && member.number % 5 == 1;
        let rolls_over = member.role == Role::Vending && member.number % 3 == 1;
        Self {
            silences: silences.into(),
            probe_faults: probe_faults.into(),
            outage: keeps.then_some(outage),
            clock_behind: member.role == Role::Locker && member.number == 1,
            reset_ms: resets.then(|| random.i64(DAY_MS..DAY_MS * i64::from(days.max(2)))),
            sales_left_fen: rolls_over.then(|| random.i64(20_000..900_000)),
            ..Self::default()
        }
    }

    /// What becomes of something that was said `since_ms` after the start.
    fn befall(&mut self, since_ms: i64, mut arrival: Arrival) -> Option<Arrival> {
        self.falsify(since_ms, &mut arrival.values);
        if self.clock_behind && CLOCK_BEHIND_MS.contains(&since_ms) {
            arrival.at_ms -= CLOCK_STEP_MS;
        }
        if is_in(&mut self.silences, since_ms) {
            return None;
        }
        if self.outage.as_ref().is_some_and(|outage| outage.contains(&since_ms)) {
            if self.kept.len() == KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back(arrival);
            return None;
        }
        Some(arrival)
    }

    /// What was kept, once the outage is over.
    fn let_go(&mut self, now_ms: i64, start_ms: i64) -> VecDeque<Arrival> {
        if self.kept.is_empty() || self.outage.as_ref().is_none_or(|outage| now_ms - start_ms < outage.end) {
            return VecDeque::new();
        }
        let mut kept = std::mem::take(&mut self.kept);
        kept.iter_mut().for_each(|arrival| arrival.log_ms = now_ms + COMMIT_MS);
        kept
    }

    /// Values as the device shows them, which is not always as they are.
    fn falsify(&mut self, since_ms: i64, values: &mut [(Metric, Value)]) {
        let no_probe = is_in(&mut self.probe_faults, since_ms);
        for (metric, value) in values {
            match (metric.point, &*value) {
                (Point::CabinetAir, _) if no_probe => *value = Value::Missing(Quality::SensorError),
                (Point::EnergyTotal, Value::Float(kwh)) => {
                    if self.reset_ms.is_some_and(|reset_ms| since_ms >= reset_ms) {
                        (self.reset_ms, self.reset_kwh) = (None, *kwh);
                    }
                    *value = Value::Float(((kwh - self.reset_kwh) * 1e3).round() / 1e3);
                }
                (Point::VendingSales, Value::Int(fen)) => {
                    let Some(left_fen) = self.sales_left_fen else { continue };
                    let shift_fen = *self.sales_shift_fen.get_or_insert(DEX_RANGE - left_fen - fen);
                    *value = Value::Int((fen + shift_fen).rem_euclid(DEX_RANGE));
                }
                _ => {}
            }
        }
    }
}

/// Spans of a month, in order.
fn drawn(random: &mut fastrand::Rng, days: u32, per_day: f64, length_ms: Range<i64>) -> Vec<Range<i64>> {
    let mut spans = Vec::new();
    for day in 0..i64::from(days) {
        if random.f64() < per_day {
            let from_ms = day * DAY_MS + random.i64(0..DAY_MS);
            spans.push(from_ms..from_ms + random.i64(length_ms.clone()));
        }
    }
    spans
}

/// Whether a time is in one of the spans. Those that are over are forgotten: time goes on.
fn is_in(spans: &mut VecDeque<Range<i64>>, since_ms: i64) -> bool {
    while spans.front().is_some_and(|span| span.end <= since_ms) {
        spans.pop_front();
    }
    spans.iter().any(|span| span.contains(&since_ms))
}

/// An event as the decoder puts it: its type is the part of its count.
fn words(sensed: Sensed) -> (Subject, Vec<(Metric, Value)>) {
    let event: Event = match sensed {
        Sensed::Values(values) => return (Subject::Telemetry, values),
        Sensed::Event(event) => event,
    };
    let part = Part::new(event.kind.as_str()).unwrap_or_default();
    let of = |point, value: Option<Value>| value.map(|value| (Metric { point, part }, value));
    let values = [
        of(Point::EventCount, Some(Value::Int(1))),
        of(Point::EventTarget, event.target.map(|target| Value::Text(target.into()))),
        of(Point::EventOutcome, event.outcome.map(|outcome| Value::Text(outcome.into()))),
        of(Point::EventCode, event.code.map(|code| Value::Text(code.into()))),
        of(Point::EventDuration, event.dur_s.map(Value::Float)),
        of(Point::EventAmount, event.amount_fen.map(|fen| Value::Int(i64::from(fen)))),
    ];
    (Subject::Event, values.into_iter().flatten().collect())
}
