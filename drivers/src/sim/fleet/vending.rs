//! A vending machine: sells by time of day, lanes run empty, some vends fail, somebody refills it in the morning.
//!
//! Sales are the sum of the prices of what dropped. A lane whose spiral sticks fails every time until the refill, and
//! is taken out of service after three failures in a row (DOMAIN §5 `vend_fail_burst`).

use super::day::{self, DAY_MS, HOUR_MS, MINUTE_MS};
use super::said::{Event, EventKind};
use super::thermal::{Control, Thermal, ThermalSpec};
use crate::reading::{Metric, Value};
use facility_config::{Part, Point};
use serde_json::json;

/// Items a lane can hold, its standard filling and the level that asks for more (EVA-DTS PA104, PA105, PA109).
const CAPACITY: u32 = 10;
const PAR: u32 = 8;
const MIN: u32 = 2;
const ROWS: [char; 4] = ['A', 'B', 'C', 'D'];
const LANES_PER_ROW: usize = 6;
/// Prices of a row from the left, fen.
const PRICES_FEN: [u32; LANES_PER_ROW] = [200, 300, 350, 450, 500, 600];
/// Customers per hour by local hour: on the way to work, at noon, in the evening.
const CUSTOMERS_BY_HOUR: [f64; 24] =
    [0.5, 0.2, 0.1, 0.1, 0.2, 0.8, 4.0, 9.0, 9.0, 5.0, 5.0, 8.0, 11.0, 8.0, 5.0, 5.0, 6.0, 8.0, 9.0, 9.0, 8.0, 6.0, 3.0, 1.0];
/// Share of vends that fail, and of those after which the lane sticks.
const FAIL_SHARE: f64 = 0.006;
const STICK_SHARE: f64 = 0.15;
/// Failures in a row after which a lane is out of service.
const FAILS_IN_A_ROW: u32 = 3;
/// The refill: when in the morning at the earliest, within which hour, and how long the door is open.
const REFILL_FROM_MS: i64 = 8 * HOUR_MS;
const REFILL_WITHIN_MS: i64 = HOUR_MS;
const REFILL_MS: i64 = 12 * MINUTE_MS;

#[derive(Debug)]
struct Lane {
    no: String,
    price_fen: u32,
    level: u32,
    /// How often customers want it, against the other lanes.
    appeal: f64,
    sticks: bool,
    fails: u32,
}

impl Lane {
    fn fault(&self) -> bool {
        self.fails >= FAILS_IN_A_ROW
    }

    fn sells(&self) -> bool {
        self.level > 0 && !self.fault()
    }
}

/// One machine.
#[derive(Debug)]
pub struct Vending {
    lanes: Vec<Lane>,
    vends: u64,
    sales_fen: u64,
    fails: u64,
    outages: u64,
    booted_ms: i64,
    next_refill_ms: i64,
    door_opened_ms: Option<i64>,
    thermal: Thermal,
    rssi_dbm: i64,
    random: fastrand::Rng,
}

impl Vending {
    /// A machine with 24 lanes, filled as the hours since the last refill left it.
    #[must_use]
    pub fn new(seed: u64, start_ms: i64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let lanes = ROWS.into_iter().flat_map(|row| (0..LANES_PER_ROW).map(move |at| (row, at)));
        let lanes: Vec<_> = lanes.map(|(row, at)| lane(row, at, &mut random)).collect();
        let spec = ThermalSpec { setpoint_c: 3.0, differential_k: 2.0, shop_min: 110.0, goods_min: 30.0, pull_k_min: 0.5 };
        let vends = random.u64(9_000..30_000);
        Self {
            lanes,
            vends,
            sales_fen: vends * random.u64(370..420),
            fails: vends / 150,
            outages: random.u64(3..120),
            booted_ms: start_ms - random.i64(HOUR_MS..20 * DAY_MS),
            next_refill_ms: next_morning(start_ms, &mut random),
            door_opened_ms: None,
            thermal: Thermal::new(spec, &mut random, start_ms),
            rssi_dbm: random.i64(-84..-62),
            random,
        }
    }

    /// Lives through one tick.
    pub fn tick(&mut self, now_ms: i64, events: &mut Vec<Event>) {
        self.refill(now_ms, events);
        self.thermal.tick(now_ms, 28.0 - 3.0 * day::warmth_angle(now_ms).cos(), self.door_opened_ms.is_some(), Control::Thermostat);
        let customers = CUSTOMERS_BY_HOUR.get(day::hour(now_ms) as usize).copied().unwrap_or_default();
        if day::happens(&mut self.random, customers) && self.status() == "in_service" {
            self.sell(now_ms, events);
        }
    }

    /// What it says about itself; shape of `vending.telemetry.v1`.
    #[must_use]
    pub fn payload(&self, id: &str, seq: u64, now_ms: i64) -> serde_json::Value {
        let lanes: Vec<_> = self
            .lanes
            .iter()
            .map(|lane| {
                json!({
                    "no": lane.no, "capacity": CAPACITY, "par": PAR, "min": MIN, "level": lane.level, "fault": lane.fault(),
                    "price_fen": lane.price_fen,
                })
            })
            .collect();
        json!({
            "v": 1, "id": id, "ts": day::rfc3339(now_ms), "seq": seq,
            "status": self.status(),
            "counters": {
                "vends_total": self.vends,
                "sales_fen_total": self.sales_fen,
                "vend_fail_total": self.fails,
                "power_outages_total": self.outages,
            },
            "lanes": lanes,
            "temps": { "air": day::rounded(self.thermal.air_c, 1), "setpoint": self.thermal.spec.setpoint_c },
            "net": { "type": "4g", "rssi_dbm": self.rssi_dbm, "uptime_s": (now_ms - self.booted_ms) / 1_000 },
        })
    }

    /// The same as points, of the machine and of its lanes.
    #[must_use]
    pub fn values(&self) -> Vec<(Metric, Value)> {
        let mut values: Vec<(Metric, Value)> = vec![
            (Point::VendingStatus.into(), Value::Text(self.status().into())),
            (Point::VendingVends.into(), Value::Int(self.vends as i64)),
            (Point::VendingSales.into(), Value::Int(self.sales_fen as i64)),
            (Point::VendingFails.into(), Value::Int(self.fails as i64)),
            (Point::VendingAir.into(), Value::Float(day::rounded(self.thermal.air_c, 1))),
        ];
        for lane in &self.lanes {
            let part = Part::new(&lane.no).unwrap_or_default();
            for (point, count) in [(Point::LaneLevel, lane.level), (Point::LanePar, PAR), (Point::LaneMin, MIN)] {
                values.push((Metric { point, part }, Value::Int(i64::from(count))));
            }
        }
        values
    }

    fn status(&self) -> &'static str {
        if self.door_opened_ms.is_some() {
            "door_open"
        } else if self.lanes.iter().any(Lane::sells) {
            "in_service"
        } else if self.lanes.iter().any(|lane| lane.level > 0) {
            // Something is left, but only behind lanes that are out of order.
            "fault"
        } else {
            "sold_out"
        }
    }

    /// The door opens, twelve minutes later everything is full and mended, and it closes.
    fn refill(&mut self, now_ms: i64, events: &mut Vec<Event>) {
        match self.door_opened_ms {
            None if now_ms >= self.next_refill_ms => {
                self.door_opened_ms = Some(now_ms);
                events.push(Event { code: Some("EGS"), ..Event::new(now_ms, EventKind::DoorOpen) });
            }
            Some(opened_ms) if now_ms - opened_ms >= REFILL_MS => {
                for lane in &mut self.lanes {
                    (lane.level, lane.fails, lane.sticks) = (PAR, 0, false);
                }
                self.door_opened_ms = None;
                self.next_refill_ms = next_morning(now_ms, &mut self.random);
                events.push(Event::new(now_ms, EventKind::Refill));
                let dur_s = Some((now_ms - opened_ms) as f64 / 1e3);
                events.push(Event { code: Some("EGT"), dur_s, ..Event::new(now_ms, EventKind::DoorClosed) });
            }
            _ => {}
        }
    }

    fn sell(&mut self, now_ms: i64, events: &mut Vec<Event>) {
        let Some(at) = self.chosen() else { return };
        let lane = &mut self.lanes[at];
        let target = Some(lane.no.clone());
        if lane.sticks || self.random.f64() < FAIL_SHARE {
            lane.fails += 1;
            lane.sticks = lane.sticks || self.random.f64() < STICK_SHARE;
            self.fails += 1;
            events.push(Event { target, outcome: Some("fail"), code: Some("EJL"), ..Event::new(now_ms, EventKind::VendFail) });
            return;
        }
        lane.fails = 0;
        lane.level -= 1;
        self.vends += 1;
        self.sales_fen += u64::from(lane.price_fen);
        let amount_fen = Some(lane.price_fen);
        events.push(Event { target, outcome: Some("ok"), amount_fen, ..Event::new(now_ms, EventKind::VendOk) });
    }

    /// The lane a customer takes, of those that have something to sell.
    fn chosen(&mut self) -> Option<usize> {
        let selling: Vec<_> = (0..self.lanes.len()).filter(|at| self.lanes[*at].sells()).collect();
        let mut left = self.random.f64() * selling.iter().map(|at| self.lanes[*at].appeal).sum::<f64>();
        selling.iter().copied().find(|at| {
            left -= self.lanes[*at].appeal;
            left <= 0.0
        })
    }
}

fn lane(row: char, at: usize, random: &mut fastrand::Rng) -> Lane {
    Lane {
        no: format!("{row}{}", at + 1),
        price_fen: PRICES_FEN[at],
        level: random.u32(MIN..=PAR),
        appeal: day::between(random, 0.4, 2.0),
        sticks: false,
        fails: 0,
    }
}

fn next_morning(now_ms: i64, random: &mut fastrand::Rng) -> i64 {
    let today = day::midnight(now_ms) + REFILL_FROM_MS;
    let day = if now_ms < today { today } else { today + DAY_MS };
    day + random.i64(0..REFILL_WITHIN_MS)
}
