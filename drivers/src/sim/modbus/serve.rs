//! One connection or line of simulated devices: hears questions, does in time what the devices do.
//!
//! Units think at the same time, each about one question after the other: while one is late, the others answer. What is
//! to be done is bounded; with more of it under way nothing is heard. Ends with its connection; a pseudo terminal whose
//! other side is closed is waited for.

use super::asked::{Asked, Heard, WIRE_BYTES_MAX, take};
use super::bank::Bank;
use super::play::{Act, Play};
use super::replay::Replay;
use facility_config::site::Framing;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};

/// Things to be done on one connection; above it nothing is heard.
const DUE_MAX: usize = 4096;
/// Error code of a pseudo terminal whose other side is closed; it may be opened again.
const EIO: i32 = 5;
/// Wait for the other side of a pseudo terminal.
const EIO_WAIT: Duration = Duration::from_millis(10);
/// Far enough to be never, near enough to be added to any moment.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// Who answers.
#[derive(Debug, Clone)]
pub enum Source {
    /// Simulated units.
    Bank(Bank),
    /// A recording.
    Replay(Replay),
}

impl From<Bank> for Source {
    fn from(bank: Bank) -> Self {
        Self::Bank(bank)
    }
}

impl From<Replay> for Source {
    fn from(replay: Replay) -> Self {
        Self::Replay(replay)
    }
}

impl Source {
    fn known(&self, heard: &[u8]) -> Option<(u8, usize)> {
        match self {
            Self::Bank(bank) => bank.known(heard),
            Self::Replay(replay) => replay.known(heard),
        }
    }

    fn play(&self, asked: &Asked) -> Play {
        match self {
            Self::Bank(bank) => bank.play(asked),
            Self::Replay(replay) => replay.play(asked),
        }
    }
}

/// What is to be done, in order.
#[derive(Debug, Default)]
struct Due {
    acts: BTreeMap<(Instant, u64), Act>,
    count: u64,
    /// When each unit is done with what it was asked.
    busy_until: BTreeMap<u8, Instant>,
}

impl Due {
    fn add(&mut self, now: Instant, unit: u8, play: Play) {
        let begin = self.busy_until.get(&unit).map_or(now, |busy| now.max(*busy));
        for (after, act) in play {
            self.count += 1;
            self.acts.insert((begin + after, self.count), act);
            self.busy_until.insert(unit, begin + after);
        }
    }

    fn next(&self) -> Instant {
        self.acts.first_key_value().map_or_else(|| Instant::now() + NEVER, |((at, _), _)| *at)
    }

    fn pop(&mut self, now: Instant) -> Option<Act> {
        let next = self.acts.first_entry()?;
        (next.key().0 <= now).then(|| next.remove())
    }
}

/// Serves until the connection ends. `heartbeat` goes out between the answers, as often as it says.
pub(super) async fn serve<T>(mut io: T, framing: Framing, source: Source, heartbeat: Option<(Vec<u8>, Duration)>) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let (beat, every) = heartbeat.unwrap_or((Vec::new(), NEVER));
    let mut beats = interval_at(Instant::now() + every, every.max(Duration::from_millis(1)));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut due, mut heard, mut chunk) = (Due::default(), Vec::new(), [0; WIRE_BYTES_MAX]);
    loop {
        while let Some(act) = due.pop(Instant::now()) {
            let Act::Send(bytes) = act else { return Ok(()) };
            io.write_all(&bytes).await?;
        }
        tokio::select! {
            () = sleep_until(due.next()), if !due.acts.is_empty() => {}
            _ = beats.tick() => io.write_all(&beat).await?,
            read = io.read(&mut chunk), if due.acts.len() < DUE_MAX => match read {
                Ok(0) => return Ok(()),
                Ok(bytes) => {
                    heard.extend_from_slice(&chunk[..bytes]);
                    hear(framing, &source, &mut heard, &mut due)?;
                }
                Err(error) if error.raw_os_error() == Some(EIO) => sleep(EIO_WAIT).await,
                Err(error) => return Err(error),
            },
        }
    }
}

fn hear(framing: Framing, source: &Source, heard: &mut Vec<u8>, due: &mut Due) -> io::Result<()> {
    loop {
        match take(framing, heard, |bytes| source.known(bytes)) {
            Heard::Nothing => return Ok(()),
            Heard::Lost => return Err(io::ErrorKind::InvalidData.into()),
            Heard::Asked(asked) => due.add(Instant::now(), asked.unit, source.play(&asked)),
        }
    }
}
