//! How the signals of a device stand to its rules: one answer for each part a rule judges (DOMAIN §5). Pure.
//!
//! Missing data neither raises nor clears: while a signal has no value its answer is [`Stand::Paused`], beyond three
//! intervals [`Stand::Lost`].

use super::inputs::Inputs;
use super::mute::Silence;
use super::signal::{Known, Signal};
use super::sliding::{COMMANDS, REQUESTS, Share, Slide};
use super::watch::span_or_zero_ms;
use facility_config::alarm::{Rule, RuleKind, Side};
use facility_config::{Part, Point};
use facility_drivers::Metric;
use std::sync::LazyLock;
use std::time::Duration;

/// Silence is never judged before this many intervals, whatever the rule says.
const SILENT_INTERVALS_MIN: f64 = 1.0;

/// How a signal stands to a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stand {
    /// Beyond the limit, since.
    Over(i64),
    /// The same, but not the condition it was before: its delay counts from here.
    OverAnew(i64),
    /// Within the limit, but not yet by the deadband.
    Between,
    /// Within the limit by the deadband, since.
    Under(i64),
    /// Not known for the moment.
    Paused,
    /// Not known for longer than a value holds.
    Lost,
}

/// When, and what a device's times are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now_ms: i64,
    pub(super) interval_ms: i64,
    /// From when on a device's silence counts that was never heard.
    pub(super) listening_ms: i64,
}

impl Moment {
    /// How long a value stands without a successor.
    pub(super) fn hold_ms(self) -> i64 {
        3 * self.interval_ms
    }
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) stand: Stand,
    pub(super) value: Option<f64>,
    /// The limit on the side that decides.
    pub(super) limit: f64,
    /// False after a defrost, a start, a service.
    pub(super) may_raise: bool,
}

impl Seen {
    fn state(stand: Stand) -> Self {
        Self { stand, value: None, limit: 0.0, may_raise: true }
    }
}

/// Tells how every part that a rule judges stands to it.
pub(super) fn each(rule: &Rule, seen: &Inputs, at: Moment, mut tell: impl FnMut(Part, Seen)) {
    match rule.kind {
        RuleKind::FrozenHigh | RuleKind::ChilledHigh | RuleKind::ChilledLow => {
            tell(Part::WHOLE, temperature(rule, seen, Point::CabinetAir, at))
        }
        RuleKind::FrozenCritical => {
            for (point, part) in PROBES.iter().take(2) {
                tell(*part, temperature(rule, seen, *point, at));
            }
        }
        RuleKind::CondenserHigh | RuleKind::CondenserStop => tell(Part::WHOLE, number(rule, seen, Point::CabinetCond, at)),
        RuleKind::VendingHealthLockout | RuleKind::VendingHotLockout => tell(Part::WHOLE, lockout(rule, seen, at)),
        RuleKind::ProbeFault => probes(rule, seen, at, tell),
        RuleKind::DoorOpen | RuleKind::DoorOpenLong => tell(Part::WHOLE, state(seen, Point::CabinetDoor, at)),
        RuleKind::DefrostTimeout => {
            let by_flag = seen.signals.get(Point::CabinetDefrost).is_some();
            tell(Part::WHOLE, state(seen, if by_flag { Point::CabinetDefrost } else { Point::CabinetMode }, at));
        }
        RuleKind::ShortCycle => tell(Part::WHOLE, cycles(rule, seen, at)),
        RuleKind::Mains => mains(rule, seen, at, tell),
        RuleKind::LockerDoorAjar => ajar(rule, seen, at, tell),
        RuleKind::LockerOpenFailRate => tell(Part::WHOLE, fail_rate(rule, seen, at)),
        RuleKind::LockerOverdue => tell(Part::WHOLE, number(rule, seen, Point::LockerOverdue, at)),
        RuleKind::LockerTamper | RuleKind::UnexpectedOpen => {
            let pulses = seen.pulses.iter().filter(|pulse| pulse.rule == rule.kind);
            pulses.for_each(|pulse| tell(pulse.part, Seen::state(Stand::Over(pulse.at_ms))));
        }
        RuleKind::LaneLow | RuleKind::LaneEmpty => {
            seen.signals.parts(Point::LaneLevel).for_each(|(lane, signal)| tell(lane, stock(rule.kind, signal, at)));
        }
        RuleKind::VendFailBurst => {
            let failing = seen.bursts.iter().filter(|burst| burst.is_broken || burst.fails as f64 >= rule.limit);
            failing.for_each(|burst| tell(burst.lane, Seen::state(Stand::Over(burst.at_ms))));
        }
        RuleKind::CommLoss => tell(Part::WHOLE, silence(rule, seen, at)),
        RuleKind::UplinkReliability => tell(Part::WHOLE, uplink(rule, seen, at)),
        // How it was while the gateway was off nobody knows.
        RuleKind::LinkDown => {
            let since = |down_ms: i64| Seen::state(Stand::OverAnew(down_ms.max(at.listening_ms)));
            seen.down.iter().for_each(|(link, down_ms)| tell(*link, since(*down_ms)));
        }
    }
}

/// What is reported of a part that can be taken out of a device, and that an alarm is about. Of a lane that fails to vend
/// nothing is, until it is tried again.
pub(super) fn reported_as(kind: RuleKind, part: Part) -> Option<Metric> {
    let point = match kind {
        _ if part.is_whole() || part.as_str() == "air" => return None,
        RuleKind::LaneLow | RuleKind::LaneEmpty => Point::LaneLevel,
        RuleKind::LockerDoorAjar => Point::CompartmentDoor,
        RuleKind::Mains => Point::PhaseVoltage,
        RuleKind::ProbeFault | RuleKind::FrozenCritical => match PROBES.iter().find(|(_, name)| *name == part) {
            Some((point, _)) => return Some((*point).into()),
            None => Point::ProbeTemp,
        },
        _ => return None,
    };
    Some(Metric { point, part })
}

/// Whether parts that are not told of are in order, because only what happens is told.
pub(super) fn is_of_events(kind: RuleKind) -> bool {
    matches!(kind, RuleKind::LockerTamper | RuleKind::UnexpectedOpen | RuleKind::VendFailBurst | RuleKind::LinkDown)
}

/// The point whose temperature makes an excursion of this rule, of this part.
pub(super) fn temperature_of(kind: RuleKind, part: Part) -> Option<Point> {
    match kind {
        RuleKind::FrozenHigh | RuleKind::ChilledHigh | RuleKind::ChilledLow => Some(Point::CabinetAir),
        RuleKind::FrozenCritical if part.as_str() == "product" => Some(Point::CabinetProduct),
        RuleKind::FrozenCritical => Some(Point::CabinetAir),
        RuleKind::VendingHealthLockout | RuleKind::VendingHotLockout => Some(Point::VendingAir),
        _ => None,
    }
}

/// How far a value is beyond the limit of a rule; nothing within it.
pub(super) fn excess(rule: &Rule, value: f64) -> f64 {
    let beyond = match rule.kind.info().side {
        Side::Below => rule.limit - value,
        Side::Above | Side::Outside(_) | Side::State => value - rule.limit,
    };
    beyond.max(0.0)
}

fn temperature(rule: &Rule, seen: &Inputs, point: Point, at: Moment) -> Seen {
    let is_quiet = is_within(rule.defrost_delay, [seen.defrost.end_ms(), seen.started_ms], at);
    Seen { may_raise: !is_quiet, ..number(rule, seen, point, at) }
}

fn is_within<const N: usize>(quiet: Duration, since_ms: [Option<i64>; N], at: Moment) -> bool {
    let quiet_ms = span_or_zero_ms(quiet);
    since_ms.into_iter().flatten().any(|from_ms| at.now_ms < from_ms.saturating_add(quiet_ms))
}

fn number(rule: &Rule, seen: &Inputs, point: Point, at: Moment) -> Seen {
    judged(rule, seen.signals.at(point, at.now_ms, at.hold_ms()))
}

fn judged(rule: &Rule, known: Known) -> Seen {
    let (value, since_ms) = match known {
        Known::Good(value, since_ms) => (value, since_ms),
        Known::Paused => return Seen { limit: rule.limit, ..Seen::state(Stand::Paused) },
        Known::Lost => return Seen { limit: rule.limit, ..Seen::state(Stand::Lost) },
    };
    let (limit, deadband) = (rule.limit, rule.deadband);
    let low = rule.low.unwrap_or(f64::NEG_INFINITY);
    let (is_over, is_under) = match rule.kind.info().side {
        Side::Below => (value < limit, deadband <= 0.0 || value > limit + deadband),
        Side::Outside(_) => (value > limit || value < low, value <= limit - deadband && value >= low + deadband),
        Side::Above | Side::State => (value > limit, deadband <= 0.0 || value < limit - deadband),
    };
    let stand = match (is_over, is_under) {
        (true, _) => Stand::Over(since_ms),
        (false, true) => Stand::Under(since_ms),
        (false, false) => Stand::Between,
    };
    let nearer_low = rule.low.filter(|low| (value - low).abs() < (value - limit).abs());
    Seen { stand, value: Some(value), limit: nearer_low.unwrap_or(limit), may_raise: true }
}

/// A state that is bad while it is on.
fn state(seen: &Inputs, point: Point, at: Moment) -> Seen {
    Seen::state(on(seen.signals.at(point, at.now_ms, at.hold_ms())))
}

fn on(known: Known) -> Stand {
    match known {
        Known::Good(value, since_ms) if value > 0.0 => Stand::Over(since_ms),
        Known::Good(_, since_ms) => Stand::Under(since_ms),
        Known::Paused => Stand::Paused,
        Known::Lost => Stand::Lost,
    }
}

/// A machine says itself that it is locked, or is warmer, or colder, than its goods may be. Which goods it has is told by its
/// setpoint: a machine for drinks or snacks, or one that does not report a setpoint, is not judged by temperature. The grace
/// after a service begins with the door that is opened for it, and anew with the door that is closed and with the word of it.
fn lockout(rule: &Rule, seen: &Inputs, at: Moment) -> Seen {
    let setpoint_c = seen.signals.get(Point::VendingSetpoint).and_then(Signal::newest);
    let is_hot = rule.kind == RuleKind::VendingHotLockout;
    let suits = setpoint_c.is_some_and(|setpoint_c| if is_hot { setpoint_c >= rule.limit } else { setpoint_c <= rule.limit });
    let air = number(rule, seen, Point::VendingAir, at);
    // A machine that says so without being hot is a cold one.
    let said = seen.signals.at(Point::VendingStatus, at.now_ms, at.hold_ms());
    match said {
        Known::Good(locked, since_ms) if locked > 0.0 && (suits || !is_hot) => Seen { stand: Stand::Over(since_ms), ..air },
        _ if suits => Seen { may_raise: !is_within(rule.defrost_delay, [seen.serviced_ms, seen.door_ms, seen.started_ms], at), ..air },
        Known::Paused | Known::Lost => Seen { limit: rule.limit, ..Seen::state(on(said)) },
        Known::Good(_, since_ms) => Seen { stand: Stand::Under(since_ms), ..air },
    }
}

fn probes(rule: &Rule, seen: &Inputs, at: Moment, mut tell: impl FnMut(Part, Seen)) {
    let polls = (rule.limit as i32).max(1);
    let mut judge = |part: Part, signal: &Signal| {
        let stand = match signal.streak() {
            streak if streak <= -polls => Stand::Over(at.now_ms),
            streak if streak >= polls => Stand::Under(at.now_ms),
            _ => Stand::Between,
        };
        tell(part, Seen::state(stand));
    };
    for (point, part) in PROBES.iter() {
        if let Some(signal) = seen.signals.get(*point) {
            judge(*part, signal);
        }
    }
    seen.signals.parts(Point::ProbeTemp).for_each(|(no, signal)| judge(no, signal));
}

/// Probes that have a point of their own, and what they are called; the first two are those that goods thaw by.
static PROBES: LazyLock<[(Point, Part); 5]> = LazyLock::new(|| {
    let names = [
        (Point::CabinetAir, "air"),
        (Point::CabinetProduct, "product"),
        (Point::CabinetEvap, "evap"),
        (Point::CabinetCond, "cond"),
        (Point::VendingAir, "air"),
    ];
    names.map(|(point, name)| (point, Part::new(name).unwrap_or_default()))
});

fn cycles(rule: &Rule, seen: &Inputs, at: Moment) -> Seen {
    let known = seen.signals.at(Point::CabinetCompressor, at.now_ms, at.hold_ms());
    let Known::Good(_, since_ms) = known else { return Seen { limit: rule.limit, ..Seen::state(on(known)) } };
    let (starts, is_whole) = seen.starts.in_hour(at.now_ms);
    let judged = judged(rule, Known::Good(starts as f64, seen.starts.newest_ms().unwrap_or(since_ms)));
    match judged.stand {
        Stand::Under(_) if is_whole => Seen { stand: Stand::Under(at.now_ms), ..judged },
        // Starts that nobody saw clear nothing.
        Stand::Under(_) => Seen { stand: Stand::Between, ..judged },
        _ => judged,
    }
}

fn mains(rule: &Rule, seen: &Inputs, at: Moment, mut tell: impl FnMut(Part, Seen)) {
    if seen.signals.get(Point::EnergyVoltage).is_some() {
        tell(Part::WHOLE, number(rule, seen, Point::EnergyVoltage, at));
    } else {
        let stand = match on(seen.signals.at(Point::LockerMainsOk, at.now_ms, at.hold_ms())) {
            Stand::Over(since_ms) => Stand::Under(since_ms),
            Stand::Under(since_ms) => Stand::Over(since_ms),
            other => other,
        };
        tell(Part::WHOLE, Seen::state(stand));
    }
    for (phase, signal) in seen.signals.parts(Point::PhaseVoltage) {
        tell(phase, judged(rule, signal.at(at.now_ms, at.hold_ms())));
    }
}

/// Compartments by themselves where a device tells them apart; otherwise the count of open ones, which says of none of them
/// how long it is open: it is for so long that, as far as can be known, none was closed (`Inputs::judge_doors`).
///
/// A count is no state that holds until the next one: most are told because somebody is at the locker, with a door open that is
/// closed half a minute later and told of with the next heartbeat. So one count alone raises nothing, however old it grows; it
/// takes a second one, at least the delay after the first, that still knows of the same door.
fn ajar(rule: &Rule, seen: &Inputs, at: Moment, mut tell: impl FnMut(Part, Seen)) {
    let known = seen.signals.at(Point::LockerDoorOpen, at.now_ms, at.hold_ms());
    let stand = match (known, seen.ajar_ms) {
        (Known::Good(count, counted_ms), Some(ajar_ms)) if count > 0.0 => {
            let is_seen_twice = counted_ms - ajar_ms >= span_or_zero_ms(rule.on_delay);
            if is_seen_twice { Stand::OverAnew(ajar_ms) } else { Stand::Between }
        }
        _ => on(known),
    };
    tell(Part::WHOLE, Seen::state(stand));
    for (no, signal) in seen.signals.parts(Point::CompartmentDoor) {
        tell(no, Seen::state(on(signal.at(at.now_ms, at.hold_ms()))));
    }
}

/// By the locker's own counts, less what its events say was tried again (`aggregate/retry.rs`). A locker that
/// nobody uses any more has no rate, and what stood ends with the day it slid out of.
fn fail_rate(rule: &Rule, seen: &Inputs, at: Moment) -> Seen {
    share(rule, seen.openings.as_deref(), COMMANDS, at, |failed_pct| failed_pct)
}

/// The same of our own requests to the database: those that were accepted, %.
fn uplink(rule: &Rule, seen: &Inputs, at: Moment) -> Seen {
    share(rule, seen.uplink.as_deref(), REQUESTS, at, |failed_pct| 100.0 - failed_pct)
}

fn share(rule: &Rule, share: Option<&Share>, slide: Slide, at: Moment, value: impl Fn(f64) -> f64) -> Seen {
    let stand = match share {
        Some(share) => match share.failed_pct(slide, at.now_ms) {
            Some(failed_pct) => return judged(rule, Known::Good(value(failed_pct), at.now_ms)),
            None if share.is_whole(slide, at.now_ms) => Stand::Under(at.now_ms),
            None => Stand::Paused,
        },
        None => Stand::Paused,
    };
    Seen { limit: rule.limit, ..Seen::state(stand) }
}

fn stock(kind: RuleKind, lane: &Signal, at: Moment) -> Seen {
    let (level, since_ms) = match lane.at(at.now_ms, at.hold_ms()) {
        Known::Good(level, since_ms) => (level, since_ms),
        Known::Paused => return Seen::state(Stand::Paused),
        Known::Lost => return Seen::state(Stand::Lost),
    };
    let min = lane.min();
    let is_over = if kind == RuleKind::LaneEmpty { level <= 0.0 } else { min.is_some_and(|min| level <= min) };
    let stand = match is_over {
        true => Stand::Over(since_ms),
        false if level > min.unwrap_or(0.0) => Stand::Under(since_ms),
        false => Stand::Between,
    };
    Seen { value: Some(level), limit: if kind == RuleKind::LaneEmpty { 0.0 } else { min.unwrap_or(0.0) }, ..Seen::state(stand) }
}

/// Silence counts from the newest sign of life, but not the time in which nothing could be heard: before the gateway
/// started, and while the link was down.
pub(super) fn silence_of(rule: &Rule, seen: &Inputs, at: Moment) -> Silence {
    let from_ms = seen.heard_ms.map_or(at.listening_ms, |heard_ms| heard_ms.max(at.listening_ms));
    let intervals = rule.limit.max(SILENT_INTERVALS_MIN);
    Silence { heard_ms: seen.heard_ms, from_ms, allowed_ms: (intervals * at.interval_ms as f64) as i64 }
}

/// An alarm that stands clears with the next sign.
fn silence(rule: &Rule, seen: &Inputs, at: Moment) -> Seen {
    let Silence { heard_ms, from_ms, allowed_ms } = silence_of(rule, seen, at);
    let is_heard = |heard_ms: &i64| at.now_ms - heard_ms <= allowed_ms;
    let stand = match heard_ms.filter(is_heard) {
        Some(heard_ms) => Stand::Under(heard_ms),
        None if at.now_ms - from_ms > allowed_ms => Stand::Over(from_ms.saturating_add(allowed_ms)),
        None => Stand::Between,
    };
    Seen { stand, value: Some((at.now_ms - from_ms) as f64 / at.interval_ms as f64), limit: rule.limit, may_raise: true }
}
