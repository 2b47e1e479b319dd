//! A parcel locker: couriers fill it by day, residents empty it in the evening.
//!
//! Every compartment is free, occupied, faulted or disabled, so the counts always add up, and every parcel that was
//! ever put in is still there or was taken out. Nothing is known about whose parcel it is.

use super::day::{self, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};
use super::said::{Event, EventKind};
use crate::reading::{Metric, Value as Reads};
use facility_config::{Part, Point};
use serde_json::{Value, json};

/// A parcel that stayed longer is overdue. Cainiao's 24 h (DOMAIN §5: an operator's choice, not a law).
const KEEP_MS: i64 = 24 * HOUR_MS;
/// Share of door commands that open no door; well below the 2 % that alarms (DOMAIN §5).
const OPEN_FAIL_SHARE: f64 = 0.004;
/// Share of failed deposits after which the compartment is out of order.
const LOCK_FAULT_SHARE: f64 = 0.15;
/// Share of openings after which the door is not closed in time: people close what they opened, and a site hears of a few a week.
const AJAR_SHARE: f64 = 0.000_25;
/// A door that is open longer stands ajar (DOMAIN §5 `locker_door_ajar`).
const AJAR_MS: i64 = 120 * SECOND_MS;
/// Deposits per compartment and hour, by local hour: courier rounds in the morning and after noon, one parcel per
/// compartment and day in all.
const DEPOSITS_BY_HOUR: [f64; 24] =
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01, 0.13, 0.16, 0.13, 0.04, 0.02, 0.08, 0.13, 0.1, 0.05, 0.05, 0.05, 0.02, 0.01, 0.01, 0.0, 0.0];

/// Compartment sizes, smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Size {
    S,
    M,
    L,
}

impl Size {
    const ALL: [Self; 3] = [Self::S, Self::M, Self::L];

    fn as_str(self) -> &'static str {
        match self {
            Self::S => "s",
            Self::M => "m",
            Self::L => "l",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    Occupied { since_ms: i64, leaves_ms: i64, returned: bool },
    Faulted { until_ms: i64 },
    Disabled,
}

#[derive(Debug, Clone, Copy)]
struct Door {
    opened_ms: i64,
    closes_ms: i64,
    reported: bool,
}

#[derive(Debug)]
struct Compartment {
    size: Size,
    state: State,
    door: Option<Door>,
}

/// Since ever.
#[derive(Debug, Default)]
struct Counters {
    deposits: u64,
    pickups: u64,
    returns: u64,
    open_cmds: u64,
    open_fails: u64,
}

/// One locker.
#[derive(Debug)]
pub struct Locker {
    compartments: Vec<Compartment>,
    counters: Counters,
    random: fastrand::Rng,
}

impl Locker {
    /// A locker with so many small, middle and large compartments, filled as an ordinary day before `start_ms` left it.
    #[must_use]
    pub fn new(sizes: [usize; 3], seed: u64, start_ms: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let doors = Size::ALL.into_iter().zip(sizes).flat_map(|(size, count)| std::iter::repeat_n(size, count));
        let compartments: Vec<_> =
            doors.map(|size| Compartment { size, state: earlier_state(&mut random, start_ms), door: None }).collect();
        let occupied = compartments.iter().filter(|compartment| matches!(compartment.state, State::Occupied { .. })).count() as u64;
        let pickups = random.u64(8_000..20_000);
        let open_fails = pickups / 260;
        let counters = Counters {
            deposits: pickups + occupied,
            pickups,
            returns: pickups / 150,
            open_cmds: 2 * pickups + occupied + open_fails,
            open_fails,
        };
        Self { compartments, counters, random }
    }

    /// Lives through one tick.
    pub fn tick(&mut self, now_ms: i64, events: &mut Vec<Event>) {
        for at in 0..self.compartments.len() {
            self.close_door(at, now_ms, events);
            self.change_hands(at, now_ms, events);
        }
        let usual = DEPOSITS_BY_HOUR.get(day::hour(now_ms) as usize).copied().unwrap_or_default();
        if day::happens(&mut self.random, usual * self.compartments.len() as f64) {
            self.deposit(now_ms, events);
        }
    }

    /// What it says about itself; shape of `locker.telemetry.v1`.
    #[must_use]
    pub fn payload(&self, id: &str, seq: u64, now_ms: i64) -> Value {
        let count = |wanted: fn(&State) -> bool| self.compartments.iter().filter(|compartment| wanted(&compartment.state)).count();
        let by_size: serde_json::Map<_, _> = Size::ALL
            .into_iter()
            .map(|size| {
                let (total, occupied) = self.of_size(size);
                (size.as_str().to_owned(), json!({ "total": total, "occupied": occupied }))
            })
            .collect();
        let overdue = self
            .compartments
            .iter()
            .filter(|compartment| matches!(compartment.state, State::Occupied { since_ms, .. } if now_ms - since_ms > KEEP_MS))
            .count();
        json!({
            "v": 1, "id": id, "ts": day::rfc3339(now_ms), "seq": seq,
            "compartments": {
                "total": self.compartments.len(),
                "occupied": count(|state| matches!(state, State::Occupied { .. })),
                "free": count(|state| matches!(state, State::Free)),
                "faulted": count(|state| matches!(state, State::Faulted { .. })),
                "disabled": count(|state| matches!(state, State::Disabled)),
                "door_open": self.compartments.iter().filter(|compartment| compartment.door.is_some()).count(),
                "by_size": by_size,
                "occupancy_source": "business",
            },
            "counters": {
                "deposits_total": self.counters.deposits,
                "pickups_total": self.counters.pickups,
                "returns_total": self.counters.returns,
                "open_cmd_total": self.counters.open_cmds,
                "open_fail_total": self.counters.open_fails,
                "overdue_now": overdue,
            },
            "env": { "temp_c": day::rounded(29.0 - 5.0 * day::warmth_angle(now_ms).cos(), 1), "mains_ok": true },
        })
    }

    /// The counts of [`payload`](Self::payload) as points, of the whole locker and of each size.
    #[must_use]
    pub fn values(&self, now_ms: i64) -> Vec<(Metric, Reads)> {
        let (mut occupied, mut free, mut faulted, mut disabled, mut overdue, mut open) = (0, 0, 0, 0, 0, 0);
        for compartment in &self.compartments {
            open += i64::from(compartment.door.is_some());
            match compartment.state {
                State::Free => free += 1,
                State::Occupied { since_ms, .. } => {
                    occupied += 1;
                    overdue += i64::from(now_ms - since_ms > KEEP_MS);
                }
                State::Faulted { .. } => faulted += 1,
                State::Disabled => disabled += 1,
            }
        }
        let Counters { deposits, pickups, returns, open_cmds, open_fails } = self.counters;
        let counts = [
            (Point::LockerTotal, self.compartments.len() as i64),
            (Point::LockerOccupied, occupied),
            (Point::LockerFree, free),
            (Point::LockerFaulted, faulted),
            (Point::LockerDisabled, disabled),
            (Point::LockerDoorOpen, open),
            (Point::LockerOverdue, overdue),
            (Point::LockerDeposits, deposits as i64),
            (Point::LockerPickups, pickups as i64),
            (Point::LockerReturns, returns as i64),
            (Point::LockerOpenCmds, open_cmds as i64),
            (Point::LockerOpenFails, open_fails as i64),
        ];
        let mut values: Vec<(Metric, Reads)> = counts.into_iter().map(|(point, count)| (point.into(), Reads::Int(count))).collect();
        for size in Size::ALL {
            let (total, occupied) = self.of_size(size);
            let part = Part::new(size.as_str()).unwrap_or_default();
            let of = |point, count| (Metric { point, part }, Reads::Int(count as i64));
            values.extend([of(Point::SizeTotal, total), of(Point::SizeOccupied, occupied)]);
        }
        values
    }

    /// Compartments of a size: all, and those with a parcel.
    fn of_size(&self, size: Size) -> (usize, usize) {
        let of_size = self.compartments.iter().filter(|compartment| compartment.size == size);
        let occupied = of_size.clone().filter(|compartment| matches!(compartment.state, State::Occupied { .. })).count();
        (of_size.count(), occupied)
    }

    fn close_door(&mut self, at: usize, now_ms: i64, events: &mut Vec<Event>) {
        let Some(door) = self.compartments[at].door.as_mut() else { return };
        let open_ms = now_ms - door.opened_ms;
        if open_ms >= AJAR_MS && !door.reported {
            door.reported = true;
            events.push(Event { target: Some(label(at)), ..Event::new(now_ms, EventKind::DoorAjar) });
        }
        if now_ms >= door.closes_ms {
            if door.reported {
                let dur_s = Some(open_ms as f64 / 1e3);
                events.push(Event { target: Some(label(at)), dur_s, ..Event::new(now_ms, EventKind::DoorClosed) });
            }
            self.compartments[at].door = None;
        }
    }

    /// A parcel whose time has come is taken out; a lock whose mechanic has come works again.
    fn change_hands(&mut self, at: usize, now_ms: i64, events: &mut Vec<Event>) {
        match self.compartments[at].state {
            State::Occupied { since_ms, leaves_ms, returned } if now_ms >= leaves_ms => {
                if !self.open(at, now_ms, events) {
                    let leaves_ms = now_ms + 30 * SECOND_MS;
                    self.compartments[at].state = State::Occupied { since_ms, leaves_ms, returned };
                    return;
                }
                self.compartments[at].state = State::Free;
                self.counters.pickups += 1;
                self.counters.returns += u64::from(returned);
                let kind = if returned { EventKind::ReturnToCourier } else { EventKind::Pickup };
                let dur_s = Some((now_ms - since_ms) as f64 / 1e3);
                events.push(Event { dur_s, ..Event::new(now_ms, kind) });
            }
            State::Faulted { until_ms } if now_ms >= until_ms => self.compartments[at].state = State::Free,
            State::Occupied { .. } | State::Faulted { .. } | State::Free | State::Disabled => {}
        }
    }

    /// A courier tries up to two compartments for one parcel, and carries on if the locker is full.
    fn deposit(&mut self, now_ms: i64, events: &mut Vec<Event>) {
        let wanted = match self.random.f64() {
            share if share < 0.5 => Size::S,
            share if share < 0.85 => Size::M,
            _ => Size::L,
        };
        for _ in 0..2 {
            let Some(at) = self.free_of(wanted) else { return };
            if self.open(at, now_ms, events) {
                let (leaves_ms, returned) = leaves(&mut self.random, now_ms);
                self.compartments[at].state = State::Occupied { since_ms: now_ms, leaves_ms, returned };
                self.counters.deposits += 1;
                events.push(Event::new(now_ms, EventKind::Deposit));
                return;
            }
            if self.random.f64() < LOCK_FAULT_SHARE {
                let until_ms = day::midnight(now_ms) + DAY_MS + 9 * HOUR_MS + self.random.i64(0..4 * HOUR_MS);
                self.compartments[at].state = State::Faulted { until_ms };
                events.push(Event { target: Some(label(at)), ..Event::new(now_ms, EventKind::LockFault) });
            }
        }
    }

    /// A free compartment with a closed door, of this size or else the next larger one.
    fn free_of(&mut self, wanted: Size) -> Option<usize> {
        let fits = |size: Size| {
            let free =
                |compartment: &Compartment| compartment.size == size && compartment.state == State::Free && compartment.door.is_none();
            (0..self.compartments.len()).filter(|at| free(&self.compartments[*at])).collect::<Vec<_>>()
        };
        let choice = Size::ALL.into_iter().filter(|size| *size >= wanted).map(fits).find(|fitting| !fitting.is_empty())?;
        Some(choice[self.random.usize(0..choice.len())])
    }

    /// One door command. True if the door opened.
    fn open(&mut self, at: usize, now_ms: i64, events: &mut Vec<Event>) -> bool {
        self.counters.open_cmds += 1;
        if self.random.f64() < OPEN_FAIL_SHARE {
            self.counters.open_fails += 1;
            let fail = Event::new(now_ms, EventKind::OpenFail);
            events.push(Event { target: Some(label(at)), outcome: Some("fail"), code: Some("LOCK_NO_FEEDBACK"), ..fail });
            return false;
        }
        let stays_ms = match self.random.f64() < AJAR_SHARE {
            true => self.random.i64(3 * MINUTE_MS..20 * MINUTE_MS),
            false => self.random.i64(8 * SECOND_MS..40 * SECOND_MS),
        };
        self.compartments[at].door = Some(Door { opened_ms: now_ms, closes_ms: now_ms + stays_ms, reported: false });
        true
    }
}

/// Compartments are numbered from 1 on their doors.
fn label(at: usize) -> String {
    (at + 1).to_string()
}

/// What a compartment is like at the start: the parcel of the last 24 hours, if it would still be there.
fn earlier_state(random: &mut fastrand::Rng, start_ms: i64) -> State {
    match random.f64() {
        share if share < 0.01 => return State::Disabled,
        share if share < 0.03 => {
            return State::Faulted { until_ms: day::midnight(start_ms) + DAY_MS + 9 * HOUR_MS + random.i64(0..4 * HOUR_MS) };
        }
        _ => {}
    }
    // Couriers come from 8 to 18; a moment in the night is moved to the day before it.
    let since_ms = day::midnight(start_ms) + random.i64(8 * HOUR_MS..18 * HOUR_MS);
    let since_ms = if since_ms > start_ms { since_ms - DAY_MS } else { since_ms };
    match leaves(random, since_ms) {
        (leaves_ms, returned) if leaves_ms > start_ms => State::Occupied { since_ms, leaves_ms, returned },
        _ => State::Free,
    }
}

/// When a parcel put in at `now_ms` is taken out, and whether by the courier: most go the same evening, some soon,
/// some next day, a few are overdue, and what nobody wants goes back after two days.
fn leaves(random: &mut fastrand::Rng, now_ms: i64) -> (i64, bool) {
    let midnight = day::midnight(now_ms);
    let evening = midnight + 17 * HOUR_MS + 30 * MINUTE_MS;
    match random.f64() {
        share if share < 0.55 => (evening.max(now_ms + 20 * MINUTE_MS) + random.i64(0..4 * HOUR_MS), false),
        share if share < 0.75 => (now_ms + random.i64(15 * MINUTE_MS..3 * HOUR_MS), false),
        share if share < 0.93 => (midnight + DAY_MS + random.i64(8 * HOUR_MS..21 * HOUR_MS), false),
        share if share < 0.985 => (midnight + 2 * DAY_MS + random.i64(8 * HOUR_MS..21 * HOUR_MS), false),
        _ => (midnight + 2 * DAY_MS + random.i64(9 * HOUR_MS..11 * HOUR_MS), true),
    }
}
