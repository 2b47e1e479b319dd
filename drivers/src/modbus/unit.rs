//! One device on a bus: what to ask it, what it refused, what it answered.
//!
//! A poll asks every planned request until the device falls silent, then turns what it has into one batch. It never
//! guesses: a point whose registers were not read has no value, only a reason.

use super::port::{Failure, Port};
use super::{Counts, Unit};
use crate::clock::Clock;
use crate::decode::registers::decode;
use crate::fault::Fault;
use crate::plan::{Request, plan};
use crate::reading::{Batch, Quality, Subject, Value};
use crate::session::Session;
use facility_config::limits::{BACKOFF_MS_MAX, MODBUS_QUIET_MS_MIN, MODBUS_REFUSED_RETRY_MS};
use facility_config::profile::RegisterPoint;
use facility_config::{DeviceIx, Point};
use std::io;
use std::time::Duration;

/// What a poll came to.
#[derive(Debug)]
pub(super) struct Poll {
    /// Readings, if anything at all was answered with values.
    pub(super) batch: Option<Batch>,
    /// Everything that went wrong, to be counted.
    pub(super) faults: Vec<Fault>,
    /// Whether the device answered at all, if only with a refusal.
    pub(super) answered: bool,
    /// Whether it left a question unanswered.
    pub(super) silent: bool,
    /// The connection broke.
    pub(super) lost: Option<io::Error>,
}

/// A unit with its schedule and what was learned about it.
pub(super) struct Member {
    pub(super) unit: Unit,
    pub(super) session: Session,
    counts: Counts,
    requests: Vec<Request>,
    /// By position in the map: the device refuses to read this point.
    refused: Vec<bool>,
    gap_max: u16,
    registers_max: u16,
    /// Where the next poll begins: after the request that met silence, so that it cannot hide those behind it for ever.
    first: usize,
    relearn_ms: i64,
}

/// What one poll has heard so far.
struct Heard {
    words: Vec<(Request, Vec<u16>)>,
    newly_refused: Vec<usize>,
    /// A block was refused: the next poll asks differently.
    replan: bool,
    poll: Poll,
}

/// Why a poll stops before its last request.
struct Stop;

impl Member {
    pub(super) fn new(unit: Unit, now_ms: i64, clock: &Clock) -> Self {
        let off_max = clock.real(Duration::from_millis(BACKOFF_MS_MAX));
        let session = Session::new(now_ms, clock.real(unit.interval), unit.map.timeout, off_max);
        let mut member = Self {
            session,
            counts: Counts::default(),
            requests: Vec::new(),
            refused: Vec::new(),
            gap_max: 0,
            registers_max: 1,
            first: 0,
            relearn_ms: now_ms,
            unit,
        };
        member.forget_refusals(now_ms);
        member
    }

    pub(super) fn device(&self) -> DeviceIx {
        self.unit.device
    }

    /// Asks the unit once for everything its profile names.
    pub(super) async fn poll(&mut self, port: &mut Port, clock: &Clock) -> Poll {
        if clock.mono_ms() >= self.relearn_ms {
            self.forget_refusals(clock.mono_ms());
        }
        let poll = Poll { batch: None, faults: Vec::new(), answered: false, silent: false, lost: None };
        let mut heard = Heard { words: Vec::new(), newly_refused: Vec::new(), replan: false, poll };
        // Ends early on silence or a lost connection; what was read until then counts.
        let _: Result<(), Stop> = self.ask_all(port, &mut heard).await;
        let now_ms = clock.mono_ms();
        let unanswered = heard.poll.silent || heard.poll.lost.is_some();
        match (heard.poll.answered, unanswered) {
            (_, false) => self.session.answered(now_ms),
            (true, true) => self.session.stumbled(now_ms),
            (false, true) => self.session.failed(now_ms),
        }
        if !heard.words.is_empty() {
            heard.poll.batch = Some(self.batch(&heard, clock.now_ms()));
        }
        if heard.replan {
            self.requests = self.planned();
            self.first = 0;
        }
        heard.poll
    }

    /// The unit's health since start, and the mean answer time since the last report.
    pub(super) fn health(&mut self, at_ms: i64) -> Batch {
        let mut batch = Batch::new(self.unit.device, Subject::Health, at_ms);
        if let Some(mean_ms) = self.counts.take_rtt_ms() {
            batch.push(Point::HealthRttMs, Value::Float(mean_ms));
        }
        for (point, count) in self.counts.totals() {
            batch.push(point, Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
        }
        batch
    }

    async fn ask_all(&mut self, port: &mut Port, heard: &mut Heard) -> Result<(), Stop> {
        if self.session.doubted() && !self.requests.is_empty() {
            self.probe(port, heard).await?;
        }
        for step in 0..self.requests.len() {
            let at = (self.first + step) % self.requests.len();
            let request = self.requests[at];
            let answer = self.ask(port, request, heard).await;
            match answer {
                Ok(Ok(words)) => heard.words.push((request, words)),
                Ok(Err(1..=3)) => self.ask_singly(port, request, heard).await?,
                Ok(Err(_)) => {}
                Err(stop) => {
                    self.first = (at + 1) % self.requests.len();
                    return Err(stop);
                }
            }
        }
        self.first = 0;
        Ok(())
    }

    /// Asks once and throws the answer away: it may belong to a question that was given up. Then waits until nothing
    /// else can be on its way.
    async fn probe(&mut self, port: &mut Port, heard: &mut Heard) -> Result<(), Stop> {
        let request = self.requests[self.first % self.requests.len()];
        self.ask_once(port, request, heard).await.map(drop)?;
        // What answered may have been the past.
        heard.poll.answered = false;
        self.quiet(port, heard).await
    }

    /// Asks, once more if the device is busy (exceptions 5 and 6). The inner error is the exception code.
    async fn ask(&mut self, port: &mut Port, request: Request, heard: &mut Heard) -> Result<Result<Vec<u16>, u8>, Stop> {
        let answer = self.ask_once(port, request, heard).await?;
        if !matches!(answer, Err(5 | 6)) {
            return Ok(answer);
        }
        tokio::time::sleep(self.quiet_span()).await;
        self.ask_once(port, request, heard).await
    }

    async fn ask_once(&mut self, port: &mut Port, request: Request, heard: &mut Heard) -> Result<Result<Vec<u16>, u8>, Stop> {
        let began = tokio::time::Instant::now();
        let before = heard.poll.faults.len();
        let answer = port.ask(self.unit.unit, &request, self.unit.map.timeout, &mut heard.poll.faults).await;
        self.counts.discarded += heard.poll.faults.len().saturating_sub(before) as u64;
        match answer {
            Ok(words) => {
                self.counts.answered(began.elapsed());
                heard.poll.answered = true;
                Ok(Ok(words))
            }
            Err(Failure::Refused(code)) => {
                self.counts.polls_err += 1;
                self.counts.exceptions += 1;
                heard.poll.faults.push(Fault::Exception);
                // 10 and 11: a gateway on the way says that the device itself did not answer.
                if matches!(code, 10 | 11) {
                    heard.poll.silent = true;
                    return Err(Stop);
                }
                heard.poll.answered = true;
                Ok(Err(code))
            }
            Err(Failure::Timeout) => {
                self.counts.polls_err += 1;
                self.counts.timeouts += 1;
                heard.poll.faults.push(Fault::Timeout);
                heard.poll.silent = true;
                self.quiet(port, heard).await?;
                Err(Stop)
            }
            Err(Failure::Lost(error)) => {
                self.counts.polls_err += 1;
                heard.poll.lost = Some(error);
                Err(Stop)
            }
        }
    }

    /// A block was refused: asks for its points one by one and remembers those that are refused alone.
    async fn ask_singly(&mut self, port: &mut Port, block: Request, heard: &mut Heard) -> Result<(), Stop> {
        let inside: Vec<usize> = (0..self.unit.map.points.len())
            .filter(|at| !self.refused[*at] && plan([&self.unit.map.points[*at]], 1, 0).iter().any(|one| block.covers(one)))
            .collect();
        let refused_before = heard.newly_refused.len();
        for at in inside {
            for request in plan([&self.unit.map.points[at]], 1, 0) {
                // A block of one request was just refused: no need to hear it twice.
                let answer = if request == block { Err(2) } else { self.ask(port, request, heard).await? };
                match answer {
                    Ok(words) => heard.words.push((request, words)),
                    Err(1..=3) => {
                        self.refused[at] = true;
                        heard.newly_refused.push(at);
                        break;
                    }
                    Err(_) => {}
                }
            }
        }
        // Registers read along may have been the reason. If not even that: this device refuses blocks.
        if self.gap_max == 0 && heard.newly_refused.len() == refused_before {
            self.registers_max = 1;
        }
        self.gap_max = 0;
        heard.replan = true;
        Ok(())
    }

    async fn quiet(&mut self, port: &mut Port, heard: &mut Heard) -> Result<(), Stop> {
        let before = heard.poll.faults.len();
        let quiet = port.quiet(self.quiet_span(), &mut heard.poll.faults).await;
        self.counts.discarded += heard.poll.faults.len().saturating_sub(before) as u64;
        quiet.map_err(|error| {
            heard.poll.lost = Some(error);
            Stop
        })
    }

    fn quiet_span(&self) -> Duration {
        self.unit.map.timeout.max(Duration::from_millis(MODBUS_QUIET_MS_MIN))
    }

    fn forget_refusals(&mut self, now_ms: i64) {
        self.refused = vec![false; self.unit.map.points.len()];
        self.gap_max = self.unit.map.gap_max;
        self.registers_max = self.unit.map.registers_max;
        self.relearn_ms = now_ms.saturating_add(MODBUS_REFUSED_RETRY_MS as i64);
        self.requests = self.planned();
        self.first = 0;
    }

    fn planned(&self) -> Vec<Request> {
        let points = self.unit.map.points.iter().zip(&self.refused).filter(|(_, refused)| !**refused);
        plan(points.map(|(point, _)| point), self.registers_max, self.gap_max)
    }

    fn batch(&self, heard: &Heard, at_ms: i64) -> Batch {
        let mut batch = Batch::new(self.unit.device, Subject::Telemetry, at_ms);
        for (at, point) in self.unit.map.points.iter().enumerate() {
            if self.refused[at] && !heard.newly_refused.contains(&at) {
                continue;
            }
            match heard.value(point) {
                Ok(value) => batch.push(point.point, value),
                Err(fault) => batch.faults.push(fault),
            }
        }
        batch
    }
}

impl Heard {
    fn value(&self, point: &RegisterPoint) -> Result<Value, Fault> {
        let words_at = |address, count| self.words.iter().find_map(|(request, words)| request.slice_of(words, point.table, address, count));
        let status = point.status.and_then(|status| words_at(status.address, 1)).and_then(|words| words.first().copied());
        match words_at(point.address, point.ty.width()) {
            Some(words) => decode(point, words, status),
            None => Ok(Value::Missing(Quality::CommError)),
        }
    }
}
