//! A bus in the hands of a technician: one question at a time, outside of any schedule.
//!
//! The same port as the polling driver's, with the same rules; nothing here can write to a device either.

use super::frame::Question;
use super::open::open;
use super::port::{Ask, Failure, Port};
use super::tap::Tap;
use crate::decode::frames;
use crate::fault::Fault;
use crate::plan::Request;
use facility_config::limits::MODBUS_QUIET_MS_MIN;
use facility_config::profile::FrameMap;
use facility_config::site::{Bus, Framing};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Why a question has no values.
#[derive(Debug)]
pub enum NoAnswer {
    /// Nothing came in time.
    Timeout,
    /// What came was damaged.
    Damaged,
    /// The device refused it, with this exception code.
    Refused(u8),
    /// The answer has not the form it should have.
    Nonsense,
    /// The connection broke.
    Lost(io::Error),
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout => Self::Timeout,
            Failure::Damaged => Self::Damaged,
            Failure::Lost(error) => Self::Lost(error),
        }
    }
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// An open bus.
pub struct Inquiry {
    port: Port,
    bus: Bus,
    tap: Tap,
    /// A unit whose answer may still come, and how long it is waited for before it is asked again.
    owing: Option<(u8, Duration)>,
}

impl Inquiry {
    /// Opens a bus. Where a DTU connects to the gateway there is nothing to open: a running gateway has its connection.
    ///
    /// # Errors
    /// If it cannot be opened, or another program has it.
    pub async fn open(bus: &Bus, tap: Tap) -> io::Result<Self> {
        let port = Port::new(open(&bus.transport, None).await?, bus, tap.clone());
        tokio::time::sleep(bus.connect_delay).await;
        Ok(Self { port, bus: bus.clone(), tap, owing: None })
    }

    /// Shows every frame.
    #[must_use]
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Reads registers; bits come as words of 0 and 1. What was heard beside the answer is added to `faults`.
    ///
    /// # Errors
    /// If there are no values. The same unit is asked again only when its late answer has had time to come and go, so that
    /// it is not taken for the next one.
    pub async fn read(&mut self, unit: u8, request: &Request, wait: Duration, faults: &mut Vec<Fault>) -> Result<Vec<u16>, NoAnswer> {
        self.settle(unit, faults).await?;
        self.port.ready(faults).await?;
        let question = Question::new(self.bus.framing, unit, request, self.port.transaction());
        match self.port.ask(Ask::Modbus(&question), wait, faults).await {
            Ok(answer) => question.words(answer).map_err(NoAnswer::Refused),
            Err(failure) => {
                self.owing = (self.bus.framing != Framing::Tcp).then_some((unit, wait));
                Err(failure.into())
            }
        }
    }

    /// Asks a serial board for its channels.
    ///
    /// # Errors
    /// As [`Inquiry::read`].
    pub async fn channels(&mut self, map: &FrameMap, unit: u8, wait: Duration, faults: &mut Vec<Fault>) -> Result<Vec<bool>, NoAnswer> {
        self.port.ready(faults).await?;
        let wire = frames::question(map, unit);
        let answer = self.port.ask(Ask::Board { map, unit, wire: &wire }, wait, faults).await?;
        let data = frames::find(map, unit, answer).and_then(|found| answer.get(found.data));
        data.and_then(|data| frames::channels(map, data)).ok_or(NoAnswer::Nonsense)
    }

    /// Listens for so long without asking, and returns what came: the frames of another master, late answers, noise.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn listen(&mut self, span: Duration, faults: &mut Vec<Fault>) -> io::Result<Vec<u8>> {
        let end = Instant::now() + span;
        let mut heard = Vec::new();
        while let Ok(bytes) = timeout_at(end, self.port.overhear(faults)).await {
            heard.append(&mut bytes?);
        }
        Ok(heard)
    }

    /// Lets a late answer of this unit come and go. Answers of other units name theirs.
    async fn settle(&mut self, unit: u8, faults: &mut Vec<Fault>) -> io::Result<()> {
        match self.owing.filter(|(owing, _)| *owing == unit) {
            Some((_, span)) => {
                self.owing = None;
                self.listen(span.max(Duration::from_millis(MODBUS_QUIET_MS_MIN)), faults).await.map(drop)
            }
            None => Ok(()),
        }
    }
}
