//! Modbus, and serial boards on the same line: one task per bus, so that two questions never overlap.
//!
//! The line goes to the unit with the earliest deadline, one question at a time: a unit with many or slow answers holds
//! up nobody, and has a right to its share of the line, not to more. What a unit says becomes one [`Batch`] per round; its
//! health goes out once a minute, dead or alive. Reads only: the crate cannot put another question together
//! (`frame.rs`). A full queue makes the bus wait, nothing is dropped. Rules against late answers: `port.rs` for one
//! question, `session.rs` for the next one.

mod counts;
mod frame;
mod inquiry;
mod open;
mod port;
mod reception;
mod registers;
mod script;
mod tap;
mod timer;
pub mod trace;
mod unit;
pub mod words;

use crate::clock::Clock;
use crate::fault::Fault;
use crate::link::{Link, LinkState, Load};
use crate::plan::Learned;
use crate::reading::Batch;
use crate::session::{Health, Reconnect};
use facility_config::DeviceIx;
use facility_config::limits::{MODBUS_HEALTH_MS, MODBUS_UNANSWERED_MAX};
use facility_config::site::{Bus, HostPort, Transport};
use port::Port;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use unit::{Member, Outcome};

pub(crate) use frame::{crc_is_right, crc16};
pub use inquiry::{Inquiry, NoAnswer};
pub use reception::{Arrivals, Reception};
pub use registers::commission;
pub use tap::Tap;
pub use unit::{Speech, Unit};

/// What was learned about devices: addresses they refuse, how much they answer at once.
pub type Notes = BTreeMap<DeviceIx, Learned>;

/// A bus and the devices on it.
#[derive(Debug, Clone)]
pub struct BusTask {
    /// How it is connected.
    pub bus: Bus,
    /// Who is on it.
    pub units: Vec<Unit>,
    /// Where readings go; waited for while full.
    pub out: mpsc::Sender<Batch>,
    /// State of the connection, for the status page.
    pub link: watch::Sender<Link>,
    /// What is known about its devices; changed when something is learned.
    pub notes: watch::Sender<Notes>,
    /// Shows every frame to whoever watches.
    pub tap: Tap,
    /// Where its DTU arrives, if it is one that connects to the gateway.
    pub arrivals: Option<Arrivals>,
    /// Time stamps and schedules. Limits on I/O are in real time.
    pub clock: Clock,
    /// Ends the task.
    pub stop: CancellationToken,
    /// Spreads the waits between attempts to connect.
    pub seed: u64,
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
    notes: watch::Sender<Notes>,
    tap: Tap,
    arrivals: Option<Arrivals>,
    clock: Clock,
    port: Option<Port>,
    /// Closed because there was nothing to ask: opened again when there is.
    resting: bool,
    reconnect: Reconnect,
    /// What the link shows, or will after [`Driver::changed`].
    shown: Link,
    health_due_ms: i64,
    unanswered: u32,
    /// Who was asked last.
    asked: usize,
    busy: Duration,
    busy_since: Instant,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Wait(i64),
    Connect,
    Step(usize),
    Health,
}

/// The readers of the batches are gone; only the end is left to wait for.
struct NobodyListens;

impl Driver {
    fn new(task: BusTask) -> Self {
        let now_ms = task.clock.mono_ms();
        let shown = task.link.borrow().clone();
        let known = task.notes.borrow().clone();
        let learned = |unit: &Unit| known.get(&unit.device).cloned().unwrap_or_default();
        let members = task.units.into_iter().map(|unit| {
            let learned = learned(&unit);
            Member::new(unit, &task.bus, learned, &task.clock)
        });
        let members = members.collect();
        let mut driver = Self {
            bus: task.bus,
            members,
            out: task.out,
            link: task.link,
            notes: task.notes,
            tap: task.tap,
            arrivals: task.arrivals,
            clock: task.clock,
            port: None,
            resting: false,
            reconnect: Reconnect::new(now_ms, task.seed),
            shown,
            health_due_ms: now_ms,
            unanswered: 0,
            asked: 0,
            busy: Duration::ZERO,
            busy_since: Instant::now(),
        };
        driver.health_due_ms = driver.health_after(now_ms);
        driver
    }

    async fn serve(&mut self) {
        loop {
            let now_ms = self.clock.mono_ms();
            let done = match self.next(now_ms) {
                Next::Wait(until_ms) => {
                    self.wait(until_ms.saturating_sub(now_ms)).await;
                    Ok(())
                }
                Next::Connect => {
                    self.connect().await;
                    Ok(())
                }
                Next::Step(at) => self.step(at).await,
                Next::Health => self.report_health().await,
            };
            if let Err(NobodyListens) = done {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Health before questions, so that a full bus cannot keep it back; then the earliest deadline among those who want
    /// the line now.
    fn next(&self, now_ms: i64) -> Next {
        if self.health_due_ms <= now_ms {
            return Next::Health;
        }
        let units = self.members.len();
        let (mut soonest_ms, mut first) = (self.health_due_ms, None);
        for (at, member) in self.members.iter().enumerate() {
            let (ready_ms, deadline_ms) = member.wants(units);
            if ready_ms > now_ms {
                soonest_ms = soonest_ms.min(ready_ms);
            } else if first.is_none_or(|(earliest_ms, _)| deadline_ms < earliest_ms) {
                first = Some((deadline_ms, at));
            }
        }
        match (&self.port, first) {
            (Some(_), Some((_, at))) => Next::Step(at),
            (Some(_), None) => Next::Wait(soonest_ms),
            (None, None) if self.resting => Next::Wait(soonest_ms),
            (None, _) if self.reconnect.due_ms() <= now_ms => Next::Connect,
            (None, _) => Next::Wait(self.reconnect.due_ms().min(self.health_due_ms)),
        }
    }

    /// Sleeps; a TCP connection that has carried nothing for long is closed meanwhile.
    async fn wait(&mut self, wait_ms: i64) {
        let until = Instant::now() + Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        let close_at = self.port.as_ref().zip(self.bus.idle_close).map(|(port, idle)| port.idle_since() + idle);
        match close_at.filter(|close_at| *close_at < until) {
            Some(close_at) => {
                tokio::time::sleep_until(close_at).await;
                self.port = None;
                self.resting = true;
                self.reconnect.closed(self.clock.mono_ms());
            }
            None => tokio::time::sleep_until(until).await,
        }
    }

    /// Opens the connection; where a DTU is to connect, waits for it until the next report.
    async fn connect(&mut self) {
        self.unanswered = 0;
        self.resting = false;
        let until_health_ms = self.health_due_ms.saturating_sub(self.clock.mono_ms()).max(1);
        let patience = Duration::from_millis(u64::try_from(until_health_ms).unwrap_or(1));
        let opening = open::open(&self.bus.transport, self.arrivals.as_ref());
        let opened = match &self.bus.transport {
            Transport::Listen { .. } => match tokio::time::timeout(patience, opening).await {
                Ok(opened) => opened,
                Err(_) => return,
            },
            Transport::Dial { .. } | Transport::Serial(_) => opening.await,
        };
        match opened {
            Ok(opened) => {
                let by_backup = opened.by_backup.then(|| "connected through the backup address".to_owned());
                self.port = Some(Port::new(opened, &self.bus, self.tap.clone()));
                self.shown.connects = self.shown.connects.saturating_add(1);
                self.show(LinkState::Up, by_backup);
                tokio::time::sleep(self.bus.connect_delay).await;
            }
            Err(error) => self.lost(&error),
        }
    }

    async fn step(&mut self, at: usize) -> Result<(), NobodyListens> {
        let units = self.members.len();
        if self.arrivals.as_ref().is_some_and(Arrivals::waiting) {
            // The DTU has connected anew: the old connection is one the network forgot to close.
            self.port = None;
            self.reconnect.closed(self.clock.mono_ms());
            return Ok(());
        }
        let Some(port) = &mut self.port else { return Ok(()) };
        let mut faults = Vec::new();
        let ready = port.ready(&mut faults).await;
        // What comes unasked is most likely from whom was asked last.
        if let Some(last) = self.members.get_mut(std::mem::replace(&mut self.asked, at)) {
            last.overheard(&faults);
        }
        if let Err(error) = ready {
            if self.reconnect.is_proven() {
                // Closed while nothing was asked, after it had served: no fault, it is opened again.
                tracing::debug!(bus = %self.bus.name, %error, "the connection is opened again");
                self.port = None;
                self.reconnect.lost(self.clock.mono_ms());
            } else {
                self.lost(&error);
            }
            return Ok(());
        }
        let Some(member) = self.members.get_mut(at) else { return Ok(()) };
        let (before, began) = (member.session.health(), Instant::now());
        let mut outcome = member.step(port, units, &self.clock).await;
        self.busy += began.elapsed();
        let after = member.session.health();
        if (before == Health::Offline) != (after == Health::Offline) {
            let (device, unit) = (member.device().0, member.unit.unit);
            tracing::info!(bus = %self.bus.name, device, unit, health = ?after, "unit answers again or was given up");
        }
        if outcome.learned {
            self.note(at);
        }
        outcome.faults.append(&mut faults);
        self.judge(&outcome);
        match outcome.batch {
            Some(batch) => self.out.send(batch).await.map_err(|_| NobodyListens),
            None => Ok(()),
        }
    }

    /// Counts what went wrong and decides whether the connection can stay.
    fn judge(&mut self, outcome: &Outcome) {
        for fault in &outcome.faults {
            self.count(*fault);
        }
        if outcome.answered {
            self.reconnect.proven();
        }
        self.unanswered = if outcome.answered { 0 } else { self.unanswered.saturating_add(u32::from(outcome.silent)) };
        let half_open = self.port.as_ref().is_some_and(Port::may_be_half_open) && self.unanswered >= MODBUS_UNANSWERED_MAX;
        if let Some(error) = &outcome.lost {
            self.lost(error);
        } else if half_open {
            // Not a fault of the line: the timeouts are counted already.
            self.port = None;
            self.reconnect.lost(self.clock.mono_ms());
        }
        self.changed(!outcome.faults.is_empty());
    }

    /// Keeps what a unit has learned.
    fn note(&self, at: usize) {
        let Some(member) = self.members.get(at) else { return };
        let (device, learned) = (member.device(), member.learned().cloned().unwrap_or_default());
        tracing::info!(bus = %self.bus.name, unit = member.unit.unit, refused = learned.refused.len(), "learned what the unit refuses");
        self.notes.send_modify(|notes| {
            notes.insert(device, learned);
        });
    }

    async fn report_health(&mut self) -> Result<(), NobodyListens> {
        self.health_due_ms = self.health_after(self.clock.mono_ms());
        let span = self.busy_since.elapsed().max(Duration::from_millis(1));
        let busy = (self.busy.as_secs_f64() / span.as_secs_f64()).min(1.0);
        (self.busy, self.busy_since) = (Duration::ZERO, Instant::now());
        let mut late_units = 0;
        for member in &mut self.members {
            let (batch, late) = member.health(&self.clock);
            late_units += usize::from(late);
            self.out.send(batch).await.map_err(|_| NobodyListens)?;
        }
        self.shown.load = Some(Load { busy, late_units });
        self.changed(true);
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
        Transport::Dial { address: HostPort { host, port }, .. } => {
            format!("{host}:{port}: {error}; check power, cable and address, and that nothing else holds its only connection")
        }
        Transport::Listen { address, .. } => format!("{address}: {error}; check the DTU's power, SIM and server address"),
        Transport::Serial(line) if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("{}: {error}; let the gateway's user read and write it (group dialout)", line.path.display())
        }
        Transport::Serial(line) if error.kind() == io::ErrorKind::WouldBlock => format!("{}: {error}", line.path.display()),
        Transport::Serial(line) => {
            format!("{}: {error}; check that the adapter is plugged in and that the path is under /dev/serial/by-id", line.path.display())
        }
    }
}

#[cfg(test)]
mod tests;
