//! Where DTUs connect: a mobile modem on a serial line has no address of its own, so it dials the gateway.
//!
//! One task for each address. A DTU is known by what it sends first, or by the address alone; whoever is not known is
//! hung up on. The newest connection of a DTU is the right one: the older ones are what the network forgot to close.
//! What a DTU sends is never logged, its registration may be a telephone number.

use facility_config::limits::{BACKOFF_MS_MAX, DTU_REGISTRATION_MS_MAX, DTU_UNKNOWN_MAX};
use facility_config::site::{Bus, Transport};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The newest connection that a DTU made for one bus and that the bus has not taken; an older one is closed by it.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Arc<Door>);

#[derive(Debug, Default)]
struct Door {
    newest: Mutex<Option<TcpStream>>,
    came: Notify,
}

impl Arrivals {
    /// The newest connection, or the next one.
    pub(crate) async fn next(&self) -> TcpStream {
        loop {
            if let Some(stream) = self.newest().take() {
                return stream;
            }
            self.0.came.notified().await;
        }
    }

    /// Whether a newer connection waits.
    pub(crate) fn waiting(&self) -> bool {
        self.newest().is_some()
    }

    fn arrive(&self, stream: TcpStream) {
        *self.newest() = Some(stream);
        self.0.came.notify_one();
    }

    fn newest(&self) -> MutexGuard<'_, Option<TcpStream>> {
        self.0.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bus whose DTU is expected.
#[derive(Debug, Clone)]
struct Guest {
    registration: Box<[u8]>,
    arrivals: Arrivals,
}

/// One address where DTUs connect.
#[derive(Debug, Clone)]
pub struct Reception {
    /// Where it listens.
    pub address: SocketAddr,
    guests: Vec<Guest>,
}

impl Reception {
    /// One reception for each address that buses name, and for each bus the arrivals there; `None` for buses that are
    /// reached in another way.
    #[must_use]
    pub fn of(buses: &[Bus]) -> (Vec<Self>, Vec<Option<Arrivals>>) {
        let mut receptions: Vec<Self> = Vec::new();
        let arrivals = buses.iter().map(|bus| {
            let Transport::Listen { address, registration, .. } = &bus.transport else { return None };
            let arrivals = Arrivals::default();
            let guest = Guest { registration: registration.clone().unwrap_or_default(), arrivals: arrivals.clone() };
            match receptions.iter_mut().find(|reception| reception.address == *address) {
                Some(reception) => reception.guests.push(guest),
                None => receptions.push(Self { address: *address, guests: vec![guest] }),
            }
            Some(arrivals)
        });
        let arrivals = arrivals.collect();
        (receptions, arrivals)
    }

    /// Listens until told to stop. An address that cannot be had is tried again for ever, and said so once.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            let mut said = false;
            loop {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => {
                        said = false;
                        self.receive(listener).await;
                    }
                    Err(error) if !said => {
                        said = true;
                        tracing::error!(address = %self.address, %error, "no DTU can connect: is the port taken, is the address one of this board?");
                    }
                    Err(_) => {}
                }
                tokio::time::sleep(Duration::from_millis(BACKOFF_MS_MAX / 10)).await;
            }
        })
        .await;
    }

    /// Until the listener breaks.
    async fn receive(&self, listener: TcpListener) {
        let mut unknown = JoinSet::new();
        loop {
            let Ok((stream, peer)) = listener.accept().await else { return };
            while unknown.try_join_next().is_some() {}
            if unknown.len() >= DTU_UNKNOWN_MAX {
                tracing::warn!(%peer, "a DTU was hung up on: too many have connected without a registration");
                continue;
            }
            let guests = self.guests.clone();
            unknown.spawn(async move {
                let wait = Duration::from_millis(DTU_REGISTRATION_MS_MAX);
                match timeout(wait, admit(stream, &guests)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%peer, %error, "a DTU was hung up on"),
                    Err(_) => {
                        tracing::warn!(%peer, "a DTU was hung up on: it sent no registration; set one on it, or drop `registration` here")
                    }
                }
            });
        }
    }
}

/// Reads the registration and hands the connection to its bus.
async fn admit(mut stream: TcpStream, guests: &[Guest]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let longest = guests.iter().map(|guest| guest.registration.len()).max().unwrap_or(0);
    let mut heard = Vec::with_capacity(longest);
    loop {
        if let Some(guest) =
            guests.iter().filter(|guest| heard.starts_with(&guest.registration)).max_by_key(|guest| guest.registration.len())
        {
            // Bytes beyond the registration were sent before anything was asked.
            guest.arrivals.arrive(stream);
            return Ok(());
        }
        if !guests.iter().any(|guest| guest.registration.starts_with(&heard)) {
            return Err(io::Error::other("its registration is none of those in the configuration"));
        }
        let mut chunk = [0; 128];
        let room = longest.saturating_sub(heard.len()).min(chunk.len());
        match stream.read(&mut chunk[..room]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => heard.extend_from_slice(&chunk[..read]),
        }
    }
}

#[cfg(test)]
mod tests;
