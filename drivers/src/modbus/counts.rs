//! What a bus counts about one of its units, since start.

use crate::fault::Fault;
use facility_config::Point;
use std::time::Duration;

/// Questions of one unit and what became of them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    polls_ok: u64,
    polls_err: u64,
    timeouts: u64,
    exceptions: u64,
    discarded: u64,
    checksums: u64,
    late: u64,
    foreign: u64,
    rtt_sum: Duration,
    rtt_count: u32,
    rounds: u32,
    first_round_ms: Option<i64>,
    last_round_ms: i64,
}

impl Counts {
    /// A question was answered well after `rtt`.
    pub(super) fn answered(&mut self, rtt: Duration) {
        self.polls_ok += 1;
        self.rtt_sum = self.rtt_sum.saturating_add(rtt);
        self.rtt_count = self.rtt_count.saturating_add(1);
    }

    /// A question was not answered well.
    pub(super) fn failed(&mut self, fault: Option<Fault>) {
        self.polls_err += 1;
        self.count(fault.as_slice());
    }

    /// What was heard beside answers.
    pub(super) fn count(&mut self, faults: &[Fault]) {
        for fault in faults {
            self.discarded += u64::from(fault.is_discarded());
            match fault {
                Fault::Timeout => self.timeouts += 1,
                Fault::Exception => self.exceptions += 1,
                Fault::BadChecksum => self.checksums += 1,
                Fault::Late | Fault::Doubled => self.late += 1,
                Fault::Foreign | Fault::WrongLength | Fault::Echoed => self.foreign += 1,
                _ => {}
            }
        }
    }

    /// A round of the points that are read at the device's interval is over.
    pub(super) fn round(&mut self, now_ms: i64) {
        match self.first_round_ms {
            None => self.first_round_ms = Some(now_ms),
            Some(_) => self.rounds = self.rounds.saturating_add(1),
        }
        self.last_round_ms = now_ms;
    }

    /// The device fell silent: the time until it comes back is no interval.
    pub(super) fn pause(&mut self) {
        self.first_round_ms = None;
        self.rounds = 0;
    }

    /// Time since the last round, s; `None` if there was none since the device was last heard.
    pub(super) fn since_round_s(&self, now_ms: i64) -> Option<f64> {
        self.first_round_ms.map(|_| now_ms.saturating_sub(self.last_round_ms) as f64 / 1e3)
    }

    /// Mean time to an answer since the last call, ms; `None` without answers.
    pub(super) fn take_rtt_ms(&mut self) -> Option<f64> {
        let (sum, count) = (std::mem::take(&mut self.rtt_sum), std::mem::take(&mut self.rtt_count));
        (count > 0).then(|| sum.as_secs_f64() * 1e3 / f64::from(count))
    }

    /// Mean time between two rounds since the last call, s; `None` with fewer than two.
    pub(super) fn take_interval_s(&mut self) -> Option<f64> {
        let rounds = std::mem::take(&mut self.rounds);
        let span_ms = self.last_round_ms.saturating_sub(self.first_round_ms?);
        self.first_round_ms = Some(self.last_round_ms);
        (rounds > 0).then(|| span_ms as f64 / 1e3 / f64::from(rounds))
    }

    /// Totals since start.
    pub(super) fn totals(&self) -> [(Point, u64); 8] {
        [
            (Point::HealthPollsOk, self.polls_ok),
            (Point::HealthPollsErr, self.polls_err),
            (Point::HealthTimeouts, self.timeouts),
            (Point::HealthExceptions, self.exceptions),
            (Point::HealthDiscarded, self.discarded),
            (Point::HealthCrc, self.checksums),
            (Point::HealthLate, self.late),
            (Point::HealthForeign, self.foreign),
        ]
    }
}
