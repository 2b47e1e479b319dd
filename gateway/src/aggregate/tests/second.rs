//! A second implementation, as plain as it can be: the whole log at hand, one second after the other, nothing
//! incremental. It must agree with the fold on random days.

use crate::aggregate::Fold;
use crate::aggregate::fixture::*;
use facility_config::device::ColdClass;
use facility_config::{DeviceIx, Kind, Part, Point, Site};
use facility_drivers::{Metric, Quality, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const HOLD_S: i64 = 180;
const WINDOW_S: i64 = 300;
pub(super) const CABINET: DeviceIx = DeviceIx(1);
pub(super) const LOCKER: DeviceIx = DeviceIx(2);
pub(super) const VENDING: DeviceIx = DeviceIx(3);

/// `(second, value)`, in order; a value that is `None` was said to be missing.
pub(super) type Samples = Vec<(i64, Option<f64>)>;

/// A site of three devices that are heard about every minute, with gaps, missing values, defrosts and resets.
pub(super) fn random_day(seed: u64, length_s: i64) -> (Arc<Site>, Vec<Line>) {
    let devices = vec![cabinet(ColdClass::Frozen), device("lk-01", Kind::Locker, 60), device("vm-03", Kind::Vending, 60)];
    let mut random = fastrand::Rng::with_seed(seed);
    let mut log = Vec::new();
    for device in [CABINET, LOCKER, VENDING] {
        let mut said = Said { random: fastrand::Rng::with_seed(random.u64(..)), device, log: &mut log, parcels: Vec::new() };
        said.day(length_s);
    }
    // Commits of all devices lie one after the other in one log.
    log.sort_by_key(|line: &Line| line.log_ms);
    (site(Duration::from_secs(300), devices), log)
}

struct Said<'a> {
    random: fastrand::Rng,
    device: DeviceIx,
    log: &'a mut Vec<Line>,
    /// When the parcels in a locker were put in, s.
    parcels: Vec<i64>,
}

impl Said<'_> {
    fn day(&mut self, length_s: i64) {
        let mut counts = [99_999_900_i64, 500, 90];
        let (mut kwh, mut defrost_left, mut at_s) = (1374.5, 0, 20);
        while at_s < length_s {
            for count in &mut counts {
                *count += self.random.i64(0..4);
                if self.random.u8(..) == 0 {
                    *count = self.random.i64(0..3);
                }
            }
            counts[0] %= 100_000_000;
            kwh = if self.random.u8(..) == 0 { 0.25 } else { kwh + 0.01 * f64::from(self.random.u8(0..5)) };
            defrost_left = if defrost_left > 0 { defrost_left - 1 } else { 20 * i64::from(self.random.u8(..) < 6) };
            for (point, part, value) in self.message(counts, kwh, defrost_left > 0) {
                let metric = Metric { point, part };
                let value = if self.random.u8(..) < 8 { Value::Missing(Quality::SensorError) } else { value };
                let at_ms = T0 + at_s * 1000;
                // A group commit is at most a second away; times of one device stay in order.
                self.log.push(Line { log_ms: at_ms + 1000, device: self.device, metric, at_ms, value });
            }
            if self.device == LOCKER {
                self.parcels(at_s);
            }
            at_s += if self.random.u8(..) < 10 { self.random.i64(100..2000) } else { self.random.i64(50..70) };
        }
    }

    /// Now and then a parcel is put in, and one is taken out, whichever.
    fn parcels(&mut self, at_s: i64) {
        let mut happened = Vec::new();
        if self.random.u8(0..10) == 0 && !self.parcels.is_empty() {
            let put_s = self.parcels.swap_remove(self.random.usize(0..self.parcels.len()));
            happened.push((Point::EventCount, "pickup", Value::Int(1)));
            happened.push((Point::EventDuration, "pickup", Value::Float((at_s - put_s) as f64)));
        }
        if self.random.u8(0..10) == 0 {
            self.parcels.push(at_s);
            happened.push((Point::EventCount, "deposit", Value::Int(1)));
        }
        for (point, part, value) in happened {
            let metric = Metric { point, part: Part::new(part).unwrap() };
            self.log.push(Line { device: self.device, metric, ..said(at_s, point, value) });
        }
    }

    fn message(&mut self, counts: [i64; 3], kwh: f64, defrost: bool) -> Vec<(Point, Part, Value)> {
        let whole = |point, value| (point, Part::WHOLE, value);
        let random = &mut self.random;
        if self.device == CABINET {
            return vec![
                whole(Point::CabinetAir, Value::Float(-24.0 + f64::from(random.u8(0..120)) / 10.0)),
                whole(Point::CabinetProduct, Value::Float(-21.0 + f64::from(random.u8(0..60)) / 10.0)),
                whole(Point::CabinetDefrost, Value::Bool(defrost)),
                whole(Point::CabinetDoor, Value::Bool(random.u8(0..4) == 0)),
                whole(Point::CabinetCompressor, Value::Bool(random.bool())),
                whole(Point::EnergyActive, Value::Float(f64::from(random.u16(0..900)))),
                whole(Point::EnergyTotal, Value::Float(kwh)),
            ];
        }
        if self.device == LOCKER {
            return vec![
                whole(Point::LockerTotal, Value::Int(60)),
                whole(Point::LockerOccupied, Value::Int(random.i64(0..40))),
                whole(Point::LockerFaulted, Value::Int(random.i64(0..4))),
                whole(Point::LockerDisabled, Value::Int(random.i64(0..4))),
                whole(Point::LockerDeposits, Value::Int(counts[1])),
                whole(Point::LockerPickups, Value::Int(counts[1] / 2)),
                (Point::SizeTotal, Part::new("s").unwrap(), Value::Int(20)),
                (Point::SizeOccupied, Part::new("s").unwrap(), Value::Int(random.i64(0..20))),
                (Point::SizeTotal, Part::new("xl").unwrap(), Value::Int(4)),
                (Point::SizeOccupied, Part::new("xl").unwrap(), Value::Int(random.i64(0..4))),
            ];
        }
        let status = ["in_service", "in_service", "sold_out", "fault", "unknown"][random.usize(0..5)];
        let lanes = ["A1", "A2", "B1"].map(|no| (Point::LaneLevel, Part::new(no).unwrap(), Value::Int(random.i64(0..3))));
        let mut said = vec![whole(Point::VendingStatus, text(status)), whole(Point::VendingVends, Value::Int(counts[0]))];
        said.extend(lanes);
        said.push((Point::LanePar, Part::new("A1").unwrap(), Value::Int(2)));
        said.push((Point::LaneMin, Part::new("A1").unwrap(), Value::Int(2)));
        said.push(whole(Point::VendingSales, Value::Int(counts[2])));
        said
    }
}

/// Everything one device said, by point and part.
pub(super) struct Heard<'a> {
    pub(super) lines: Vec<&'a Line>,
}

impl Heard<'_> {
    pub(super) fn samples(&self, point: Point, part: &str) -> Samples {
        let mine = self.lines.iter().filter(|line| line.metric.point == point && line.metric.part.as_str() == part);
        mine.map(|line| ((line.at_ms - T0) / 1000, number(&line.value))).collect()
    }

    pub(super) fn messages(&self) -> Vec<i64> {
        let mut at_s: Vec<_> = self
            .lines
            .iter()
            .filter(|line| line.value != Value::Missing(Quality::CommError))
            .map(|line| (line.at_ms - T0) / 1000)
            .collect();
        at_s.dedup();
        at_s
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float),
        Value::Int(count) => Some(*count as f64),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Text(word) if &**word == "unknown" => None,
        Value::Text(word) => Some(f64::from(u8::from(&**word == "in_service"))),
        Value::Missing(_) => None,
    }
}

/// The value that stands in a second.
pub(super) fn standing(samples: &Samples, second: i64) -> Option<f64> {
    let after = samples.partition_point(|(at_s, _)| *at_s <= second);
    let (at_s, value) = *samples.get(after.checked_sub(1)?)?;
    value.filter(|_| second < at_s + HOLD_S)
}

/// ∫ of a function of time over a window, second by second; seconds where it is not known are left out.
fn integral(start_s: i64, value: impl Fn(i64) -> Option<f64>) -> f64 {
    (start_s..start_s + WINDOW_S).filter_map(value).sum()
}

/// What a counter gained in a window, by walking over all its values.
fn gained(samples: &Samples, start_s: i64, range: Option<f64>) -> Option<f64> {
    let known: Vec<_> = samples.iter().filter_map(|(at_s, value)| Some((*at_s, (*value)?))).collect();
    let steps = known.windows(2).filter(|pair| (start_s..start_s + WINDOW_S).contains(&pair[1].0));
    let gains: Vec<f64> = steps
        .map(|pair| match (pair[0].1, pair[1].1) {
            (before, after) if after >= before => after - before,
            (before, after) => match range {
                Some(range) if before > 0.9 * range && before < range && range - before + after < range / 10.0 => range - before + after,
                _ if after >= before / 2.0 => 0.0,
                _ => after,
            },
        })
        .collect();
    (!gains.is_empty()).then(|| gains.iter().sum())
}

/// Spans that are left out of the adjusted compliance.
pub(super) fn forgiven(defrost: &Samples, length_s: i64) -> Vec<(i64, i64)> {
    let on = |second| standing(defrost, second) == Some(1.0);
    let mut runs: Vec<(i64, i64)> = Vec::new();
    let mut second = 0;
    while second < length_s {
        if !on(second) {
            second += 1;
            continue;
        }
        let end = (second..).find(|later| !on(*later)).unwrap();
        let off_between = |from: i64, to: i64| defrost.iter().any(|(at_s, value)| *value == Some(0.0) && (from..to).contains(at_s));
        match runs.last_mut() {
            Some((start, last_end)) if second <= *start + 3600 && !off_between(*start, second) => *last_end = end,
            _ => runs.push((second, end)),
        }
        second = end;
    }
    runs.into_iter().map(|(start, end)| (start, (end + 1800).min(start + 3600))).collect()
}

type Expected = BTreeMap<&'static str, Option<f64>>;

pub(super) fn positive(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

fn cabinet_figures(heard: &Heard<'_>, start_s: i64, forgiven: &[(i64, i64)]) -> Expected {
    let of = |point| heard.samples(point, "");
    let (air, door, compressor) = (of(Point::CabinetAir), of(Point::CabinetDoor), of(Point::CabinetCompressor));
    let (power, total) = (of(Point::EnergyActive), of(Point::EnergyTotal));
    let limit = -18.0;
    let adjusted = |second| !forgiven.iter().any(|(from, to)| (*from..*to).contains(&second));
    let observed = integral(start_s, |s| standing(&air, s).map(|_| 1.0));
    let compliant = integral(start_s, |s| standing(&air, s).map(|c| f64::from(u8::from(c <= limit))));
    let adj_observed = integral(start_s, |s| standing(&air, s).filter(|_| adjusted(s)).map(|_| 1.0));
    let adj_compliant = integral(start_s, |s| standing(&air, s).filter(|_| adjusted(s)).map(|c| f64::from(u8::from(c <= limit))));
    let excess = integral(start_s, |s| standing(&air, s).map(|c| (c - limit).max(0.0)));
    let door_observed = integral(start_s, |s| standing(&door, s).map(|_| 1.0));
    let powered = integral(start_s, |s| standing(&power, s).map(|_| 1.0));
    let metered = integral(start_s, |s| standing(&power, s).or(standing(&total, s)).map(|_| 1.0));
    let openings = door.windows(2).filter(|pair| {
        pair[0].1 == Some(0.0)
            && pair[1].1 == Some(1.0)
            && pair[1].0 - pair[0].0 <= HOLD_S
            && (start_s..start_s + WINDOW_S).contains(&pair[1].0)
    });
    let compressing = integral(start_s, |s| standing(&compressor, s).map(|_| 1.0));
    BTreeMap::from([
        ("cabinet_5m.air_mean_c", positive(integral(start_s, |s| standing(&air, s)), observed)),
        ("cabinet_5m.air_max_c", (start_s..start_s + WINDOW_S).filter_map(|s| standing(&air, s)).max_by(f64::total_cmp)),
        ("cabinet_5m.compliance_raw", positive(compliant, observed)),
        ("cabinet_5m.compliance_adjusted", positive(adj_compliant, adj_observed)),
        ("cabinet_5m.adj_observed_s", (adj_observed > 0.0).then_some(adj_observed)),
        ("cabinet_5m.degree_min", (observed > 0.0).then_some(excess / 60.0)),
        ("cabinet_5m.door_open_s", (door_observed > 0.0).then(|| integral(start_s, |s| standing(&door, s)))),
        ("cabinet_5m.door_openings", (door_observed > 0.0).then(|| openings.count() as f64)),
        ("cabinet_5m.compressor_s", (compressing > 0.0).then(|| integral(start_s, |s| standing(&compressor, s)))),
        ("cabinet_5m.coverage", positive(observed, WINDOW_S as f64).filter(|c| *c > 0.0)),
        ("energy_5m.energy_kwh", gained(&total, start_s, None)),
        ("energy_5m.active_mean_w", positive(integral(start_s, |s| standing(&power, s)), powered)),
        ("energy_5m.coverage", positive(metered, WINDOW_S as f64).filter(|c| *c > 0.0)),
    ])
}

fn locker_figures(heard: &Heard<'_>, start_s: i64) -> Expected {
    let of = |point| heard.samples(point, "");
    let (total, occupied) = (of(Point::LockerTotal), of(Point::LockerOccupied));
    let (faulted, disabled) = (of(Point::LockerFaulted), of(Point::LockerDisabled));
    let both = |s| Some((standing(&occupied, s)?, standing(&total, s)? - standing(&faulted, s)? - standing(&disabled, s)?));
    let observed = integral(start_s, |s| both(s).map(|_| 1.0));
    let (held, usable) = (integral(start_s, |s| both(s).map(|b| b.0)), integral(start_s, |s| both(s).map(|b| b.1)));
    let share = |s| Some((standing(&faulted, s)?, standing(&total, s)?));
    BTreeMap::from([
        ("locker_5m.occupancy", positive(held, usable)),
        ("locker_5m.occupied_s", (observed > 0.0).then_some(held)),
        ("locker_5m.usable_s", (observed > 0.0).then_some(usable)),
        ("locker_5m.faulted_share", positive(integral(start_s, |s| share(s).map(|p| p.0)), integral(start_s, |s| share(s).map(|p| p.1)))),
        ("locker_5m.deposits", gained(&of(Point::LockerDeposits), start_s, None)),
        ("locker_5m.coverage", positive(observed, WINDOW_S as f64).filter(|c| *c > 0.0)),
    ])
}

fn vending_figures(heard: &Heard<'_>, start_s: i64) -> Expected {
    let status = heard.samples(Point::VendingStatus, "");
    let lanes = ["A1", "A2", "B1"].map(|no| heard.samples(Point::LaneLevel, no));
    let observed = integral(start_s, |s| standing(&status, s).map(|_| 1.0));
    let lane_observed: f64 = lanes.iter().map(|lane| integral(start_s, |s| standing(lane, s).map(|_| 1.0))).sum();
    let empty = |lane: &Samples, s| standing(lane, s).map(|level| f64::from(u8::from(level == 0.0)));
    let lane_empty: f64 = lanes.iter().map(|lane| integral(start_s, |s| empty(lane, s))).sum();
    BTreeMap::from([
        ("vending_5m.availability", positive(integral(start_s, |s| standing(&status, s)), observed)),
        ("vending_5m.vends", gained(&heard.samples(Point::VendingVends, ""), start_s, Some(1e8))),
        ("vending_5m.sales_fen", gained(&heard.samples(Point::VendingSales, ""), start_s, Some(1e8))),
        ("vending_5m.lane_empty_s", (lane_observed > 0.0).then_some(lane_empty)),
        ("vending_5m.lane_observed_s", (lane_observed > 0.0).then_some(lane_observed)),
        ("vending_5m.coverage", positive(observed, WINDOW_S as f64).filter(|c| *c > 0.0)),
    ])
}

fn online_figures(heard: &Heard<'_>, start_s: i64) -> Expected {
    let messages = heard.messages();
    let online = |s: i64| messages.partition_point(|at_s| *at_s <= s).checked_sub(1).map(|at| f64::from(u8::from(s < messages[at] + 120)));
    let received = messages.iter().filter(|at_s| (start_s..start_s + WINDOW_S).contains(at_s)).count();
    BTreeMap::from([
        ("device_5m.online_s", Some(integral(start_s, online))),
        ("device_5m.received", Some(received as f64)),
        ("device_5m.expected", Some(5.0)),
    ])
}

#[test]
fn two_implementations_agree_on_random_days() {
    let length_s = 86_400;
    for seed in 0..4 {
        let (site, log) = random_day(seed, length_s);
        let batches = fold(&mut Fold::new(site), &log, T0 + (length_s + 60) * 1000);
        for device in [CABINET, LOCKER, VENDING] {
            let heard = Heard { lines: log.iter().filter(|line| line.device == device).collect() };
            let forgiven = forgiven(&heard.samples(Point::CabinetDefrost, ""), length_s + 3600);
            for start_s in (0..length_s).step_by(WINDOW_S as usize) {
                let mut expected = online_figures(&heard, start_s);
                expected.extend(match device {
                    CABINET => cabinet_figures(&heard, start_s, &forgiven),
                    LOCKER => locker_figures(&heard, start_s),
                    _ => vending_figures(&heard, start_s),
                });
                let expected: Vec<_> = expected.into_iter().collect();
                check(&format!("seed {seed}, {device:?}, second {start_s}"), &figures(&batches, device, start_s), &expected);
            }
        }
    }
}
