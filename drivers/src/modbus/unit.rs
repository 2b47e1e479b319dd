//! One device on a bus: who it is, how it is spoken to, and how one round of questions to it goes.
//!
//! A member asks one question at a time and hands the line back in between, so that a device with many or slow answers
//! holds up nobody. A round is over when everything of a group was asked, or when the device falls silent; then what it
//! said becomes one batch. It never guesses: a point whose registers were not read has no value, only a reason.

use super::counts::Counts;
use super::port::Port;
use super::registers::Registers;
use super::script::{Board, Script, Step};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::plan::Learned;
use crate::reading::{Batch, Metric, Subject, Value};
use crate::session::{Ask, Pace, Session};
use facility_config::device::Polling;
use facility_config::limits::MODBUS_REFUSED_RETRY_MS;
use facility_config::profile::{Dialect, FrameMap, Group, ModbusMap};
use facility_config::site::{Bus, Framing};
use facility_config::{Device, DeviceIx, Point};
use std::io;
use std::time::Duration;

/// How a device on a bus speaks.
#[derive(Debug, Clone, PartialEq)]
pub enum Speech {
    /// Modbus registers.
    Modbus(ModbusMap),
    /// Frames of its own.
    Board(FrameMap),
}

/// A device on a bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Who.
    pub device: DeviceIx,
    /// Unit id, or board address.
    pub unit: u8,
    /// How it speaks.
    pub speech: Speech,
    /// Time between two polls, on [`BusTask::clock`](super::BusTask::clock).
    pub interval: Duration,
    /// Where it differs from its profile and from the usual.
    pub polling: Polling,
}

impl Unit {
    /// A declared device, as a unit; `None` if it is not on a bus.
    #[must_use]
    pub fn of(ix: DeviceIx, device: &Device) -> Option<Self> {
        let facility_config::device::Source::Bus { unit, .. } = device.source else { return None };
        let speech = match &device.profile.as_ref()?.dialect {
            Dialect::Modbus(map) => Speech::Modbus(map.clone()),
            Dialect::Frame(map) => Speech::Board(map.clone()),
            Dialect::Mqtt(_) | Dialect::Internal => return None,
        };
        Some(Self { device: ix, unit, speech, interval: device.interval, polling: device.polling.clone() })
    }

    /// Wait for an answer.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.polling.timeout.unwrap_or(match &self.speech {
            Speech::Modbus(map) => map.timeout,
            Speech::Board(map) => map.timeout,
        })
    }

    /// Time between two reads of slow points, never shorter than the interval.
    #[must_use]
    pub fn slow(&self) -> Duration {
        let usual = match &self.speech {
            Speech::Modbus(map) => map.slow,
            Speech::Board(_) => self.interval,
        };
        self.polling.slow.unwrap_or(usual).max(self.interval)
    }
}

/// What one question came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Readings, if this was the last question of a round that heard any.
    pub(super) batch: Option<Batch>,
    /// Everything that went wrong, to be counted.
    pub(super) faults: Vec<Fault>,
    /// The device answered, if only with a refusal.
    pub(super) answered: bool,
    /// It left the question unanswered.
    pub(super) silent: bool,
    /// The connection broke.
    pub(super) lost: Option<io::Error>,
    /// The device refused something for the first time, or answers again what it had refused.
    pub(super) learned: bool,
}

/// A round of questions under way.
struct Round {
    group: Group,
    deadline_ms: i64,
    began_ms: i64,
    line: Duration,
    /// Something was answered.
    answered: bool,
    /// The question under way was asked before without an answer.
    repeated: bool,
    /// It was answered since, and a second answer to it may still come.
    doubt: bool,
}

/// A unit with its schedule and what was learned about it.
pub(super) struct Member {
    pub(super) unit: Unit,
    pub(super) session: Session,
    counts: Counts,
    script: Script,
    round: Option<Round>,
    relearn_ms: i64,
    /// What it refused was forgotten, and not learned again since.
    forgot: bool,
}

impl Member {
    pub(super) fn new(unit: Unit, bus: &Bus, learned: Learned, clock: &Clock) -> Self {
        let now_ms = clock.mono_ms();
        let script = match &unit.speech {
            Speech::Modbus(map) => Script::Registers(Box::new(Registers::new(map, &unit.polling, bus, unit.unit, learned))),
            Speech::Board(map) => Script::Board(Box::new(Board::new(map, &unit.polling, unit.unit))),
        };
        let every = Group::ALL.map(|group| {
            let span = match group {
                Group::Fast | Group::Once => unit.interval,
                Group::Slow => unit.slow(),
            };
            script.has(group).then(|| clock.real(span))
        });
        let pace = Pace {
            every,
            timeout: unit.timeout(),
            offline_after: unit.polling.offline_after,
            off_max: clock.real(unit.polling.offline_max),
            named: bus.framing == Framing::Tcp,
        };
        let relearn_ms = now_ms.saturating_add(MODBUS_REFUSED_RETRY_MS as i64);
        Self { session: Session::new(now_ms, &pace), counts: Counts::default(), script, round: None, relearn_ms, forgot: false, unit }
    }

    pub(super) fn device(&self) -> DeviceIx {
        self.unit.device
    }

    /// When it wants the line next, and until when at the latest, on a bus of so many units.
    pub(super) fn wants(&self, units: usize) -> (i64, i64) {
        match &self.round {
            Some(round) => (self.session.rest_until_ms(), round.deadline_ms),
            None => {
                let (ready_ms, _) = self.session.next();
                (ready_ms, self.session.deadline_ms(ready_ms, units))
            }
        }
    }

    /// Asks one question. `units` share the line.
    pub(super) async fn step(&mut self, port: &mut Port, units: usize, clock: &Clock) -> Outcome {
        let now_ms = clock.mono_ms();
        let (ready_ms, ask) = self.session.next();
        let doubt = self.round.as_ref().map(|round| round.doubt && !self.session.is_named());
        if doubt.unwrap_or(ask == Ask::Probe) {
            return self.probe(port, clock).await;
        }
        if self.round.is_none() {
            if now_ms >= self.relearn_ms {
                self.relearn_ms = now_ms.saturating_add(MODBUS_REFUSED_RETRY_MS as i64);
                self.forgot |= self.script.forget();
            }
            let Ask::Round(group) = ask else { return Outcome::default() };
            self.script.begin(group);
            let deadline_ms = self.session.deadline_ms(ready_ms, units);
            self.round =
                Some(Round { group, deadline_ms, began_ms: now_ms, line: Duration::ZERO, answered: false, repeated: false, doubt: false });
        }
        let mut outcome = Outcome::default();
        let began = tokio::time::Instant::now();
        let step = self.script.step(port, self.unit.timeout(), &self.unit.polling, &mut outcome.faults).await;
        let took = began.elapsed();
        self.counts.count(&outcome.faults);
        let Some(round) = &mut self.round else { return outcome };
        round.line += took;
        match step {
            Step::Answered { last } => {
                self.counts.answered(took);
                self.heard(last, &mut outcome, clock);
            }
            Step::Refused { last } => {
                self.counts.failed(Some(Fault::Exception));
                outcome.faults.push(Fault::Exception);
                self.heard(last, &mut outcome, clock);
            }
            Step::Busy => {
                self.counts.failed(Some(Fault::Exception));
                outcome.faults.push(Fault::Exception);
                (outcome.answered, round.answered) = (true, true);
                self.session.rest(clock.mono_ms());
            }
            Step::AskAgain { after } => {
                self.counts.failed(after);
                outcome.faults.extend(after);
                outcome.silent = after == Some(Fault::Timeout);
                if outcome.silent {
                    round.repeated = true;
                    self.session.rest(clock.mono_ms());
                }
            }
            Step::Silent(fault) => {
                self.counts.failed(fault);
                outcome.faults.extend(fault);
                outcome.silent = true;
                // A refusal on behalf of a silent device proves the way to it.
                outcome.answered = fault == Some(Fault::Exception);
                self.finish(&mut outcome, clock);
            }
            Step::Lost(error) => {
                self.counts.failed(None);
                outcome.lost = Some(error);
                self.finish(&mut outcome, clock);
            }
        }
        outcome
    }

    /// A question was answered, if only with a refusal. If it had been asked before, a second answer may be on its way
    /// that the next question must not meet.
    fn heard(&mut self, last: bool, outcome: &mut Outcome, clock: &Clock) {
        outcome.answered = true;
        let Some(round) = &mut self.round else { return };
        round.answered = true;
        round.doubt |= std::mem::take(&mut round.repeated);
        if last {
            self.finish(outcome, clock);
        } else if self.round.as_ref().is_some_and(|round| round.doubt) {
            self.session.distrust(clock.mono_ms());
        }
    }

    /// Something was heard that nobody had asked for, after this unit's turn.
    pub(super) fn overheard(&mut self, faults: &[Fault]) {
        self.counts.count(faults);
    }

    /// What it has learned about its device.
    pub(super) fn learned(&self) -> Option<&Learned> {
        match &self.script {
            Script::Registers(registers) => Some(registers.learned()),
            Script::Board(_) => None,
        }
    }

    /// The unit's health since start, and means since the last report. The second value: it is polled much less often
    /// than it should be.
    pub(super) fn health(&mut self, clock: &Clock) -> (Batch, bool) {
        let at_ms = clock.now_ms();
        let mut batch = Batch::new(self.unit.device, Subject::Health, at_ms);
        if let Some(mean_ms) = self.counts.take_rtt_ms() {
            batch.push(Point::HealthRttMs, Value::Float(mean_ms));
        }
        let interval_s = self.counts.take_interval_s();
        if let Some(interval_s) = interval_s {
            batch.push(Point::HealthInterval, Value::Float(interval_s));
        }
        for (point, count) in self.counts.totals() {
            batch.push(point, Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
        }
        let since_s = self.counts.since_round_s(clock.mono_ms());
        let wanted_s = clock.real(self.unit.interval).as_secs_f64();
        let late = interval_s.into_iter().chain(since_s).any(|interval_s| interval_s > LATE_FACTOR * wanted_s);
        (batch, late && self.session.health() == crate::session::Health::Online)
    }

    /// Asks once and throws the answer away: it may belong to a question that was given up. Within a round, the round goes
    /// on afterwards, or ends if nothing comes.
    async fn probe(&mut self, port: &mut Port, clock: &Clock) -> Outcome {
        let mut outcome = Outcome::default();
        let step = self.script.probe(port, self.unit.timeout(), &mut outcome.faults).await;
        self.counts.count(&outcome.faults);
        match step {
            Step::Silent(fault) => {
                self.counts.failed(fault);
                outcome.faults.extend(fault);
                outcome.silent = true;
            }
            Step::Lost(error) => {
                self.counts.failed(None);
                outcome.lost = Some(error);
            }
            // What answered may have been the past: it proves the line, not the device.
            Step::Answered { .. } | Step::Refused { .. } | Step::Busy | Step::AskAgain { .. } => {
                self.session.probed(clock.mono_ms());
                if let Some(round) = &mut self.round {
                    round.doubt = false;
                }
                return outcome;
            }
        }
        match self.round {
            Some(_) => self.finish(&mut outcome, clock),
            None => self.session.failed(clock.mono_ms()),
        }
        outcome
    }

    /// The round is over: its batch, and what it means for the schedule.
    fn finish(&mut self, outcome: &mut Outcome, clock: &Clock) {
        let Some(round) = self.round.take() else { return };
        let (now_ms, at_ms) = (clock.mono_ms(), clock.now_ms());
        let unanswered = outcome.silent || outcome.lost.is_some();
        match (round.answered, unanswered) {
            (_, false) => self.session.answered(round.group, now_ms, round.doubt),
            (true, true) => self.session.stumbled(round.group, now_ms),
            (false, true) => {
                self.session.failed(now_ms);
                self.counts.pause();
            }
        }
        if round.answered {
            self.session.cost(i64::try_from(round.line.as_millis()).unwrap_or(i64::MAX));
            if round.group == Group::Fast {
                self.counts.round(round.began_ms);
            }
        }
        let mut batch = Batch::new(self.unit.device, Subject::Telemetry, at_ms);
        batch.readings.reserve(self.script.values_max());
        let heard = self.script.end(unanswered, &mut |metric: Metric, value: Result<Value, Fault>| match value {
            Ok(value) => batch.push(metric, value),
            Err(fault) => batch.faults.push(fault),
        });
        offsets(&mut batch);
        outcome.batch = heard.values.then_some(batch);
        outcome.learned = heard.learned || !unanswered && std::mem::take(&mut self.forgot);
    }
}

/// Polled this much less often than asked for is late.
const LATE_FACTOR: f64 = 1.5;

/// A device's clock becomes its difference to ours.
fn offsets(batch: &mut Batch) {
    let at_ms = batch.at_ms;
    for reading in batch.readings.iter_mut().filter(|reading| reading.metric.point == Point::HealthClockOffset) {
        if let Value::Int(device_ms) = reading.value {
            reading.value = Value::Float(device_ms.saturating_sub(at_ms) as f64);
        }
    }
}
