//! What the alarms of one device are judged on: its signals, its defrosts, what happened at it and when it was heard.
//!
//! Takes readings and events as the pipeline settled them. Judges nothing. Bounded: the signals of a device, its lanes that
//! fail ([`BURSTS_MAX`]), sums of a day or a month.
//!
//! Of what a device kept while it was offline, values and states are passed over: they say nothing of now, and neither begin
//! nor end anything. What is a date or a count is taken at its own time: when a defrost ended, when the power came back, when
//! somebody was there, how many doors did not open, which lanes failed. What happened and was over at once, such as
//! tampering, is news however old it is.

use super::save::{load_list, save_list};
use super::signal::{Known, Said, Signals, Stamp};
use super::sliding::{COMMANDS, REQUESTS, Share, Slide, Starts};
use crate::aggregate::save::{Save, saved};
use crate::aggregate::{Defrost, OPEN_FAIL, Retries, Sign, flag, float, mode_is_defrost, sign};
use facility_config::alarm::RuleKind;
use facility_config::limits::{PROBE_C_MAX, PROBE_C_MIN};
use facility_config::{Measurement, Part, Point};
use facility_drivers::{Batch, Metric, Quality, Reading, Value};

/// What a temperature probe can say at all, °C (DOMAIN §5, probe_fault).
const PROBE_C: std::ops::RangeInclusive<f64> = PROBE_C_MIN..=PROBE_C_MAX;
/// The same of a condenser, which may well be at 80.
const CONDENSER_C: std::ops::RangeInclusive<f64> = -60.0..=150.0;
/// Below this, V, the mains are taken for the cause of what follows.
const MAINS_LOW_V: f64 = 198.0;
/// A door that opens this long after a command was opened by it (DOMAIN §5, unexpected_open).
const COMMAND_MS_MAX: i64 = 10_000;
/// A device that was silent for this long begins to be heard anew.
const PAUSE_MS: i64 = 3_600_000;
/// Lanes that fail and are remembered; of more the others are not counted.
const BURSTS_MAX: usize = 1024;

/// A lane that fails to vend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burst {
    /// Which; the whole machine if it names none.
    pub(super) lane: Part,
    /// Failures in a row.
    pub(super) fails: u64,
    /// Its motor is broken, by its code.
    pub(super) is_broken: bool,
    /// Newest failure.
    pub(super) at_ms: i64,
}

saved!(Burst { lane, fails, is_broken, at_ms });

/// Something that is over as soon as it is noticed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pulse {
    pub(super) rule: RuleKind,
    pub(super) part: Part,
    pub(super) at_ms: i64,
}

#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) signals: Signals,
    pub(super) defrost: Defrost,
    pub(super) starts: Starts,
    pub(super) openings: Option<Box<Share>>,
    pub(super) uplink: Option<Box<Share>>,
    pub(super) bursts: Vec<Burst>,
    /// First sight or newest power-up.
    pub(super) started_ms: Option<i64>,
    /// Newest power-up or loss of mains.
    pub(super) power_ms: Option<i64>,
    /// Newest refill or service.
    pub(super) serviced_ms: Option<i64>,
    /// When the service door was opened or closed last.
    pub(super) door_ms: Option<i64>,
    /// Since when some compartment stands open and none was closed.
    pub(super) ajar_ms: Option<i64>,
    pub(super) heard_ms: Option<i64>,
    /// Since when it has been heard without a pause of [`PAUSE_MS`].
    pub(super) heard_since_ms: Option<i64>,
    /// Links that are down, of the gateway, and since when. Not saved: the engine knows them.
    pub(super) down: Vec<(Part, i64)>,
    /// What is to be judged at once; empty between two messages.
    pub(super) pulses: Vec<Pulse>,
    /// Newest report of how long it has been up, and its time stamp.
    uptime: Option<(i64, i64)>,
    /// Device time of the newest command to open a compartment.
    command_ms: Option<i64>,
    /// What failed within the last seconds: not saved, for it is forgotten as fast.
    retries: Retries,
    /// Whether the machine says that its service door is open.
    is_open: bool,
    /// Doors that had been opened in all when the open ones were counted last.
    opened: Option<i64>,
    /// The count of open doors before the one of this message, and that; empty between two messages.
    doors: Option<(Option<f64>, f64)>,
}

impl Save for Inputs {
    fn save(&self, out: &mut Vec<u8>) {
        self.signals.save(out);
        self.defrost.save(out);
        self.starts.save(out);
        self.openings.save(out);
        self.uplink.save(out);
        save_list(&self.bursts, out);
        let times = [self.started_ms, self.power_ms, self.serviced_ms, self.ajar_ms, self.heard_ms, self.heard_since_ms];
        times.iter().for_each(|time| time.save(out));
        [self.command_ms, self.opened].save(out);
        self.door_ms.save(out);
        self.is_open.save(out);
        [self.uptime.map(|(at_ms, _)| at_ms), self.uptime.map(|(_, up_s)| up_s)].save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            signals: Save::load(input)?,
            defrost: Save::load(input)?,
            starts: Save::load(input)?,
            openings: Save::load(input)?,
            uplink: Save::load(input)?,
            bursts: load_list(input, BURSTS_MAX)?,
            started_ms: Save::load(input)?,
            power_ms: Save::load(input)?,
            serviced_ms: Save::load(input)?,
            ajar_ms: Save::load(input)?,
            heard_ms: Save::load(input)?,
            heard_since_ms: Save::load(input)?,
            command_ms: Save::load(input)?,
            opened: Save::load(input)?,
            door_ms: Save::load(input)?,
            is_open: Save::load(input)?,
            uptime: <[Option<i64>; 2]>::load(input).map(|[at_ms, up_s]| at_ms.zip(up_s))?,
            retries: Retries::default(),
            down: Vec::new(),
            pulses: Vec::new(),
            doors: None,
        })
    }
}

impl Inputs {
    /// Takes what a device said.
    pub(super) fn observe(&mut self, batch: &Batch, stamp: Stamp, now_ms: i64) {
        let (mut event, mut is_heard) = (None, false);
        for reading in &batch.readings {
            match reading.metric.point.measurement() {
                Measurement::Event => event = Some(reading.metric.part),
                Measurement::Alarm => continue,
                _ => self.take(reading, stamp),
            }
            is_heard = is_heard || matches!(sign(reading.metric.point, &reading.value), Sign::Message | Sign::Heard);
        }
        if let Some((before, count)) = self.doors.take() {
            self.judge_doors(before, count, stamp.from_ms);
        }
        if is_heard {
            let had_pause = self.heard_ms.is_none_or(|heard_ms| now_ms - heard_ms > PAUSE_MS);
            self.heard_since_ms = if had_pause { Some(now_ms) } else { self.heard_since_ms };
            self.heard_ms = Some(now_ms);
        }
        if let Some(event) = event {
            self.event(event, batch, stamp);
        }
    }

    fn take(&mut self, reading: &Reading, stamp: Stamp) {
        let (metric, value) = (reading.metric, &reading.value);
        match metric.point {
            Point::CabinetAir | Point::VendingAir => {
                let said = probe(value, &PROBE_C);
                if self.set(metric, stamp, said) && matches!(said, Said::Value(_)) {
                    self.started_ms.get_or_insert(stamp.from_ms);
                }
            }
            Point::CabinetProduct | Point::CabinetEvap | Point::ProbeTemp => {
                self.set(metric, stamp, probe(value, &PROBE_C));
            }
            Point::CabinetCond => {
                self.set(metric, stamp, probe(value, &CONDENSER_C));
            }
            Point::CabinetDoor | Point::CompartmentDoor | Point::LockerMainsOk => {
                self.set(metric, stamp, yes_or_no(flag(value)));
            }
            Point::CabinetCompressor => self.compressor(metric, stamp, flag(value)),
            Point::CabinetDefrost => {
                self.defrost.flag(stamp.from_ms, stamp.hold_ms, flag(value));
                self.set(metric, stamp, yes_or_no(flag(value)));
            }
            Point::CabinetMode => {
                self.defrost.mode(stamp.from_ms, stamp.hold_ms, mode_is_defrost(value));
                self.set(metric, stamp, yes_or_no(mode_is_defrost(value)));
            }
            Point::VendingStatus => {
                if self.set(metric, stamp, yes_or_no(status_is_lockout(value)))
                    && let Value::Text(status) = value
                {
                    self.service_door(&**status == "door_open", stamp.from_ms);
                }
            }
            Point::EnergyVoltage | Point::PhaseVoltage => self.voltage(metric, stamp, value),
            Point::VendingSetpoint | Point::LockerOverdue | Point::LaneLevel => {
                self.set(metric, stamp, number(value));
            }
            Point::LaneMin if stamp.is_now => self.signals.set_min(metric.part, float(value)),
            Point::LockerDoorOpen => self.open_doors(metric, stamp, value),
            Point::LockerOpenCmds => count(&mut self.openings, COMMANDS, value, stamp, Share::all),
            Point::LockerOpenFails => count(&mut self.openings, COMMANDS, value, stamp, Share::failed),
            Point::GatewayUplinkRequests => count(&mut self.uplink, REQUESTS, value, stamp, Share::all),
            Point::GatewayUplinkFailed => count(&mut self.uplink, REQUESTS, value, stamp, Share::failed),
            Point::HealthUptime => self.notice_power_up(value, stamp),
            _ => {}
        }
    }

    /// Takes a value or a state that holds now; false if it does not, or is older than the newest.
    fn set(&mut self, metric: Metric, stamp: Stamp, said: Said) -> bool {
        stamp.is_now && self.signals.set(metric, stamp, said)
    }

    fn voltage(&mut self, metric: Metric, stamp: Stamp, value: &Value) {
        if self.set(metric, stamp, number(value)) && float(value).is_some_and(|volts| volts < MAINS_LOW_V) {
            self.power_ms = Some(stamp.from_ms);
        }
    }

    fn compressor(&mut self, metric: Metric, stamp: Stamp, on: Option<bool>) {
        let before = self.signals.at(metric.point, stamp.from_ms, stamp.hold_ms);
        if !self.set(metric, stamp, yes_or_no(on)) {
            return;
        }
        match (before, on) {
            // Starts may have been missed from the last known value to here, or are now.
            (Known::Lost | Known::Paused, _) | (_, None) => self.starts.begin(stamp.from_ms),
            (Known::Good(0.0, _), Some(true)) => self.starts.start(stamp.from_ms),
            _ => {}
        }
    }

    /// Boards that only count open doors: judged when the whole message is known.
    fn open_doors(&mut self, metric: Metric, stamp: Stamp, value: &Value) {
        let before = match self.signals.at(metric.point, stamp.from_ms, stamp.hold_ms) {
            Known::Good(before, _) => Some(before),
            Known::Paused | Known::Lost => None,
        };
        if self.set(metric, stamp, number(value))
            && let Some(count) = float(value)
        {
            self.doors = Some((before, count));
        }
    }

    /// A count is taken for one door that stands open only while none can be seen to have closed: it neither fell, nor rose by
    /// less than the doors that were opened in between, as a locker that counts its commands says. One that closes between
    /// two counts while another is opened without a command cannot be seen.
    fn judge_doors(&mut self, before: Option<f64>, count: f64, from_ms: i64) {
        let opened = self.openings.as_ref().and_then(|openings| openings.done());
        let since = opened.zip(self.opened).map_or(0, |(opened, before)| opened.saturating_sub(before).max(0));
        self.opened = opened;
        let stands = before.is_some_and(|before| before > 0.0 && count >= before + since as f64);
        self.ajar_ms = if count <= 0.0 { None } else { self.ajar_ms.filter(|_| stands).or(Some(from_ms)) };
    }

    /// Takes from a status whether the machine's service door is open: the goods get warm meanwhile, and for a while after. One
    /// that stays open is no service for ever: only its opening and its closing count. Events tell these by themselves, and a
    /// status may know of no door.
    fn service_door(&mut self, is_open: bool, at_ms: i64) {
        if is_open != self.is_open {
            self.is_open = is_open;
            self.door_ms = self.door_ms.max(Some(at_ms));
        }
    }

    /// A device that has been up for less time than it had been before was switched on again.
    fn notice_power_up(&mut self, value: &Value, stamp: Stamp) {
        let Value::Int(uptime_s) = *value else { return };
        match self.uptime {
            Some((before_ms, _)) if stamp.stamp_ms < before_ms => return,
            Some((_, before_s)) if uptime_s < before_s => {
                self.started_ms = Some(stamp.from_ms);
                self.power_ms = Some(stamp.from_ms);
            }
            _ => {}
        }
        self.uptime = Some((stamp.stamp_ms, uptime_s));
    }

    /// Takes an event. What people do at a locker has no compartment here: privacy took it before.
    fn event(&mut self, event: Part, batch: &Batch, stamp: Stamp) {
        let text = |point| {
            batch.readings.iter().find(|reading| reading.metric.point == point).and_then(|reading| match &reading.value {
                Value::Text(text) => Some(&**text),
                _ => None,
            })
        };
        let part = text(Point::EventTarget).and_then(Part::new).unwrap_or_default();
        let at_ms = stamp.from_ms;
        if matches!(event.as_str(), "door_open" | "door_closed") {
            self.door_ms = self.door_ms.max(Some(at_ms));
        }
        match event.as_str() {
            OPEN_FAIL if self.retries.take(part.as_str(), stamp.stamp_ms) => {
                if let Some(openings) = &mut self.openings {
                    openings.retried();
                }
            }
            "tamper" => self.pulses.push(Pulse { rule: RuleKind::LockerTamper, part, at_ms }),
            "open_cmd" => self.command_ms = self.command_ms.max(Some(stamp.stamp_ms)),
            // A locker that never tells its commands cannot be held to them.
            "door_open" if self.command_ms.is_some_and(|command_ms| stamp.stamp_ms.saturating_sub(command_ms) > COMMAND_MS_MAX) => {
                self.pulses.push(Pulse { rule: RuleKind::UnexpectedOpen, part: Part::WHOLE, at_ms });
            }
            "vend_fail" => self.vended(part, false, text(Point::EventCode), at_ms),
            "vend_ok" => self.vended(part, true, text(Point::EventCode), at_ms),
            "refill" | "service" => self.serviced_ms = self.serviced_ms.max(Some(at_ms)),
            _ => {}
        }
    }

    fn vended(&mut self, lane: Part, is_ok: bool, code: Option<&str>, at_ms: i64) {
        let is_broken = code.is_some_and(motor_is_broken);
        let known = self.bursts.iter().position(|burst| burst.lane == lane);
        match known {
            Some(at) if is_ok && !is_broken => drop(self.bursts.swap_remove(at)),
            Some(at) => {
                if let Some(burst) = self.bursts.get_mut(at) {
                    burst.fails = burst.fails.saturating_add(u64::from(!is_ok));
                    (burst.is_broken, burst.at_ms) = (is_broken, at_ms);
                }
            }
            None if is_ok && !is_broken => {}
            None if self.bursts.len() >= BURSTS_MAX => {}
            None => self.bursts.push(Burst { lane, fails: u64::from(!is_ok), is_broken, at_ms }),
        }
    }
}

/// Takes a counter at its own time.
fn count(share: &mut Option<Box<Share>>, slide: Slide, value: &Value, stamp: Stamp, take: impl FnOnce(&mut Share, Slide, i64, i64)) {
    if let Value::Int(count @ 0..) = value {
        take(share.get_or_insert_default(), slide, *count, stamp.from_ms);
    }
}

/// A probe's reading. A broken one says so, or says what cannot be.
fn probe(value: &Value, range: &std::ops::RangeInclusive<f64>) -> Said {
    match (value, float(value)) {
        (_, Some(number)) if range.contains(&number) => Said::Value(number),
        (Value::Missing(Quality::SensorError | Quality::OutOfRange), _) | (_, Some(_)) => Said::Broken,
        _ => Said::Nothing,
    }
}

fn number(value: &Value) -> Said {
    float(value).map_or(Said::Nothing, Said::Value)
}

fn yes_or_no(flag: Option<bool>) -> Said {
    flag.map_or(Said::Nothing, |flag| Said::Value(f64::from(u8::from(flag))))
}

fn status_is_lockout(status: &Value) -> Option<bool> {
    match status {
        Value::Text(word) if &**word == "unknown" => None,
        Value::Text(word) => Some(&**word == "health_lockout"),
        _ => None,
    }
}

/// Codes of five digits whose first three are the motor's: 101 open circuit, 102 over-current, 103 timeout.
fn motor_is_broken(code: &str) -> bool {
    matches!(code.get(..3), Some("101" | "102" | "103")) && matches!(code.len(), 3 | 5) && code.bytes().all(|byte| byte.is_ascii_digit())
}
