//! One connection to a bus: a question goes out, its answer comes back, everything else is named and thrown away.
//!
//! Never writes anything but the question of an [`Ask`], and an `Ask` can only be a read. Every wait is bounded by the
//! caller's timeout, everything heard by [`MODBUS_HEARD_BYTES_MAX`]. What arrived before a question was asked is not its
//! answer: it is thrown away first (CRATES §3).

use super::frame::{Found, Question, unasked};
use super::open::{Held, Io, Opened};
use super::tap::Tap;
use super::timer::Timer;
use super::trace::Dir;
use crate::decode::frames;
use crate::fault::Fault;
use crate::plan::rtu_gap;
use facility_config::limits::{MODBUS_DAMAGED_MS, MODBUS_HEARD_BYTES_MAX};
use facility_config::profile::FrameMap;
use facility_config::site::{Bus, Framing, Transport};
use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout_at};

/// Longest frame (Modbus messaging on TCP/IP V1.0b, 4.1; twice that in ASCII).
const FRAME_BYTES_MAX: usize = 520;
/// The serial side of a serial server is not known; most devices speak 9600 bits per second in characters of ten bits.
const BAUD_UNKNOWN: u32 = 9_600;
const CHAR_BITS_UNKNOWN: u32 = 10;

/// A question: bytes that read, and how to know the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// Of a Modbus device.
    Modbus(&'a Question),
    /// Of a board with frames of its own.
    Board { map: &'a FrameMap, unit: u8, wire: &'a [u8] },
}

impl Ask<'_> {
    fn wire(&self) -> &[u8] {
        match self {
            Ask::Modbus(question) => question.wire(),
            Ask::Board { wire, .. } => wire,
        }
    }

    fn answer_len(&self) -> usize {
        match self {
            Ask::Modbus(question) => question.answer_len(),
            // A board's answer is some tens of bytes.
            Ask::Board { .. } => 32,
        }
    }

    fn find(&self, heard: &[u8]) -> Found {
        match self {
            Ask::Modbus(question) => question.find(heard),
            Ask::Board { map, unit, .. } => frames::find(map, *unit, heard).map_or(Found::Nothing, |answer| Found::Answer(answer.at)),
        }
    }

    fn damaged(&self, heard: &[u8]) -> bool {
        matches!(self, Ask::Modbus(question) if question.damaged(heard))
    }

    fn faults(&self, heard: &[u8]) -> Vec<Fault> {
        match self {
            Ask::Modbus(question) => question.faults(heard),
            Ask::Board { wire, .. } if heard == *wire => vec![Fault::Echoed],
            Ask::Board { .. } if heard.is_empty() => Vec::new(),
            Ask::Board { .. } => vec![Fault::Malformed],
        }
    }
}

/// Why a question has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing that was the answer came in time.
    Timeout,
    /// The answer came and was damaged; the line is quiet again.
    Damaged,
    /// The connection is of no more use.
    Lost(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// An open connection.
pub(crate) struct Port {
    io: Io,
    framing: Framing,
    /// Time of one character on the wire, behind a serial server too; zero for Modbus TCP.
    char_time: Duration,
    /// Kept between the end of one exchange and the next question.
    gap: Duration,
    /// The adapter hands back what it sends.
    echo: bool,
    /// What a DTU sends now and then; empty if nothing.
    heartbeat: Box<[u8]>,
    timer: Timer,
    tap: Tap,
    heard: Vec<u8>,
    last: Vec<u8>,
    transaction: u16,
    idle_since: Instant,
    /// Keeps other processes off a serial port.
    _held: Option<Held>,
}

impl Port {
    /// A connection that was just made.
    pub(crate) fn new(opened: Opened, bus: &Bus, tap: Tap) -> Self {
        let (char_time, gap) = times(bus);
        let heartbeat = match &bus.transport {
            Transport::Listen { heartbeat: Some(heartbeat), .. } => heartbeat.clone(),
            _ => Box::default(),
        };
        Self {
            io: opened.io,
            framing: bus.framing,
            char_time,
            gap: gap + bus.pause,
            echo: bus.echo,
            heartbeat,
            timer: Timer::new(),
            tap,
            heard: Vec::with_capacity(MODBUS_HEARD_BYTES_MAX),
            last: Vec::new(),
            transaction: 0,
            idle_since: Instant::now(),
            _held: opened.held,
        }
    }

    /// A number that no question of the last minutes had.
    pub(crate) fn transaction(&mut self) -> u16 {
        self.transaction = self.transaction.wrapping_add(1);
        self.transaction
    }

    /// Waits until the line has been quiet for long enough, and throws away what came meanwhile. An error: the connection
    /// was closed before anything was asked.
    pub(crate) async fn ready(&mut self, faults: &mut Vec<Fault>) -> io::Result<()> {
        if !self.gap.is_zero() {
            self.timer.until(self.idle_since + self.gap).await;
        }
        self.purge(faults).await
    }

    /// Asks, after [`Port::ready`], and returns the bytes of the answer. What was heard and was not the answer is added to
    /// `faults`. `wait` is the device's time; the time of the bytes on the wire comes on top.
    pub(crate) async fn ask(&mut self, ask: Ask<'_>, wait: Duration, faults: &mut Vec<Fault>) -> Result<&[u8], Failure> {
        let wire = ask.wire();
        let echo_len = if self.echo { wire.len() } else { 0 };
        let chars = u32::try_from(wire.len() + ask.answer_len() + echo_len).unwrap_or(u32::MAX);
        let end = Instant::now() + wait + self.char_time * chars;
        self.tap.send(Dir::Out, wire);
        let outcome = match timeout_at(end, self.io.write_all(wire)).await {
            Ok(Ok(())) => self.answer(ask, end, faults).await,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Failure::Lost(io::Error::new(io::ErrorKind::TimedOut, "the line takes no bytes"))),
        };
        self.idle_since = Instant::now();
        match outcome {
            Ok(at) => {
                self.tap.send(Dir::In, &self.heard[..at.end]);
                faults.append(&mut ask.faults(&self.heard[..at.start]));
                self.last.clear();
                self.last.extend_from_slice(&self.heard[at.clone()]);
                self.heard.drain(..at.end);
                self.drop_heartbeat();
                Ok(&self.last)
            }
            Err(failure) => {
                self.tap.send(Dir::In, &self.heard);
                faults.append(&mut ask.faults(&self.heard));
                self.heard.clear();
                Err(failure)
            }
        }
    }

    /// When it last carried something, or was opened.
    pub(crate) fn idle_since(&self) -> Instant {
        self.idle_since
    }

    /// Whether the peer can vanish without a word: through TCP, not on a serial port.
    pub(crate) fn may_be_half_open(&self) -> bool {
        matches!(self.io, Io::Left(_))
    }

    /// Listens until something comes, and throws it away: for a line nobody asks. Returns what it was.
    pub(crate) async fn overhear(&mut self, faults: &mut Vec<Fault>) -> io::Result<Vec<u8>> {
        self.hear().await?;
        self.idle_since = Instant::now();
        let heard = self.heard.clone();
        self.tap.send(Dir::In, &heard);
        self.forget(faults);
        Ok(heard)
    }

    async fn answer(&mut self, ask: Ask<'_>, end: Instant, faults: &mut Vec<Fault>) -> Result<Range<usize>, Failure> {
        let mut echo = if self.echo { ask.wire().to_vec() } else { Vec::new() };
        loop {
            if !echo.is_empty() && self.heard.starts_with(&echo) {
                self.heard.drain(..echo.len());
                echo.clear();
            }
            let heartbeat_begins = !self.heard.is_empty() && self.heartbeat.starts_with(&self.heard);
            match if heartbeat_begins { Found::Nothing } else { ask.find(&self.heard) } {
                Found::Answer(at) => return Ok(at),
                Found::Lost => return Err(io::Error::new(io::ErrorKind::InvalidData, "not Modbus TCP").into()),
                Found::Nothing if self.heard.len() >= MODBUS_HEARD_BYTES_MAX => {
                    // Noise without end. An answer that has begun is within the last frame's length.
                    let noise: Vec<u8> = self.heard.drain(..MODBUS_HEARD_BYTES_MAX - FRAME_BYTES_MAX).collect();
                    faults.append(&mut ask.faults(&noise));
                }
                Found::Nothing => {
                    // A damaged answer is not followed by a better one: silence ends the wait.
                    let damaged = ask.damaged(&self.heard);
                    let until = if damaged { end.min(Instant::now() + Duration::from_millis(MODBUS_DAMAGED_MS)) } else { end };
                    match timeout_at(until, self.hear()).await {
                        Ok(heard) => heard?,
                        Err(_) if damaged => return Err(Failure::Damaged),
                        Err(_) => return Err(Failure::Timeout),
                    }
                }
            }
        }
    }

    /// Throws away everything that has already arrived.
    async fn purge(&mut self, faults: &mut Vec<Fault>) -> io::Result<()> {
        // Unconstrained: the runtime must not pretend that nothing has arrived because others are waiting.
        while tokio::task::unconstrained(poll_fn(|context| Poll::Ready(self.arrived(context)))).await? > 0 {
            if self.heard.len() >= MODBUS_HEARD_BYTES_MAX {
                self.forget(faults);
                return Ok(());
            }
        }
        // The beginning of a heartbeat waits for its end.
        if !self.heartbeat.starts_with(&self.heard) {
            self.tap.send(Dir::In, &self.heard);
            self.forget(faults);
        }
        Ok(())
    }

    /// Takes what is there without waiting; 0 if nothing is. The end of the stream is an error.
    fn arrived(&mut self, context: &mut Context<'_>) -> io::Result<usize> {
        let mut bytes = [0; MODBUS_HEARD_BYTES_MAX];
        let room = MODBUS_HEARD_BYTES_MAX.saturating_sub(self.heard.len());
        let mut chunk = ReadBuf::new(&mut bytes[..room]);
        match Pin::new(&mut self.io).poll_read(context, &mut chunk) {
            Poll::Pending => Ok(0),
            Poll::Ready(Ok(())) if chunk.filled().is_empty() => Err(closed()),
            Poll::Ready(read) => {
                read?;
                self.heard.extend_from_slice(chunk.filled());
                self.drop_heartbeat();
                Ok(chunk.filled().len())
            }
        }
    }

    /// Waits for bytes; the end of the stream is an error.
    async fn hear(&mut self) -> io::Result<()> {
        let mut bytes = [0; MODBUS_HEARD_BYTES_MAX];
        let room = MODBUS_HEARD_BYTES_MAX.saturating_sub(self.heard.len());
        match self.io.read(&mut bytes[..room]).await? {
            0 => Err(closed()),
            read => {
                self.heard.extend_from_slice(&bytes[..read]);
                self.drop_heartbeat();
                Ok(())
            }
        }
    }

    /// A heartbeat comes between frames, never within one.
    fn drop_heartbeat(&mut self) {
        while !self.heartbeat.is_empty() && self.heard.starts_with(&self.heartbeat) {
            self.heard.drain(..self.heartbeat.len());
        }
    }

    fn forget(&mut self, faults: &mut Vec<Fault>) {
        faults.append(&mut unasked(self.framing, &self.heard, &self.last));
        self.heard.clear();
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the other side closed the connection")
}

/// Time of a character, and the silence between two frames: 3.5 characters, at least 1.75 ms on fast lines (Modbus over
/// serial line V1.02, 2.5.1.1). Modbus TCP needs none, Modbus ASCII has its line end.
fn times(bus: &Bus) -> (Duration, Duration) {
    let (baud, bits) = match &bus.transport {
        Transport::Serial(line) => (line.baud, line.char_bits()),
        _ => (BAUD_UNKNOWN, CHAR_BITS_UNKNOWN),
    };
    let char_time = Duration::from_secs_f64(f64::from(bits) / f64::from(baud.max(1)));
    let gap = match (bus.framing, bus.gap) {
        (_, Some(gap)) => gap,
        (Framing::Rtu, None) => rtu_gap(baud, bits),
        (Framing::Tcp | Framing::Ascii, None) => Duration::ZERO,
    };
    (if bus.framing == Framing::Tcp { Duration::ZERO } else { char_time }, gap)
}
