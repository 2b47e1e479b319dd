//! Modbus: one task per bus, so that two questions never overlap on a line.
//!
//! Units are polled in order of their deadlines. What a unit says becomes one [`Batch`] per poll; its health goes out
//! once a minute, dead or alive. Reads only: the crate holds no write request. A full queue makes the bus wait, nothing
//! is dropped. Rules against late answers: CRATES §3; `port.rs` for one question, `session.rs` for the next one.

mod counts;
mod frame;
mod port;
mod unit;

use crate::clock::Clock;
use crate::fault::Fault;
use crate::link::{Link, LinkState};
use crate::reading::Batch;
use crate::session::{Health, Reconnect};
use counts::Counts;
use facility_config::DeviceIx;
use facility_config::limits::{MODBUS_HEALTH_MS, MODBUS_UNANSWERED_MAX};
use facility_config::profile::ModbusMap;
use facility_config::site::{Bus, Transport};
use port::Port;
use std::io;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use unit::{Member, Poll};

pub(crate) use frame::{crc_is_right, crc16};

/// A bus and the devices on it.
#[derive(Debug)]
pub struct BusTask {
    /// How it is connected.
    pub bus: Bus,
    /// Who is on it.
    pub units: Vec<Unit>,
    /// Where readings go; waited for while full.
    pub out: mpsc::Sender<Batch>,
    /// State of the connection, for the status page.
    pub link: watch::Sender<Link>,
    /// Time stamps and schedules. Limits on I/O are in real time.
    pub clock: Clock,
    /// Ends the task.
    pub stop: CancellationToken,
    /// Spreads the waits between attempts to connect.
    pub seed: u64,
}

/// A device on a bus.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Who.
    pub device: DeviceIx,
    /// Unit id, 1 to 247.
    pub unit: u8,
    /// Its registers.
    pub map: ModbusMap,
    /// Time between two polls, on [`BusTask::clock`].
    pub interval: Duration,
}

impl BusTask {
    /// Polls until told to stop.
    pub async fn run(self) {
        let stop = self.stop.clone();
        let mut driver = Driver::new(self);
        stop.run_until_cancelled(driver.serve()).await;
        driver.shown.state = LinkState::Stopped;
        driver.changed(true);
    }
}

struct Driver {
    bus: Bus,
    members: Vec<Member>,
    out: mpsc::Sender<Batch>,
    link: watch::Sender<Link>,
    clock: Clock,
    port: Option<Port>,
    reconnect: Reconnect,
    /// What the link shows, or will after [`Driver::changed`].
    shown: Link,
    health_due_ms: i64,
    unanswered: u32,
}

/// What to do next, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Connect,
    Poll(usize),
    Health,
}

/// The readers of the batches are gone; only the end is left to wait for.
struct NobodyListens;

impl Driver {
    fn new(task: BusTask) -> Self {
        let now_ms = task.clock.mono_ms();
        let shown = task.link.borrow().clone();
        let members = task.units.into_iter().map(|unit| Member::new(unit, now_ms, &task.clock)).collect();
        let mut driver = Self {
            bus: task.bus,
            members,
            out: task.out,
            link: task.link,
            clock: task.clock,
            port: None,
            reconnect: Reconnect::new(now_ms, task.seed),
            shown,
            health_due_ms: now_ms,
            unanswered: 0,
        };
        driver.health_due_ms = driver.health_after(now_ms);
        driver
    }

    async fn serve(&mut self) {
        loop {
            let (due_ms, next) = self.next();
            let wait_ms = due_ms.saturating_sub(self.clock.mono_ms());
            tokio::time::sleep(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))).await;
            let done = match next {
                Next::Connect => {
                    self.connect().await;
                    Ok(())
                }
                Next::Poll(at) => self.poll(at).await,
                Next::Health => self.report_health().await,
            };
            if let Err(NobodyListens) = done {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Earliest deadline first; health before polls at the same moment, so that a full bus cannot keep it back.
    fn next(&self) -> (i64, Next) {
        let health = (self.health_due_ms, Next::Health);
        let work = match self.port {
            None => Some((self.reconnect.due_ms(), Next::Connect)),
            Some(_) => {
                let polls = self.members.iter().enumerate().map(|(at, member)| (member.session.due_ms(), Next::Poll(at)));
                polls.min()
            }
        };
        work.filter(|work| work.0 < health.0).unwrap_or(health)
    }

    async fn connect(&mut self) {
        self.unanswered = 0;
        match Port::open(&self.bus.transport, self.bus.pause).await {
            Ok(port) => {
                self.port = Some(port);
                self.shown.connects = self.shown.connects.saturating_add(1);
                self.show(LinkState::Up, None);
            }
            Err(error) => self.lost(&error),
        }
    }

    async fn poll(&mut self, at: usize) -> Result<(), NobodyListens> {
        let (Some(port), Some(member)) = (&mut self.port, self.members.get_mut(at)) else { return Ok(()) };
        let before = member.session.health();
        let poll = member.poll(port, &self.clock).await;
        let after = member.session.health();
        if (before == Health::Offline) != (after == Health::Offline) {
            let (device, unit) = (member.device().0, member.unit.unit);
            tracing::info!(bus = %self.bus.name, device, unit, health = ?after, "unit answers again or was given up");
        }
        self.judge(&poll);
        match poll.batch {
            Some(batch) => self.out.send(batch).await.map_err(|_| NobodyListens),
            None => Ok(()),
        }
    }

    /// Counts what went wrong and decides whether the connection can stay.
    fn judge(&mut self, poll: &Poll) {
        for fault in &poll.faults {
            self.count(*fault);
        }
        if poll.answered {
            self.reconnect.proven();
        }
        self.unanswered = if poll.answered { 0 } else { self.unanswered.saturating_add(u32::from(poll.silent)) };
        let give_up = self.port.as_ref().is_some_and(|port| {
            poll.faults.contains(&Fault::Timeout) && port.is_tcp() || port.may_be_half_open() && self.unanswered >= MODBUS_UNANSWERED_MAX
        });
        if let Some(error) = &poll.lost {
            self.lost(error);
        } else if give_up {
            // Not a fault of the line: the timeout is counted already.
            self.port = None;
            self.reconnect.lost(self.clock.mono_ms());
        }
        self.changed(!poll.faults.is_empty());
    }

    async fn report_health(&mut self) -> Result<(), NobodyListens> {
        self.health_due_ms = self.health_after(self.clock.mono_ms());
        let at_ms = self.clock.now_ms();
        for member in &mut self.members {
            let batch = member.health(at_ms);
            self.out.send(batch).await.map_err(|_| NobodyListens)?;
        }
        Ok(())
    }

    fn health_after(&self, now_ms: i64) -> i64 {
        let span = self.clock.real(Duration::from_millis(MODBUS_HEALTH_MS));
        now_ms.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1))
    }

    fn lost(&mut self, error: &io::Error) {
        self.port = None;
        self.reconnect.lost(self.clock.mono_ms());
        self.count(Fault::Disconnected);
        let refused = error.kind() == io::ErrorKind::PermissionDenied;
        let words = in_words(&self.bus.transport, error);
        if self.shown.error.as_ref() != Some(&words) {
            tracing::warn!(bus = %self.bus.name, "{words}");
        }
        self.show(if refused { LinkState::Denied } else { LinkState::Connecting }, Some(words));
    }

    fn count(&mut self, fault: Fault) {
        if let Some(count) = self.shown.faults.get_mut(fault as usize) {
            *count = count.saturating_add(1);
        }
    }

    fn show(&mut self, state: LinkState, error: Option<String>) {
        if self.shown.state != state {
            self.shown.since_ms = self.clock.now_ms();
        }
        self.shown.state = state;
        self.shown.error = error;
        self.changed(true);
    }

    fn changed(&self, changed: bool) {
        self.link.send_if_modified(|link| {
            if changed {
                *link = self.shown.clone();
            }
            changed
        });
    }
}

/// What happened, where, and what to do next.
fn in_words(transport: &Transport, error: &io::Error) -> String {
    match transport {
        Transport::Tcp { host, port } => {
            format!("{host}:{port}: {error}; check power, cable and address, and that nothing else holds its only connection")
        }
        Transport::RtuOverTcp { host, port } => {
            format!("{host}:{port}: {error}; check power, cable and address of the serial server, and that it is in TCP server mode")
        }
        Transport::Rtu { path, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("{}: {error}; let the gateway's user read and write it (group dialout)", path.display())
        }
        Transport::Rtu { path, .. } => {
            format!("{}: {error}; check that the adapter is plugged in and that the path is under /dev/serial/by-id", path.display())
        }
    }
}

#[cfg(test)]
mod tests;
