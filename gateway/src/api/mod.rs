//! Status page, health and metrics over HTTP, on loopback only, read only.
//!
//! Runs on its own thread with its own runtime: it answers while the data path is saturated or stuck, and says so.
//! It reads the newest [`Status`], and for history asks the stores: no route changes anything, there is no method but
//! GET and HEAD. Bounded by [`API_CONNECTIONS_MAX`], [`API_REQUEST_BYTES_MAX`] and [`API_IDLE_MS_MAX`].
//!
//! [`API_CONNECTIONS_MAX`]: facility_config::limits::API_CONNECTIONS_MAX
//! [`API_REQUEST_BYTES_MAX`]: facility_config::limits::API_REQUEST_BYTES_MAX
//! [`API_IDLE_MS_MAX`]: facility_config::limits::API_IDLE_MS_MAX

mod guard;
mod history;
mod listener;
mod metrics;
mod page;
mod routes;
mod tail;
mod taps;
mod trace;

pub use history::Logs;
pub(crate) use tail::{Became, Line};
pub use taps::Taps;

use crate::status::Status;
use facility_config::limits::API_STOP_MS_MAX;
use facility_drivers::Clock;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A bound socket that nobody answers on yet.
#[derive(Debug)]
pub struct Api {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Api {
    /// Takes the address; port 0 takes any free one.
    ///
    /// # Errors
    /// `InvalidInput` if the address is not a loopback address: the page has neither passwords nor encryption, so it
    /// is for this machine, and for others through an SSH tunnel. Otherwise why the address cannot be taken.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        if !addr.ip().to_canonical().is_loopback() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{addr} is not a loopback address; listen on 127.0.0.1 and reach it with `ssh -L 8080:127.0.0.1:{}`", addr.port()),
            ));
        }
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        Ok(Self { listener, addr })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers until `stop`, on a thread named `api`; once `logs` are closed, without history. `clock` must be the one the
    /// snapshots are stamped with: their age is told by its [`mono_ms`](Clock::mono_ms).
    ///
    /// # Errors
    /// When the thread or its runtime cannot be made.
    pub fn serve(
        self,
        status: watch::Receiver<Arc<Status>>,
        logs: Logs,
        taps: Taps,
        clock: Clock,
        stop: CancellationToken,
    ) -> io::Result<JoinHandle<()>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let view = routes::View::new(status, logs, taps, clock);
        std::thread::Builder::new().name("api".into()).spawn(move || {
            if let Err(error) = runtime.block_on(self.answer(view, stop)) {
                tracing::error!(%error, "the status server has ended");
            }
        })
    }

    async fn answer(self, view: routes::View, stop: CancellationToken) -> io::Result<()> {
        let listener = listener::Bounded::new(tokio::net::TcpListener::from_std(self.listener)?);
        let router = routes::router(view);
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        let too_late = async {
            stop.cancelled().await;
            tokio::time::sleep(Duration::from_millis(API_STOP_MS_MAX)).await;
        };
        tokio::select! {
            ended = served => ended,
            () = too_late => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
