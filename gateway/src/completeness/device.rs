//! What is missing of one device: intervals from the end of its time online to its next message, and single messages
//! between others. Pure.
//!
//! Expected are the whole intervals since 1970, as in the figures, so that what is told over a day adds up to what was
//! expected in it less what was received. Bounded by the constants of the file and the stretches of `spans.rs`.

use super::reason::Reason;
use super::spans::{Spans, Stretch};
use crate::aggregate::save::{Save, saved};
use crate::aggregate::{Long, Sign, Span, online_ms, sign};
use facility_config::Point;
use facility_config::limits::{HEARTBEAT_HOLE_MS, MISSING_DAYS_MAX, MISSING_TOLD_MAX};
use facility_drivers::{Metric, Quality, Value};
use jiff::tz::TimeZone;

const DAY_MS: i64 = 24 * 3_600_000;
/// Days for which late messages are counted: as long as a reading may be old, today, and a part of a day.
const FILLED_DAYS: usize = 9;
/// Single messages of a day that are told; one more or less is a matter of when in its interval a device speaks.
const STRAY_MIN: i64 = 2;
/// The part of the alarm events that tell a device's maintenance.
const MAINTENANCE: &str = "maintenance";

/// An interval, or a day's part of it, that ended and waits to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) whole: Stretch,
    /// Start of the local day it is of.
    pub(super) day_ms: i64,
    /// When the device fell silent.
    pub(super) since_ms: i64,
    /// What was expected is counted from here.
    pub(super) counted_ms: i64,
    /// Messages expected and not received.
    pub(super) expected: i64,
    /// The device was heard at its end.
    pub(super) is_over: bool,
}

saved!(Ended { whole, day_ms, since_ms, counted_ms, expected, is_over });

/// Single messages of a day, told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) reason: Reason,
    pub(super) day_ms: i64,
    pub(super) messages: i64,
}

saved!(Sum { reason, day_ms, messages });

/// The newest interval that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Its start, Unix ms.
    pub from_ms: i64,
    /// Its end, Unix ms; none while it lasts.
    pub to_ms: Option<i64>,
    /// Why.
    pub reason: Reason,
}

saved!(Missing { from_ms, to_ms, reason });

/// Late messages of one local day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Filled {
    day_ms: i64,
    messages: i64,
    is_told: bool,
}

saved!(Filled { day_ms, messages, is_told });

/// What was told of each local day that is not over: messages missing, and those with a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Account(Vec<OfDay>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfDay {
    pub(super) day_ms: i64,
    pub(super) missing: i64,
    pub(super) explained: i64,
}

saved!(OfDay { day_ms, missing, explained });

impl Save for Account {
    fn save(&self, out: &mut Vec<u8>) {
        self.0.save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Vec::load(input).map(Self)
    }
}

impl Account {
    /// Messages of a day are told as missing.
    pub(super) fn add(&mut self, day_ms: i64, reason: Reason, messages: i64) {
        if reason == Reason::LateFilled || messages <= 0 {
            return;
        }
        let explained = if reason.explains() { messages } else { 0 };
        match self.0.iter_mut().find(|of| of.day_ms == day_ms) {
            Some(of) => (of.missing, of.explained) = (of.missing + messages, of.explained + explained),
            None => self.0.push(OfDay { day_ms, missing: messages, explained }),
        }
    }

    /// Takes out the days before this one.
    pub(super) fn before(&mut self, day_ms: i64) -> Vec<OfDay> {
        let (over, open) = std::mem::take(&mut self.0).into_iter().partition(|of| of.day_ms < day_ms);
        self.0 = open;
        over
    }
}

/// Everything that is known about one device.
#[derive(Debug)]
pub(super) struct Watch {
    /// The local day it is in.
    day: Span,
    /// It was heard last.
    heard_ms: i64,
    /// Its time online ends.
    until_ms: i64,
    /// Until then it is told what is missing.
    told_until_ms: i64,
    /// Until then it is counted what was expected.
    counted_ms: i64,
    /// Time stamp of the message that is being read.
    message_ms: i64,
    /// Messages expected today less those received, outside of intervals.
    stray: i64,
    /// Its broker said that it is gone.
    pub(super) offline: Spans,
    /// It spoke, and was refused.
    pub(super) refusing: Spans,
    /// Messages refused today while it was online.
    refused: i64,
    /// It did not answer.
    pub(super) failing: Spans,
    /// Somebody works at it.
    pub(super) maintenance: Spans,
    /// Intervals that ended, oldest first.
    ended: Vec<Stretch>,
    filled: Vec<Filled>,
    /// What is to be told.
    pub(super) waiting: Vec<Ended>,
    pub(super) sums: Vec<Sum>,
    pub(super) account: Account,
    pub(super) newest: Option<Missing>,
}

saved!(Watch {
    day,
    heard_ms,
    until_ms,
    told_until_ms,
    counted_ms,
    message_ms,
    stray,
    offline,
    refusing,
    refused,
    failing,
    maintenance,
    ended,
    filled,
    waiting,
    sums,
    account,
    newest,
});

/// What the configuration says about one device.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) interval_ms: i64,
    pub(super) zone: &'a TimeZone,
}

impl Terms<'_> {
    /// Messages expected after one moment and not after another: whole intervals since 1970.
    pub(super) fn expected(self, from_ms: i64, to_ms: i64) -> i64 {
        to_ms.div_euclid(self.interval_ms) - from_ms.div_euclid(self.interval_ms)
    }
}

impl Watch {
    /// A device that has not been heard, of which is asked from a moment on.
    pub(super) fn new(from_ms: i64, zone: &TimeZone) -> Self {
        Self {
            day: Long::Day.around(from_ms, zone),
            heard_ms: i64::MIN,
            until_ms: from_ms,
            told_until_ms: from_ms,
            counted_ms: from_ms,
            message_ms: i64::MIN,
            stray: 0,
            offline: Spans::default(),
            refusing: Spans::default(),
            refused: 0,
            failing: Spans::default(),
            maintenance: Spans::default(),
            ended: Vec::new(),
            filled: Vec::new(),
            waiting: Vec::new(),
            sums: Vec::new(),
            account: Account::default(),
            newest: None,
        }
    }

    pub(super) fn was_heard(&self) -> bool {
        self.heard_ms != i64::MIN
    }

    /// Takes a record of the device.
    pub(super) fn observe(&mut self, metric: Metric, at_ms: i64, value: &Value, terms: Terms<'_>) {
        match sign(metric.point, value) {
            // The records of one message follow each other and share its time stamp.
            Sign::Message if at_ms == self.message_ms => {}
            Sign::Message => {
                self.message_ms = at_ms;
                self.heard(at_ms, true, terms);
            }
            Sign::Heard => self.heard(at_ms, false, terms),
            Sign::Gone if at_ms >= self.heard_ms => {
                self.until_ms = self.until_ms.min(at_ms.max(self.told_until_ms));
                self.offline.begin(at_ms);
            }
            Sign::Nothing if *value == Value::Missing(Quality::CommError) && at_ms > self.heard_ms => self.failing.begin(at_ms),
            Sign::Nothing if metric.point == Point::HealthRefused => self.refused(at_ms, value, terms),
            Sign::Nothing if metric.part.as_str() == MAINTENANCE => self.maintained(metric.point, at_ms, value),
            Sign::Gone | Sign::Nothing => {}
        }
    }

    /// Messages were refused since the heartbeat before, the newest of them at this moment: it speaks, and would be online as
    /// long as after one that was taken.
    fn refused(&mut self, at_ms: i64, value: &Value, terms: Terms<'_>) {
        let Value::Int(count @ 1..) = *value else { return };
        if at_ms <= self.until_ms {
            self.refused = self.refused.saturating_add(count);
        }
        let from_ms = at_ms.saturating_sub(HEARTBEAT_HOLE_MS).max(self.heard_ms);
        self.refusing.add(from_ms, at_ms.saturating_add(online_ms(terms.interval_ms)));
    }

    fn maintained(&mut self, point: Point, at_ms: i64, value: &Value) {
        match (point, value) {
            (Point::AlarmActive, Value::Int(1)) => self.maintenance.begin(at_ms),
            (Point::AlarmActive, _) => self.maintenance.end(at_ms),
            (Point::AlarmUntil, Value::Int(until_ms)) => self.maintenance.end(*until_ms),
            _ => {}
        }
    }

    fn heard(&mut self, at_ms: i64, is_message: bool, terms: Terms<'_>) {
        if at_ms < self.heard_ms || at_ms < self.told_until_ms {
            return if is_message {
                self.late(at_ms, terms.zone)
            };
        }
        self.days_until(at_ms, terms);
        self.offline.end(at_ms);
        self.refusing.end(at_ms);
        self.failing.end(at_ms);
        let received = i64::from(is_message);
        if at_ms > self.until_ms {
            let due = terms.expected(self.counted_ms, at_ms) - received;
            self.stray += due.min(0);
            self.missed(at_ms, due.max(0), true);
        } else if is_message {
            self.stray += terms.expected(self.counted_ms, at_ms) - received;
            self.counted_ms = at_ms;
        }
        self.heard_ms = at_ms;
        self.until_ms = at_ms + online_ms(terms.interval_ms);
    }

    /// An interval, or a day's part of it, ends. One in which nothing was expected lacks nothing.
    fn missed(&mut self, to_ms: i64, expected: i64, is_over: bool) {
        let whole = Stretch { from_ms: self.until_ms.max(self.told_until_ms), to_ms };
        let counted_ms = std::mem::replace(&mut self.counted_ms, to_ms);
        if expected == 0 {
            return;
        }
        if self.ended.len() >= MISSING_TOLD_MAX {
            self.ended.remove(0);
        }
        self.ended.push(whole);
        self.waiting.push(Ended { whole, day_ms: self.day.start_ms, since_ms: self.until_ms, counted_ms, expected, is_over });
    }

    /// A message that is older than others, or than what was told.
    fn late(&mut self, at_ms: i64, zone: &TimeZone) {
        if !self.ended.iter().any(|ended| ended.holds(at_ms)) {
            self.stray -= i64::from(at_ms >= self.day.start_ms.max(self.told_until_ms));
            return;
        }
        let day_ms = Long::Day.around(at_ms, zone).start_ms;
        match self.filled.iter_mut().find(|filled| filled.day_ms == day_ms) {
            Some(filled) => (filled.messages, filled.is_told) = (filled.messages + 1, false),
            None => {
                if self.filled.len() >= FILLED_DAYS {
                    self.filled.remove(0);
                }
                self.filled.push(Filled { day_ms, messages: 1, is_told: false });
            }
        }
    }

    /// Ends every day that is over by then. Of an absence of many days the first are told one by one, the others together.
    pub(super) fn days_until(&mut self, at_ms: i64, terms: Terms<'_>) {
        let mut days = 0;
        while at_ms >= self.day.end_ms {
            days += 1;
            let is_long = days > MISSING_DAYS_MAX && at_ms - self.day.end_ms > DAY_MS;
            let end_ms = if is_long { Long::Day.around(at_ms, terms.zone).start_ms } else { self.day.end_ms };
            self.end_day(end_ms, terms);
        }
    }

    fn end_day(&mut self, end_ms: i64, terms: Terms<'_>) {
        let due = terms.expected(self.counted_ms, end_ms);
        if self.until_ms < end_ms {
            // A device that speaks just behind the full minute is one message ahead until its day ends.
            let ahead = self.stray.clamp(-1, 0);
            self.missed(end_ms, (due + ahead).max(0), false);
            self.told_until_ms = end_ms;
        } else {
            self.stray += due;
            self.counted_ms = end_ms;
        }
        let stray = std::mem::take(&mut self.stray);
        if stray >= STRAY_MIN {
            let refused = std::mem::take(&mut self.refused).min(stray);
            let single = [(Reason::Refused, refused), (Reason::Sporadic, stray - refused)];
            let told = single.into_iter().filter(|(_, messages)| *messages > 0);
            self.sums.extend(told.map(|(reason, messages)| Sum { reason, day_ms: self.day.start_ms, messages }));
        }
        self.refused = 0;
        for filled in self.filled.iter_mut().filter(|filled| !filled.is_told) {
            filled.is_told = true;
            self.sums.push(Sum { reason: Reason::LateFilled, day_ms: filled.day_ms, messages: filled.messages });
        }
        self.day = Long::Day.around(end_ms, terms.zone);
    }

    /// Forgets what explains nothing any more.
    pub(super) fn forget_before(&mut self, at_ms: i64) {
        [&mut self.offline, &mut self.refusing, &mut self.failing, &mut self.maintenance]
            .into_iter()
            .for_each(|spans| spans.forget_before(at_ms));
    }

    /// The interval that has not ended at a moment.
    pub(super) fn open(&self, now_ms: i64) -> Option<Stretch> {
        (self.until_ms < now_ms).then_some(Stretch { from_ms: self.until_ms, to_ms: now_ms })
    }
}
