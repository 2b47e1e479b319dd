//! Opening a connection to a bus: a TCP connection, one that a DTU made, or a serial port.
//!
//! Nothing is asked here. A serial port is taken for this process alone, since a second master would garble every answer.

use super::reception::Arrivals;
use crate::serial::Serial;
use facility_config::limits::MODBUS_CONNECT_MS_MAX;
use facility_config::site::{HostPort, Parity, SerialLine, Transport};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serial2::rs4xx::{Rs485Config, TransceiverMode};
use serial2::{CharSize, SerialPort, Settings, StopBits};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::either::Either;

/// The bytes of a bus.
pub(crate) type Io = Either<TcpStream, Serial>;

/// A connection that was just made.
pub(crate) struct Opened {
    pub(crate) io: Io,
    /// Keeps other processes off a serial port.
    pub(crate) held: Option<Held>,
    /// What was opened, where that is not the obvious.
    pub(crate) by_backup: bool,
}

/// Opens what the transport names; where a DTU is to connect, waits for it.
pub(crate) async fn open(transport: &Transport, arrivals: Option<&Arrivals>) -> io::Result<Opened> {
    match transport {
        Transport::Serial(line) => serial(line),
        Transport::Listen { .. } => match arrivals {
            Some(arrivals) => Ok(Opened { io: Either::Left(arrivals.next().await), held: None, by_backup: false }),
            None => Err(io::Error::new(io::ErrorKind::Unsupported, "nobody listens for this bus")),
        },
        Transport::Dial { address, backup } => dial(address, backup.as_ref()).await,
    }
}

async fn dial(address: &HostPort, backup: Option<&HostPort>) -> io::Result<Opened> {
    let error = match connect(address).await {
        Ok(stream) => return Ok(Opened { io: Either::Left(stream), held: None, by_backup: false }),
        Err(error) => error,
    };
    let Some(backup) = backup else { return Err(error) };
    match connect(backup).await {
        Ok(stream) => Ok(Opened { io: Either::Left(stream), held: None, by_backup: true }),
        Err(second) => Err(io::Error::new(error.kind(), format!("{error}; backup {}:{}: {second}", backup.host, backup.port))),
    }
}

async fn connect(to: &HostPort) -> io::Result<TcpStream> {
    let stream = timeout(Duration::from_millis(MODBUS_CONNECT_MS_MAX), TcpStream::connect((to.host.as_str(), to.port)))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn serial(line: &SerialLine) -> io::Result<Opened> {
    // Held before it is set: the speed of a line that another program is using is not ours to change.
    let held = hold(&line.path)?;
    let port = SerialPort::open(&line.path, |mut settings: Settings| {
        settings.set_raw();
        settings.set_baud_rate(line.baud)?;
        settings.set_char_size(if line.data_bits == 7 { CharSize::Bits7 } else { CharSize::Bits8 });
        settings.set_stop_bits(if line.stop_bits == 2 { StopBits::Two } else { StopBits::One });
        settings.set_parity(parity(line));
        Ok(settings)
    })?;
    held.exclude();
    if let Some(rs485) = line.rs485 {
        let mut config = Rs485Config::new();
        config.set_full_duplex(rs485.hear_self);
        config.set_invert_rts(!rs485.rts_high);
        config.set_delay_before_send(Duration::from_millis(u64::from(rs485.before_ms)));
        config.set_delay_after_send(Duration::from_millis(u64::from(rs485.after_ms)));
        port.set_rs4xx_mode(TransceiverMode::Rs485(config)).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("this port cannot switch an RS-485 transceiver ({error}); remove `rs485` for USB adapters"),
            )
        })?;
    }
    Ok(Opened { io: Either::Right(Serial::new(port)?), held: Some(held), by_backup: false })
}

/// A pseudo terminal has no parity, and says so when it is asked for one.
fn parity(line: &SerialLine) -> serial2::Parity {
    let pseudo = std::fs::canonicalize(&line.path).is_ok_and(|path| path.starts_with("/dev/pts"));
    match line.parity {
        _ if pseudo => serial2::Parity::None,
        Parity::None => serial2::Parity::None,
        Parity::Even => serial2::Parity::Even,
        Parity::Odd => serial2::Parity::Odd,
    }
}

/// Locks the port, or says who has it.
fn hold(path: &Path) -> io::Result<Held> {
    let taken =
        |kind| io::Error::new(kind, "another program uses this port (a running gateway, perhaps): two masters would garble the line");
    let open = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let file = open.map_err(|error| if error == Errno::BUSY { taken(io::ErrorKind::WouldBlock) } else { error.into() })?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| taken(io::Error::from(error).kind()))?;
    Ok(Held(file))
}

/// A serial port that is ours alone until this is dropped.
pub(crate) struct Held(OwnedFd);

impl Held {
    /// Keeps out programs that do not ask for the lock. Not every kind of port knows exclusive use; the lock is what our
    /// own programs go by.
    fn exclude(&self) {
        let _: rustix::io::Result<()> = rustix::termios::ioctl_tiocexcl(&self.0);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Exclusive use outlives the descriptor while anybody else has the port open.
        let _: rustix::io::Result<()> = rustix::termios::ioctl_tiocnxcl(&self.0);
    }
}

#[cfg(test)]
mod tests;
