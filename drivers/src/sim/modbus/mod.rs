//! Simulated Modbus devices: registers that can be set, whole profiles, scripted faults, recordings played back, and
//! servers that answer reads from them over TCP, on a line, or dialled out like a mobile DTU.
//!
//! Loopback and pseudo terminals only. Refuses every write. Shares no code with tokio-modbus and of the driver's only
//! the checksum, so that the two check each other. A server is stopped by dropping it.

mod asked;
mod bank;
mod dial;
mod faults;
mod paced;
mod play;
mod profile;
mod pty;
mod replay;
mod serve;

pub use bank::Bank;
pub use dial::Dtu;
pub use faults::{Rule, Script, Trouble};
pub use paced::{Paced, Uart};
pub use pty::Pty;
pub use replay::{Replay, Tempo};
pub use serve::Source;

use facility_config::site::Framing;
use serve::serve;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// Connections one server keeps.
const CONNECTIONS_MAX: usize = 64;

/// Answers from a bank or a recording until dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Modbus TCP.
    ///
    /// # Errors
    /// If `bind` is not a loopback address or cannot be bound.
    pub async fn tcp(bind: SocketAddr, source: impl Into<Source>) -> io::Result<Self> {
        Self::listen(bind, Framing::Tcp, source).await
    }

    /// RTU frames through TCP, as a serial server does.
    ///
    /// # Errors
    /// If `bind` is not a loopback address or cannot be bound.
    pub async fn rtu_over_tcp(bind: SocketAddr, source: impl Into<Source>) -> io::Result<Self> {
        Self::listen(bind, Framing::Rtu, source).await
    }

    /// RTU frames on one line: a pseudo terminal or a stream. Answers for its own units only and finds its place again
    /// after junk.
    pub fn rtu<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(io: T, source: impl Into<Source>) -> Self {
        Self::line(io, Framing::Rtu, source)
    }

    /// Any framing through TCP.
    ///
    /// # Errors
    /// If `bind` is not a loopback address or cannot be bound.
    pub async fn listen(bind: SocketAddr, framing: Framing, source: impl Into<Source>) -> io::Result<Self> {
        loopback(bind)?;
        let listener = TcpListener::bind(bind).await?;
        let addr = listener.local_addr()?;
        Ok(Self { addr, task: tokio::spawn(accept(listener, framing, source.into())) })
    }

    /// Any framing on one line. The line is dropped when the script hangs up.
    pub fn line<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(io: T, framing: Framing, source: impl Into<Source>) -> Self {
        let serving = serve(io, framing, source.into(), None);
        let task = tokio::spawn(async move {
            // Ends with the line; there is nobody to tell.
            let _: io::Result<()> = serving.await;
        });
        Self { addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), task }
    }

    /// Connects to a listening gateway, as a DTU in a mobile network does, and does so again whenever the connection
    /// ends.
    ///
    /// # Errors
    /// If `gateway` is not a loopback address.
    pub fn dial(gateway: SocketAddr, dtu: Dtu, framing: Framing, source: impl Into<Source>) -> io::Result<Self> {
        loopback(gateway)?;
        Ok(Self { addr: gateway, task: tokio::spawn(dial::dial(gateway, dtu, framing, source.into())) })
    }

    /// Where it listens; port 0 for a server on a line; for one that dials, where to.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn loopback(address: SocketAddr) -> io::Result<()> {
    match address.ip().is_loopback() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "the simulated bus uses loopback addresses only")),
    }
}

async fn accept(listener: TcpListener, framing: Framing, source: Source) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        if connections.len() < CONNECTIONS_MAX {
            connections.spawn(serve(stream, framing, source.clone(), None));
        }
    }
}

#[cfg(test)]
mod tests;
