//! What one round of questions to a device is made of, whatever it speaks.

use super::port::{Ask, Failure, Port};
use super::registers::Registers;
use crate::decode::frames;
use crate::fault::Fault;
use crate::reading::{Metric, Value};
use facility_config::device::Polling;
use facility_config::profile::{FrameMap, Group};
use std::io;
use std::time::Duration;

/// How a device is asked.
#[allow(clippy::large_enum_variant)] // One per device: the smaller variant is the rare one.
pub(super) enum Script {
    /// Registers, in as few requests as it allows.
    Registers(Box<Registers>),
    /// All channels of a board, in one question of its own kind.
    Board(Box<Board>),
}

/// What one question came to.
pub(super) enum Step {
    /// Answered; `last`: the round has no more questions.
    Answered { last: bool },
    /// Refused, and not to be asked again now.
    Refused { last: bool },
    /// The device is busy; the question stands.
    Busy,
    /// The question stands: its answer was damaged (`None`; the damage is among the faults), or did not come.
    AskAgain { after: Option<Fault> },
    /// No answer, and no more questions in this round. `None`: the answer was damaged.
    Silent(Option<Fault>),
    /// The connection broke.
    Lost(io::Error),
}

/// What a round brought.
pub(super) struct Heard {
    /// At least one answer had values.
    pub(super) values: bool,
    /// Something new was learned about what the device refuses.
    pub(super) learned: bool,
}

/// Takes values one by one.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(Metric, Result<Value, Fault>) + Send);

/// How often the question under way was asked again, by reason.
#[derive(Debug, Default)]
pub(super) struct Tries {
    timeouts: u8,
    damaged: u8,
    busy: u8,
}

impl Tries {
    /// What is to be done after a failure.
    pub(super) fn after(&mut self, failure: Failure, polling: &Polling) -> Step {
        match failure {
            Failure::Timeout if spend(&mut self.timeouts, polling.retries) => Step::AskAgain { after: Some(Fault::Timeout) },
            Failure::Timeout => Step::Silent(Some(Fault::Timeout)),
            Failure::Damaged if spend(&mut self.damaged, polling.retries_damaged) => Step::AskAgain { after: None },
            Failure::Damaged => Step::Silent(None),
            Failure::Lost(error) => Step::Lost(error),
        }
    }

    /// Whether a busy device is to be asked once more.
    pub(super) fn after_busy(&mut self, polling: &Polling) -> bool {
        spend(&mut self.busy, polling.retries_busy)
    }
}

fn spend(spent: &mut u8, budget: u8) -> bool {
    let left = *spent < budget;
    *spent += u8::from(left);
    left
}

impl Script {
    /// Whether anything is asked in this group.
    pub(super) fn has(&self, group: Group) -> bool {
        match self {
            Self::Registers(registers) => registers.has(group),
            Self::Board(_) => group == Group::Fast,
        }
    }

    /// Begins a round.
    pub(super) fn begin(&mut self, group: Group) {
        match self {
            Self::Registers(registers) => registers.begin(group),
            Self::Board(board) => board.begin(),
        }
    }

    /// Most values the round under way can bring.
    pub(super) fn values_max(&self) -> usize {
        match self {
            Self::Registers(registers) => registers.values_max(),
            Self::Board(board) => board.map.points.len(),
        }
    }

    /// Asks the next question of the round.
    pub(super) async fn step(&mut self, port: &mut Port, wait: Duration, polling: &Polling, faults: &mut Vec<Fault>) -> Step {
        match self {
            Self::Registers(registers) => registers.step(port, wait, polling, faults).await,
            Self::Board(board) => board.step(port, wait, polling, faults).await,
        }
    }

    /// Asks one question outside of a round, for a sign of life.
    pub(super) async fn probe(&mut self, port: &mut Port, wait: Duration, faults: &mut Vec<Fault>) -> Step {
        let answer = match self {
            Self::Registers(registers) => registers.probe(port, wait, faults).await,
            Self::Board(board) => board.ask(port, wait, faults).await.map(drop),
        };
        match answer {
            Ok(()) => Step::Answered { last: true },
            Err(Failure::Timeout) => Step::Silent(Some(Fault::Timeout)),
            Err(Failure::Damaged) => Step::Silent(None),
            Err(Failure::Lost(error)) => Step::Lost(error),
        }
    }

    /// Ends the round, complete or cut short, and hands over what it heard.
    pub(super) fn end(&mut self, cut_short: bool, sink: Sink<'_>) -> Heard {
        match self {
            Self::Registers(registers) => registers.end(cut_short, sink),
            Self::Board(board) => board.end(sink),
        }
    }

    /// Forgets what the device refused: its firmware may be another. False if there was nothing.
    pub(super) fn forget(&mut self) -> bool {
        match self {
            Self::Registers(registers) => registers.forget(),
            Self::Board(_) => false,
        }
    }
}

/// A serial board with frames of its own.
pub(super) struct Board {
    map: FrameMap,
    unit: u8,
    wire: Vec<u8>,
    used: u16,
    open_is_set: Option<bool>,
    channels: Option<Vec<bool>>,
    tries: Tries,
}

impl Board {
    pub(super) fn new(map: &FrameMap, polling: &Polling, unit: u8) -> Self {
        Self {
            wire: frames::question(map, unit),
            used: polling.channels.unwrap_or(map.channels),
            open_is_set: polling.door_open_is_set,
            map: map.clone(),
            unit,
            channels: None,
            tries: Tries::default(),
        }
    }

    fn begin(&mut self) {
        self.channels = None;
        self.tries = Tries::default();
    }

    async fn step(&mut self, port: &mut Port, wait: Duration, polling: &Polling, faults: &mut Vec<Fault>) -> Step {
        match self.ask(port, wait, faults).await {
            Ok(channels) => {
                self.channels = channels;
                Step::Answered { last: true }
            }
            Err(failure) => self.tries.after(failure, polling),
        }
    }

    /// The channels, `None` if the answer has nonsense where they should be.
    async fn ask(&self, port: &mut Port, wait: Duration, faults: &mut Vec<Fault>) -> Result<Option<Vec<bool>>, Failure> {
        let answer = port.ask(Ask::Board { map: &self.map, unit: self.unit, wire: &self.wire }, wait, faults).await?;
        let data = frames::find(&self.map, self.unit, answer).and_then(|found| answer.get(found.data));
        let channels = data.and_then(|data| frames::channels(&self.map, data));
        if channels.is_none() {
            faults.push(Fault::Undecodable);
        }
        Ok(channels)
    }

    fn end(&mut self, sink: Sink<'_>) -> Heard {
        let channels = self.channels.take();
        for (metric, value) in channels.iter().flat_map(|channels| frames::values(&self.map, channels, self.used, self.open_is_set)) {
            sink(metric, Ok(value));
        }
        Heard { values: channels.is_some(), learned: false }
    }
}
