//! A small MQTT 3.1.1 broker for the demonstration and the tests: loopback only, everything in memory.
//!
//! QoS 0 and 1, persistent sessions by client id, a window of unacknowledged messages per session, redelivery, retained
//! messages, last wills. Never QoS 2: a client that uses it is disconnected. Bounded by the limits named `SIM_…`; what
//! does not fit a session's queue is dropped and counted, as other brokers do.

mod connection;
mod state;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod wire;

use facility_config::limits::BROKER_WINDOW_DEFAULT;
use state::State;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a broker has done since it was started, over all stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BrokerCounts {
    /// Clients that were let in.
    pub connects: u64,
    /// Messages taken from clients, wills included.
    pub received: u64,
    /// Messages sent to clients for the first time.
    pub sent: u64,
    /// Messages sent again, marked as duplicates.
    pub redelivered: u64,
    /// Messages that clients acknowledged.
    pub acknowledged: u64,
    /// Messages that found their session's queue full.
    pub dropped: u64,
}

/// A running broker. Dropping it ends it.
#[derive(Debug)]
pub struct Broker {
    addr: SocketAddr,
    state: Shared,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    stop: CancellationToken,
    accept: JoinHandle<()>,
}

/// Locked for moments only, never over an await.
#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<State>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// Listens on `bind`; port 0 takes any free one. Needs a tokio runtime.
    ///
    /// # Errors
    /// If `bind` is not a loopback address (this broker asks nobody for a password), or cannot be bound.
    pub fn start(bind: SocketAddr) -> io::Result<Self> {
        Self::with_window(bind, BROKER_WINDOW_DEFAULT)
    }

    /// The same with another window of unacknowledged messages per session; at least 1.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn with_window(bind: SocketAddr, window: u16) -> io::Result<Self> {
        if !bind.ip().is_loopback() {
            let words = format!("the simulated broker listens on loopback addresses only, not on {bind}");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, words));
        }
        let state = Shared(Arc::new(Mutex::new(State::new(window.max(1)))));
        let (addr, running) = listen(bind, &state)?;
        Ok(Self { addr, state, running: Mutex::new(Some(running)) })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Drops every connection and stops listening. Sessions and retained messages stay.
    pub async fn stop(&self) {
        let running = self.running().take();
        if let Some(Running { stop, accept }) = running {
            stop.cancel();
            // Awaited so that the port is free when this returns.
            if accept.await.is_err() {
                tracing::warn!("simulated broker: its listener did not end well");
            }
        }
    }

    /// Listens again after [`stop`](Self::stop), on the same address and with the same sessions.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn resume(&self) -> io::Result<()> {
        let mut running = self.running();
        if running.is_none() {
            *running = Some(listen(self.addr, &self.state)?.1);
        }
        Ok(())
    }

    /// Loses all sessions, as a broker without persistence does in a restart. Retained messages go too.
    pub fn forget_sessions(&self) {
        self.state.lock().forget();
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> BrokerCounts {
        self.state.lock().counts
    }

    /// Messages that wait for a client: queued, or sent and not acknowledged.
    #[must_use]
    pub fn waiting(&self, client_id: &str) -> usize {
        self.state.lock().waiting(client_id)
    }

    /// Whether a client is connected at the moment.
    #[must_use]
    pub fn is_connected(&self, client_id: &str) -> bool {
        self.state.lock().is_connected(client_id)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(running) = self.running().take() {
            running.stop.cancel();
        }
    }
}

fn listen(addr: SocketAddr, state: &Shared) -> io::Result<(SocketAddr, Running)> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A broker that comes back finds its port in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    let listener = socket.listen(1024)?;
    let addr = listener.local_addr()?;
    let stop = CancellationToken::new();
    let accept = tokio::spawn(accept(listener, state.clone(), stop.clone()));
    Ok((addr, Running { stop, accept }))
}

async fn accept(listener: TcpListener, state: Shared, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(connection::serve(stream, state.clone(), stop.clone()))),
            Err(error) => {
                // Out of descriptors: wait for some to come back instead of spinning.
                tracing::warn!(%error, "simulated broker cannot accept");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}
