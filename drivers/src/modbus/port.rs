//! One connection to a bus: a question goes out, its answer comes back, everything else is named and thrown away.
//!
//! tokio-modbus encodes questions and decodes answers, but speaks into a pipe: [`carry`] takes the question from the pipe
//! to the line and only the [`Question`]'s own answer back. Never writes to a device: a question that is not a read does
//! not leave [`carry`]. Every wait is bounded by the caller's timeout.

use super::frame::{Found, Framing, Question, unasked};
use crate::fault::Fault;
use crate::plan::Request;
use facility_config::limits::{MODBUS_CONNECT_MS_MAX, MODBUS_HEARD_BYTES_MAX};
use facility_config::profile::Table;
use facility_config::site::{Parity, Transport};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_modbus::client::{Client as _, Context, rtu, tcp};
use tokio_modbus::slave::SlaveContext as _;
use tokio_modbus::{Request as Read, Response, Slave};
use tokio_serial::{DataBits, SerialStream, StopBits};
use tokio_util::either::Either;

/// Bits a character takes on a serial line, start, parity and stop included (Modbus over serial line V1.02, 2.5.1).
const BITS_PER_CHAR: u32 = 11;
/// Longest frame (Modbus messaging on TCP/IP V1.0b, 4.1).
const FRAME_BYTES_MAX: usize = 260;
/// Above this rate the gap between frames is fixed (same, 2.5.1.1).
const GAP_BAUD_MAX: u32 = 19_200;
/// The serial side of a serial server is not known; most devices speak 9600 bits per second.
const GAP_BAUD_UNKNOWN: u32 = 9_600;

/// Why a question has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing that was the answer came in time.
    Timeout,
    /// The device refused it with this exception code.
    Refused(u8),
    /// The connection is of no more use.
    Lost(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl From<tokio_modbus::Error> for Failure {
    fn from(error: tokio_modbus::Error) -> Self {
        match error {
            tokio_modbus::Error::Transport(error) => Self::Lost(error),
            tokio_modbus::Error::Protocol(error) => Self::Lost(io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
        }
    }
}

/// An open connection.
pub(super) struct Port {
    io: Either<TcpStream, SerialStream>,
    framing: Framing,
    baud: Option<u32>,
    pause: Duration,
    client: Context,
    pipe: DuplexStream,
    heard: Vec<u8>,
    busy_until: Instant,
}

impl Port {
    /// Connects, or opens the serial port by its path. `pause` is kept between two questions.
    pub(super) async fn open(transport: &Transport, pause: Duration) -> io::Result<Self> {
        let (io, framing, baud) = match transport {
            Transport::Tcp { host, port } => (Either::Left(connect(host, *port).await?), Framing::Mbap, None),
            Transport::RtuOverTcp { host, port } => (Either::Left(connect(host, *port).await?), Framing::Rtu, None),
            Transport::Rtu { path, baud, parity, stop_bits } => {
                let builder = tokio_serial::new(path.to_string_lossy(), *baud)
                    .data_bits(DataBits::Eight)
                    .parity(match parity {
                        Parity::None => tokio_serial::Parity::None,
                        Parity::Even => tokio_serial::Parity::Even,
                        Parity::Odd => tokio_serial::Parity::Odd,
                    })
                    .stop_bits(if *stop_bits == 2 { StopBits::Two } else { StopBits::One });
                (Either::Right(SerialStream::open(&builder)?), Framing::Rtu, Some(*baud))
            }
        };
        let (client, pipe) = client(framing);
        Ok(Self { io, framing, baud, pause, client, pipe, heard: Vec::new(), busy_until: Instant::now() })
    }

    /// Asks a unit for registers; a bit comes as a word of 0 or 1. Exactly as many words as asked for, or a failure. What
    /// was heard and was not the answer is added to `faults`.
    pub(super) async fn ask(&mut self, unit: u8, request: &Request, wait: Duration, faults: &mut Vec<Fault>) -> Result<Vec<u16>, Failure> {
        sleep_until(self.busy_until + self.gap() + self.pause).await;
        if self.framing == Framing::Rtu {
            self.purge(faults).await?;
        }
        let wire_bytes = self.framing.question_len() + 5 + request.data_bytes();
        self.client.set_slave(Slave(unit));
        let call = async { Ok(self.client.call(question(request)).await?) };
        let mut asked = None;
        let carried = carry(&mut self.pipe, &mut self.io, &mut asked, &mut self.heard, faults, self.framing);
        let both = async { tokio::try_join!(call, carried) };
        let outcome = timeout(wait + self.baud.map_or(Duration::ZERO, |baud| chars(wire_bytes, baud)), both).await;
        self.busy_until = Instant::now();
        let failure = match outcome {
            Ok(Ok((Ok(response), ()))) => match words(request, response) {
                Some(words) => return Ok(words),
                None => Failure::Lost(io::Error::new(io::ErrorKind::InvalidData, "the answer was not understood")),
            },
            Ok(Ok((Err(exception), ()))) => return Err(Failure::Refused(exception.into())),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Timeout,
        };
        faults.append(&mut asked.map_or_else(Vec::new, |question| question.faults(&self.heard)));
        self.heard.clear();
        // The question may still be in the pipe, or tokio-modbus half way through an answer.
        (self.client, self.pipe) = client(self.framing);
        Err(failure)
    }

    /// Listens for `span` and throws away what comes: the answer that was given up may still arrive. Does nothing on
    /// Modbus TCP, where an answer names its question.
    pub(super) async fn quiet(&mut self, span: Duration, faults: &mut Vec<Fault>) -> io::Result<()> {
        if self.framing == Framing::Mbap {
            return Ok(());
        }
        let end = Instant::now() + span;
        while let Ok(heard) = timeout_at(end, hear(&mut self.io, &mut self.heard)).await {
            heard?;
            if self.heard.len() >= MODBUS_HEARD_BYTES_MAX {
                self.forget(faults);
            }
        }
        self.forget(faults);
        self.busy_until = Instant::now();
        Ok(())
    }

    /// Whether an unanswered question ends the connection: always on Modbus TCP (CRATES §3: every later answer would be
    /// one off), never on a line that others share.
    pub(super) fn is_tcp(&self) -> bool {
        self.framing == Framing::Mbap
    }

    /// Whether the peer can vanish without a word: through TCP, not on a serial port.
    pub(super) fn may_be_half_open(&self) -> bool {
        self.baud.is_none()
    }

    /// Throws away everything that has already arrived.
    async fn purge(&mut self, faults: &mut Vec<Fault>) -> io::Result<()> {
        let mut bytes = [0; MODBUS_HEARD_BYTES_MAX];
        loop {
            let room = MODBUS_HEARD_BYTES_MAX.saturating_sub(self.heard.len());
            if room == 0 {
                self.forget(faults);
                return Ok(());
            }
            let mut chunk = ReadBuf::new(&mut bytes[..room]);
            let arrived = poll_fn(|cx| match Pin::new(&mut self.io).poll_read(cx, &mut chunk) {
                Poll::Ready(read) => Poll::Ready(read.map(|()| true)),
                Poll::Pending => Poll::Ready(Ok(false)),
            });
            let arrived = arrived.await?;
            if arrived && chunk.filled().is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.heard.extend_from_slice(chunk.filled());
            if !arrived {
                self.forget(faults);
                return Ok(());
            }
        }
    }

    fn forget(&mut self, faults: &mut Vec<Fault>) {
        faults.append(&mut unasked(&self.heard));
        self.heard.clear();
    }

    /// Silence between two frames: 3.5 characters, at least 1.75 ms (Modbus over serial line V1.02, 2.5.1.1).
    fn gap(&self) -> Duration {
        match (self.framing, self.baud.unwrap_or(GAP_BAUD_UNKNOWN)) {
            (Framing::Mbap, _) => Duration::ZERO,
            (Framing::Rtu, baud) if baud > GAP_BAUD_MAX => Duration::from_micros(1_750),
            (Framing::Rtu, baud) => chars(7, baud) / 2,
        }
    }
}

async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = timeout(Duration::from_millis(MODBUS_CONNECT_MS_MAX), TcpStream::connect((host, port)))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn client(framing: Framing) -> (Context, DuplexStream) {
    let (near, far) = tokio::io::duplex(MODBUS_HEARD_BYTES_MAX);
    let context = match framing {
        Framing::Mbap => tcp::attach_slave(near, Slave(0)),
        Framing::Rtu => rtu::attach_slave(near, Slave(0)),
    };
    (context, far)
}

/// The only questions this crate can ask.
fn question(request: &Request) -> Read<'static> {
    match request.table {
        Table::Coil => Read::ReadCoils(request.address, request.count),
        Table::Discrete => Read::ReadDiscreteInputs(request.address, request.count),
        Table::Holding => Read::ReadHoldingRegisters(request.address, request.count),
        Table::Input => Read::ReadInputRegisters(request.address, request.count),
    }
}

fn words(request: &Request, response: Response) -> Option<Vec<u16>> {
    let count = usize::from(request.count);
    match (request.table, response) {
        (Table::Coil, Response::ReadCoils(bits)) | (Table::Discrete, Response::ReadDiscreteInputs(bits)) => {
            bits.get(..count).map(|bits| bits.iter().map(|bit| u16::from(*bit)).collect())
        }
        (Table::Holding, Response::ReadHoldingRegisters(words)) | (Table::Input, Response::ReadInputRegisters(words)) => {
            (words.len() == count).then_some(words)
        }
        _ => None,
    }
}

/// Takes one question from the pipe to the line and its answer back. Stopped at any point it leaves the question in
/// `asked` and what was heard, and not understood, in `heard`.
async fn carry<T: AsyncRead + AsyncWrite + Unpin>(
    pipe: &mut DuplexStream,
    line: &mut T,
    asked: &mut Option<Question>,
    heard: &mut Vec<u8>,
    faults: &mut Vec<Fault>,
    framing: Framing,
) -> Result<(), Failure> {
    let mut wire = [0; 12];
    let wire = &mut wire[..framing.question_len()];
    pipe.read_exact(wire).await?;
    let question = Question::read(framing, wire).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a read question"))?;
    let question = asked.insert(question);
    line.write_all(wire).await?;
    loop {
        match question.find(heard) {
            Found::Answer(at) => {
                faults.append(&mut question.faults(&heard[..at.start]));
                pipe.write_all(&heard[at.clone()]).await?;
                heard.drain(..at.end);
                return Ok(());
            }
            Found::Lost => return Err(io::Error::new(io::ErrorKind::InvalidData, "not Modbus TCP").into()),
            Found::Nothing if heard.len() >= MODBUS_HEARD_BYTES_MAX => {
                // Noise without end. An answer that has begun is within the last frame's length.
                let noise: Vec<u8> = heard.drain(..MODBUS_HEARD_BYTES_MAX - FRAME_BYTES_MAX).collect();
                faults.append(&mut question.faults(&noise));
            }
            Found::Nothing => hear(line, heard).await?,
        }
    }
}

/// Waits for bytes; the end of the stream is an error.
async fn hear<T: AsyncRead + Unpin>(line: &mut T, heard: &mut Vec<u8>) -> io::Result<()> {
    let mut bytes = [0; MODBUS_HEARD_BYTES_MAX];
    let room = MODBUS_HEARD_BYTES_MAX.saturating_sub(heard.len());
    match line.read(&mut bytes[..room]).await? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other side closed the connection")),
        read => {
            heard.extend_from_slice(&bytes[..read]);
            Ok(())
        }
    }
}

fn chars(count: usize, baud: u32) -> Duration {
    let bits = u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(BITS_PER_CHAR);
    Duration::from_secs_f64(f64::from(bits) / f64::from(baud.max(1)))
}
