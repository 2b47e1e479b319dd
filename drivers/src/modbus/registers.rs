//! A round of register reads: the planned requests one after the other, and what to make of refusals.
//!
//! A refused block is asked point by point, once; what is refused alone is not asked again, and what made the block fail
//! is not read along any more. That is remembered beyond the round, and beyond the process.

use super::frame::Question;
use super::port::{Ask, Failure, Port};
use super::script::{Heard, Sink, Step, Tries};
use crate::decode::registers::decode;
use crate::fault::Fault;
use crate::plan::{Learned, Line, Request, alone, plan};
use crate::reading::{Metric, Quality, Value};
use facility_config::device::Polling;
use facility_config::profile::{Group, ModbusMap, Polarity, RegisterPoint, RegisterType, Span};
use facility_config::site::{Bus, Framing};
use std::collections::VecDeque;
use std::time::Duration;

/// The registers of one unit.
pub(super) struct Registers {
    map: ModbusMap,
    framing: Framing,
    unit: u8,
    line: Line,
    learned: Learned,
    plans: [Planned; 3],
    /// Where the next round of each group begins: after the request that met silence, so that it cannot hide those
    /// behind it for ever.
    first: [usize; 3],
    round: Round,
}

/// The requests of a group, and where each of its points lies in their answers.
#[derive(Debug, Default)]
struct Planned {
    requests: Vec<Request>,
    places: Vec<Place>,
}

/// Where a point and its status register lie: request and offset; `None` if it is not asked.
#[derive(Debug)]
struct Place {
    point: usize,
    value: Option<(usize, usize)>,
    status: Option<(usize, usize)>,
}

/// What a round has still to ask, and what it has heard.
#[derive(Debug, Default)]
struct Round {
    group: Group,
    queue: VecDeque<Query>,
    /// By request of the plan.
    heard: Vec<Option<Vec<u16>>>,
    /// Answers to what was asked point by point.
    alone: Vec<(Request, Vec<u16>)>,
    refused: Vec<Request>,
    /// Refused blocks, with the exception code.
    blocks: Vec<(Request, u8)>,
    tries: Tries,
    any: bool,
}

#[derive(Debug, Clone, Copy)]
struct Query {
    request: Request,
    /// What it is asked for.
    of: Of,
    /// Its place in the plan; that of its block, if it is asked for one point of it.
    plan: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Of {
    Plan(usize),
    Point(usize),
}

/// No point's own question.
const SIGN_OF_LIFE: Of = Of::Point(usize::MAX);

impl Registers {
    pub(super) fn new(map: &ModbusMap, polling: &Polling, bus: &Bus, unit: u8, learned: Learned) -> Self {
        let mut map = map.clone();
        map.points.iter_mut().for_each(|point| commission(point, polling));
        let line = Line::of(bus, map.turnaround);
        let mut registers =
            Self { map, framing: bus.framing, unit, line, learned, plans: Default::default(), first: [0; 3], round: Round::default() };
        registers.replan();
        registers
    }

    pub(super) fn learned(&self) -> &Learned {
        &self.learned
    }

    pub(super) fn has(&self, group: Group) -> bool {
        self.map.points.iter().any(|point| point.group == group)
    }

    pub(super) fn values_max(&self) -> usize {
        self.plans[self.round.group as usize].places.len()
    }

    pub(super) fn forget(&mut self) -> bool {
        let something = self.learned != Learned::default();
        if something {
            self.learned = Learned::default();
            self.replan();
        }
        something
    }

    pub(super) fn begin(&mut self, group: Group) {
        let (planned, first) = (&self.plans[group as usize], self.first[group as usize]);
        let count = planned.requests.len();
        let order = (0..count).map(|step| (first + step) % count);
        let queue = order.map(|at| Query { request: planned.requests[at], of: Of::Plan(at), plan: at }).collect();
        self.round = Round { group, queue, heard: vec![None; count], ..Round::default() };
    }

    /// A group whose points were all refused has nothing to ask; then the device is asked for its first point, as a
    /// sign of life.
    fn anything(&self) -> Option<Request> {
        let first = self.plans.iter().flat_map(|planned| &planned.requests).next().copied();
        first.or_else(|| alone(self.map.points.first()?).first().copied())
    }

    pub(super) async fn probe(&mut self, port: &mut Port, wait: Duration, faults: &mut Vec<Fault>) -> Result<(), Failure> {
        let planned = self.plans.iter().zip(self.first).find(|(planned, _)| !planned.requests.is_empty());
        let request = planned.map(|(planned, first)| planned.requests[first % planned.requests.len()]).or_else(|| self.anything());
        let Some(request) = request else { return Ok(()) };
        let question = Question::new(self.framing, self.unit, &request, port.transaction());
        port.ask(Ask::Modbus(&question), wait, faults).await.map(drop)
    }

    pub(super) async fn step(&mut self, port: &mut Port, wait: Duration, polling: &Polling, faults: &mut Vec<Fault>) -> Step {
        let sign_of_life = || self.anything().map(|request| Query { request, of: SIGN_OF_LIFE, plan: 0 });
        let Some(query) = self.round.queue.front().copied().or_else(sign_of_life) else { return Step::Answered { last: true } };
        let question = Question::new(self.framing, self.unit, &query.request, port.transaction());
        let answer = match port.ask(Ask::Modbus(&question), wait, faults).await {
            Ok(answer) => question.words(answer),
            Err(failure) => {
                let step = self.round.tries.after(failure, polling);
                if let Step::Silent(_) | Step::Lost(_) = &step {
                    self.begin_behind(query);
                }
                return step;
            }
        };
        match answer {
            Ok(words) => {
                self.take(query, words);
                Step::Answered { last: self.next() }
            }
            Err(5 | 6) if self.round.tries.after_busy(polling) => Step::Busy,
            // 10 and 11: a gateway on the way says that the device itself did not answer.
            Err(10 | 11) => {
                self.begin_behind(query);
                Step::Silent(Some(Fault::Exception))
            }
            Err(code @ 1..=3) => {
                self.refused(query, code);
                Step::Refused { last: self.next() }
            }
            Err(_) => Step::Refused { last: self.next() },
        }
    }

    /// The next round begins behind this question, so that a point which is met with silence hides nothing for ever.
    fn begin_behind(&mut self, query: Query) {
        self.first[self.round.group as usize] = (query.plan + 1) % self.round.heard.len().max(1);
    }

    fn take(&mut self, query: Query, words: Vec<u16>) {
        self.round.any |= query.of != SIGN_OF_LIFE;
        match query.of {
            Of::Plan(at) => self.round.heard[at] = Some(words),
            Of::Point(_) => self.round.alone.push((query.request, words)),
        }
    }

    /// On to the next question; true if there is none.
    fn next(&mut self) -> bool {
        self.round.queue.pop_front();
        self.round.tries = Tries::default();
        self.round.queue.is_empty()
    }

    /// A point asked alone is given up; a block is taken apart.
    fn refused(&mut self, query: Query, code: u8) {
        let front = self.round.queue.pop_front();
        match query.of {
            Of::Point(point) => {
                self.refuse(point, query.request);
                self.round.queue.retain(|other| other.of != query.of);
            }
            Of::Plan(_) => self.take_apart(query, code),
        }
        front.into_iter().for_each(|front| self.round.queue.push_front(front));
    }

    fn take_apart(&mut self, block: Query, code: u8) {
        let own = |at: usize| alone(&self.map.points[at]).into_iter().filter(|own| block.request.covers(own)).collect::<Vec<_>>();
        let inside: Vec<(usize, Vec<Request>)> =
            self.points_asked(self.round.group).map(|at| (at, own(at))).filter(|(_, own)| !own.is_empty()).collect();
        for (at, own) in inside.into_iter().rev() {
            // A block of one request was just refused: no need to hear it twice.
            if own.contains(&block.request) {
                self.refuse(at, block.request);
                continue;
            }
            let of_point = |request| Query { request, of: Of::Point(at), plan: block.plan };
            own.into_iter().rev().for_each(|request| self.round.queue.push_front(of_point(request)));
        }
        self.round.blocks.push((block.request, code));
    }

    /// The request is not made again, and its registers are not read along either, unless another point needs them.
    fn refuse(&mut self, point: usize, request: Request) {
        let Some(refused) = self.map.points.get(point) else { return };
        let table = request.table;
        let others: Vec<Request> = self.map.points.iter().filter(|other| *other != refused).flat_map(alone).collect();
        let last = request.address.saturating_add(request.count - 1);
        let needed = |address: u16| others.iter().any(|one| one.covers(&Request { table, address, count: 1 }));
        let spans = (request.address..=last).filter(|at| !needed(*at)).map(|at| Span { table, first: at, last: at });
        self.learned.unreadable.extend(spans);
        self.learned.refused.insert((table, request.address));
        self.round.refused.push(request);
    }

    fn points_asked(&self, group: Group) -> impl Iterator<Item = usize> {
        self.plans[group as usize].places.iter().filter(|place| place.value.is_some()).map(|place| place.point)
    }

    /// Hands over what was heard, and draws the lesson from refusals.
    pub(super) fn end(&mut self, cut_short: bool, sink: Sink<'_>) -> Heard {
        let round = std::mem::take(&mut self.round);
        for place in &self.plans[round.group as usize].places {
            let point = &self.map.points[place.point];
            if place.value.is_some() {
                sink(Metric { point: point.point, part: point.part }, round.value(point, place));
            }
        }
        if !cut_short {
            self.first[round.group as usize] = 0;
        }
        let learned = !round.refused.is_empty() || !round.blocks.is_empty();
        if learned {
            // Half a round is no proof of what a block failed of.
            round.blocks.iter().filter(|_| !cut_short).for_each(|(block, code)| self.learn(*block, *code, &round));
            self.replan();
        }
        Heard { values: round.any, learned }
    }

    /// Why a block was refused. One of its points was refused alone: that is why, and the plan goes around it. Otherwise
    /// registers that no point has and that were read along; or, and with "illegal value" (3) at once, its length: half of
    /// it is tried next. Points of other groups within it may be the reason too: their own round will tell.
    fn learn(&mut self, block: Request, code: u8, round: &Round) {
        if round.refused.iter().any(|one| block.covers(one)) {
            return;
        }
        let group_of = |address: u16| {
            let one = Request { table: block.table, address, count: 1 };
            self.map.points.iter().find(|point| alone(point).iter().any(|own| own.covers(&one))).map(|point| point.group)
        };
        let last = block.address.saturating_add(block.count - 1);
        let holes: Vec<u16> = (block.address..=last).filter(|at| group_of(*at).is_none()).collect();
        let others = (block.address..=last).filter_map(group_of).any(|group| group != round.group);
        if !holes.is_empty() && code != 3 {
            self.learned.unreadable.extend(holes.iter().map(|at| Span { table: block.table, first: *at, last: *at }));
        } else if code == 3 || !others {
            let half = Some((block.count / 2).max(1));
            *if block.table.is_bits() { &mut self.learned.bits_max } else { &mut self.learned.registers_max } = half;
        }
    }

    fn replan(&mut self) {
        self.plans = Group::ALL.map(|group| {
            let requests = plan(&self.map, group, &self.line, &self.learned);
            let place = |address: u16, point: &RegisterPoint, count: u16| {
                let wanted = Request { table: point.table, address, count };
                let at = requests.iter().position(|request| request.covers(&wanted))?;
                Some((at, usize::from(address - requests[at].address)))
            };
            let of_group = self.map.points.iter().enumerate().filter(|(_, point)| point.group == group);
            let places = of_group.map(|(at, point)| Place {
                point: at,
                value: place(point.address, point, point.length)
                    .filter(|_| !alone(point).iter().any(|one| self.learned.refused.contains(&(one.table, one.address)))),
                status: point.status.and_then(|status| place(status.address, point, 1)),
            });
            let places = places.collect();
            Planned { requests, places }
        });
        for (first, planned) in self.first.iter_mut().zip(&self.plans) {
            *first = if *first < planned.requests.len() { *first } else { 0 };
        }
    }
}

impl Round {
    fn value(&self, point: &RegisterPoint, place: &Place) -> Result<Value, Fault> {
        let single = |address, count| self.alone.iter().find_map(|(request, words)| request.slice_of(words, point.table, address, count));
        let planned = |place: Option<(usize, usize)>, count: u16| {
            let (request, offset) = place?;
            self.heard.get(request)?.as_ref()?.get(offset..offset + usize::from(count))
        };
        let status = point.status.and_then(|status| planned(place.status, 1).or_else(|| single(status.address, 1)));
        match planned(place.value, point.length).or_else(|| single(point.address, point.length)) {
            Some(words) => decode(point, words, status.and_then(|words| words.first().copied())),
            None => Ok(Value::Missing(Quality::CommError)),
        }
    }
}

/// What was seen on site: which way a door's bit goes, and how many channels have a lock.
pub fn commission(point: &mut RegisterPoint, polling: &Polling) {
    if point.polarity != Polarity::Commissioned {
        return;
    }
    if let Some(set) = polling.door_open_is_set {
        point.polarity = if set { Polarity::Set } else { Polarity::Clear };
    }
    if let (RegisterType::Count, Some(channels)) = (point.ty, polling.channels) {
        point.bits = point.bits.min(channels);
        point.length = if point.table.is_bits() { point.bits } else { point.bits.div_ceil(16) };
    }
}
