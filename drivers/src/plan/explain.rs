//! Why a plan looks as it does, for people and for `--json`. Pure; prints nothing.

use super::line::{ANSWER_BYTES, QUESTION_BYTES};
use super::{Learned, Limits, Line, Request, alone, plan};
use facility_config::profile::{Group, ModbusMap, RegisterPoint, Table};
use serde::Serialize;
use std::time::Duration;

/// A plan with its arithmetic.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// Every request, by group, table and address.
    pub asks: Vec<Ask>,
    /// What each group costs; groups without points are left out.
    pub rates: Vec<Rate>,
    /// Share of the line's time that this device takes, %. Above 100 the intervals cannot be kept.
    pub share_pct: f64,
    /// The same if every value and every status register had a request of its own, %.
    pub singly_share_pct: f64,
    /// Points that are not asked for.
    pub left_out: Vec<LeftOut>,
}

/// One request and what it brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ask {
    /// Group, as profiles name it.
    pub group: &'static str,
    /// Table.
    pub table: Table,
    /// First address, 0-based.
    pub address: u16,
    /// Registers or bits.
    pub count: u16,
    /// Points in it, as profiles name them (`point` or `point#part`); with ` status` behind it, the point's status register.
    pub points: Vec<String>,
    /// Registers or bits read along for nothing.
    pub along: u16,
    /// Bytes of the question, as an RTU frame.
    pub bytes_out: u64,
    /// Bytes of the answer, as an RTU frame.
    pub bytes_in: u64,
    /// Time on the line, question, answer and what lies between and behind them, µs.
    pub time_us: u64,
}

/// What a group costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rate {
    /// Group, as profiles name it.
    pub group: &'static str,
    /// Time between two reads, s; `None` for what is read once.
    pub every_s: Option<f64>,
    /// Requests for one read of the group.
    pub requests: usize,
    /// Time on the line of one read, µs.
    pub time_us: u64,
    /// Share of the line's time, %; 0 for what is read once.
    pub share_pct: f64,
    /// Requests if every value and every status register had its own.
    pub singly_requests: usize,
    /// And their time on the line, µs.
    pub singly_time_us: u64,
    /// And their share, %.
    pub singly_share_pct: f64,
}

/// A point that is not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// As profiles name it.
    pub point: String,
    /// Why.
    pub why: Why,
}

/// Why a point is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The device refused it, or its status register, when it was asked for alone.
    Refused,
    /// It, or its status register, lies where the device is known to refuse reads.
    Unreadable,
    /// It reaches beyond address 65535, or is nothing.
    Beyond,
    /// It is wider than any request may be.
    TooWide,
}

/// The plans of all groups for a device that is read every `interval`, its slow points every `slow`.
#[must_use]
pub fn explain(map: &ModbusMap, interval: Duration, slow: Duration, line: &Line, learned: &Learned) -> Explained {
    let limits = Limits::of(map, learned);
    let left_out = map.points.iter().filter_map(|point| limits.why_not(point).map(|why| LeftOut { point: name(point), why })).collect();
    let mut explained = Explained { asks: Vec::new(), rates: Vec::new(), share_pct: 0.0, singly_share_pct: 0.0, left_out };
    for group in Group::ALL {
        let points: Vec<&RegisterPoint> =
            map.points.iter().filter(|point| point.group == group && limits.why_not(point).is_none()).collect();
        if points.is_empty() {
            continue;
        }
        let requests = plan(map, group, line, learned);
        let every = match group {
            Group::Fast => Some(interval),
            Group::Slow => Some(slow),
            Group::Once => None,
        };
        let singly: Vec<Request> = points.iter().flat_map(|point| alone(point)).collect();
        let rate = rate(group, every, &requests, &singly, line);
        explained.share_pct += rate.share_pct;
        explained.singly_share_pct += rate.singly_share_pct;
        explained.asks.extend(requests.iter().map(|request| ask(group, request, &points, line)));
        explained.rates.push(rate);
    }
    explained
}

fn rate(group: Group, every: Option<Duration>, requests: &[Request], singly: &[Request], line: &Line) -> Rate {
    // Rounded once, at the end: many small requests are not cheaper than one for being cut short one by one.
    let time_us = |requests: &[Request]| requests.iter().map(|request| line.cost_ns(request)).fold(0, u64::saturating_add) / 1000;
    // Both in µs; an interval of nothing would be all of the time.
    let share_pct = |time_us: u64| every.map_or(0.0, |every| time_us as f64 * 100.0 / every.as_micros().max(1) as f64);
    let (time_us, singly_time_us) = (time_us(requests), time_us(singly));
    Rate {
        group: group.as_str(),
        every_s: every.map(|every| every.as_secs_f64()),
        requests: requests.len(),
        time_us,
        share_pct: share_pct(time_us),
        singly_requests: singly.len(),
        singly_time_us,
        singly_share_pct: share_pct(singly_time_us),
    }
}

fn ask(group: Group, request: &Request, points: &[&RegisterPoint], line: &Line) -> Ask {
    let mut named = Vec::new();
    let mut used = vec![false; usize::from(request.count)];
    for point in points {
        for (at, one) in alone(point).iter().enumerate().filter(|(_, one)| request.covers(one)) {
            named.push(if at == 0 { name(point) } else { format!("{} status", name(point)) });
            let from = usize::from(one.address - request.address);
            used[from..from + usize::from(one.count)].fill(true);
        }
    }
    Ask {
        group: group.as_str(),
        table: request.table,
        address: request.address,
        count: request.count,
        points: named,
        along: used.iter().filter(|used| !**used).count() as u16,
        bytes_out: QUESTION_BYTES,
        bytes_in: ANSWER_BYTES + request.data_bytes() as u64,
        time_us: line.cost_ns(request) / 1000,
    }
}

fn name(point: &RegisterPoint) -> String {
    if point.part.is_whole() { point.point.to_string() } else { format!("{}#{}", point.point, point.part) }
}
