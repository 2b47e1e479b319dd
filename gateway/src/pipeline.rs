//! The one place every batch passes: time, duplicates, alarms, the table of newest values, then the store.
//!
//! Owns the state it changes; nobody else writes it. Never decodes, never waits for the network. When the store takes
//! nothing, this waits, the queue behind it fills, and the brokers keep their messages.
//!
//! What alarms tell goes into the readings log in the same append as its cause, and from there into the outbox like every
//! event, under the roll-up's mark. So the log is what a restart rebuilds them from (`pipeline/recall.rs`), and each of their
//! events is told exactly once.

mod keep;
mod links;
mod recall;
mod refusals;

pub use keep::SNAPSHOT;

use crate::admit::{Admission, is_message};
use crate::alarm::{Engine, LinkId, STEP_MS_MIN};
use crate::latest::Latest;
use crate::operator::Order;
use crate::parcels::Parcels;
use crate::status::WearInfo;
use crate::store::{Append, Store, StoreClosed};
use crate::telemetry::{Count, Delivery, Telemetry};
use facility_config::limits::BATCHES_PER_APPEND_MAX;
use facility_config::{DeviceIx, Point, Site};
use facility_drivers::{Batch, Clock, Link, Subject, Value};
use keep::Keeper;
use links::Links;
use refusals::Refusals;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How often alarms are looked at and the picture is published, real time.
const TICK: Duration = Duration::from_millis(500);
/// Longest time without a heartbeat in the log; windows close by the log's own time.
const HEARTBEAT_MS_MAX: i64 = 60_000;

/// What the status page shows of the pipeline's state, published every [`TICK`].
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// When, Unix ms.
    pub now_ms: i64,
    /// Newest values.
    pub devices: Vec<crate::latest::DeviceLatest>,
    /// Alarms that stand.
    pub alarms: Vec<crate::alarm::Active>,
}

/// The task.
pub struct Pipeline {
    site: Arc<Site>,
    clock: Clock,
    telemetry: Arc<Telemetry>,
    deliveries: Vec<Arc<Delivery>>,
    queue: mpsc::Receiver<Batch>,
    orders: mpsc::Receiver<Order>,
    links: Links,
    readings: Store,
    picture: watch::Sender<Arc<Picture>>,
    wear: watch::Receiver<WearInfo>,
    stop: CancellationToken,
    latest: Latest,
    parcels: Parcels,
    alarms: Engine,
    keeper: Keeper,
    refusals: Refusals,
    heartbeat_ms: i64,
    /// What the clock said at the start of its own time, when it was looked at last.
    base_ms: Option<i64>,
}

/// What a pipeline is made of.
pub struct Parts {
    /// What is declared.
    pub site: Arc<Site>,
    /// Time.
    pub clock: Clock,
    /// What is counted.
    pub telemetry: Arc<Telemetry>,
    /// What became of requests to each destination.
    pub deliveries: Vec<Arc<Delivery>>,
    /// Batches from all drivers.
    pub queue: mpsc::Receiver<Batch>,
    /// What operators want.
    pub orders: mpsc::Receiver<Order>,
    /// What devices are reached by.
    pub links: Vec<(LinkId, watch::Receiver<Link>)>,
    /// Where readings and alarms go.
    pub readings: Store,
    /// Cache of the alarms, [`SNAPSHOT`] in the store's directory.
    pub snapshot: PathBuf,
    /// Where the picture is published.
    pub picture: watch::Sender<Arc<Picture>>,
    /// The card the stores are on, for the gateway's own reading.
    pub wear: watch::Receiver<WearInfo>,
    /// Ends the task after the queue is empty.
    pub stop: CancellationToken,
}

impl Pipeline {
    /// A pipeline that has seen nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { site, clock, telemetry, deliveries, queue, orders, links, readings, snapshot, picture, wear, stop } = parts;
        Self {
            latest: Latest::new(&site),
            parcels: Parcels::default(),
            alarms: Engine::new(site.clone()),
            keeper: Keeper::new(snapshot),
            refusals: Refusals::default(),
            links: Links::new(links),
            heartbeat_ms: 0,
            base_ms: None,
            site,
            clock,
            telemetry,
            deliveries,
            queue,
            orders,
            readings,
            picture,
            wear,
            stop,
        }
    }

    /// Runs until stopped and the queue is empty, or until a store has ended.
    pub async fn run(mut self) {
        if let Err(error) = self.follow().await {
            tracing::error!(%error, "GW-P001 the pipeline cannot go on");
        }
    }

    async fn follow(&mut self) -> Result<(), StoreClosed> {
        self.warm_up().await?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let stop = self.stop.clone();
        let mut batches = Vec::with_capacity(BATCHES_PER_APPEND_MAX);
        loop {
            tokio::select! {
                taken = self.queue.recv_many(&mut batches, BATCHES_PER_APPEND_MAX) => {
                    if taken == 0 {
                        // Every driver has ended, which they do when the gateway stops: our turn comes.
                        stop.cancelled().await;
                        break;
                    }
                    self.take(std::mem::replace(&mut batches, Vec::with_capacity(BATCHES_PER_APPEND_MAX))).await?;
                }
                // Those still queued at the end are read again by the next start.
                Some(order) = self.orders.recv() => self.obey(order).await?,
                _ = tick.tick() => self.on_tick().await?,
                () = stop.cancelled() => break,
            }
        }
        while let Ok(batch) = self.queue.try_recv() {
            self.take(vec![batch]).await?;
        }
        self.on_tick().await?;
        self.keep_at_the_end().await;
        Ok(())
    }

    async fn take(&mut self, mut batches: Vec<Batch>) -> Result<(), StoreClosed> {
        let now_ms = self.clock.now_ms();
        let clock_is_set = self.clock.is_set();
        let mut events = Vec::new();
        if self.clock_was_set_forward(now_ms) {
            batches.splice(0..0, self.beat(now_ms));
        }
        for batch in &mut batches {
            self.refusals.note(batch);
            let (latest, parcels, intake) = (&mut self.latest, &mut self.parcels, &self.telemetry.intake);
            Admission { site: &self.site, latest, parcels, intake, clock_is_set }.admit(batch);
            // Asked twice: the reading that begins an excursion belongs to it, and so does the one that ends it.
            let was_uneasy = self.is_uneasy(batch);
            events.extend(self.alarms.observe(batch, now_ms));
            batch.keep |= was_uneasy || self.is_uneasy(batch);
            self.latest.observe(batch, now_ms);
        }
        let accepted = batches.iter().filter(|batch| is_message(batch) && batch.refused.is_none()).count();
        // Before the wait: whoever looks at the account meanwhile finds both of its sides.
        self.telemetry.intake.accepted.add(accepted as u64);
        self.enter(events, batches).await
    }

    /// What time it is, for what has no message: a clock that was set forward is told first.
    async fn now_ms(&mut self) -> Result<i64, StoreClosed> {
        let now_ms = self.clock.now_ms();
        if self.clock_was_set_forward(now_ms) {
            let heartbeat = self.beat(now_ms);
            self.take(heartbeat).await?;
        }
        Ok(now_ms)
    }

    /// Whether the clock was set forward since it was looked at last. A heartbeat then has to say so in the log before
    /// anything is judged by the new time.
    fn clock_was_set_forward(&mut self, now_ms: i64) -> bool {
        let base_ms = now_ms - self.clock.up_ms();
        let before_ms = self.base_ms.replace(base_ms);
        // A heartbeat says whole seconds.
        before_ms.is_some_and(|before_ms| base_ms - before_ms > STEP_MS_MIN + 1000)
    }

    fn is_uneasy(&self, batch: &Batch) -> bool {
        batch.device.is_some_and(|device| self.alarms.is_uneasy(device))
    }

    /// Puts events of our own into the log, behind what caused them and in the same append: a log that ends between the two all
    /// the same has a cause whose alarm is raised by the first look after the restart.
    async fn enter(&self, mut events: Vec<Batch>, mut caused_by: Vec<Batch>) -> Result<(), StoreClosed> {
        let (intake, provisional) = (&self.telemetry.intake, !self.clock.is_set());
        events.iter_mut().for_each(|event| event.provisional = provisional);
        let points = events.iter().map(|event| event.readings.len() as u64).sum();
        intake.readings.add(points);
        intake.stored.add(points);
        caused_by.append(&mut events);
        self.readings.append(Append { batches: caused_by, mark: None }).await
    }

    /// Does what an operator wants. Whoever waits for it is told at once whether it changed anything, and by the
    /// acknowledgement when that is durable.
    async fn obey(&mut self, order: Order) -> Result<(), StoreClosed> {
        let now_ms = self.now_ms().await?;
        let mut events = self.alarms.command(&order.command, now_ms);
        // The asker may have gone; what was asked for is done all the same.
        let _ = order.taken.send(!events.is_empty());
        let Some(last) = events.last_mut() else { return Ok(()) };
        last.ack = Some(order.durable);
        self.enter(events, Vec::new()).await
    }

    async fn on_tick(&mut self) -> Result<(), StoreClosed> {
        let now_ms = self.now_ms().await?;
        let mut events = Vec::new();
        for (link, is_up) in self.links.changed() {
            events.extend(self.alarms.link(link, is_up, now_ms));
        }
        events.extend(self.alarms.tick(now_ms));
        if !events.is_empty() {
            self.enter(events, Vec::new()).await?;
        }
        let every_ms = HEARTBEAT_MS_MAX.min(self.site.window.as_millis() as i64 / 5);
        if (now_ms - self.heartbeat_ms).abs() >= every_ms {
            let heartbeat = self.beat(now_ms);
            self.take(heartbeat).await?;
        }
        self.keep();
        let picture = Picture { now_ms, devices: self.latest.snapshot(), alarms: self.alarms.active() };
        self.picture.send_replace(Arc::new(picture));
        Ok(())
    }

    /// A heartbeat that is logged now, behind what was refused before it: two of one moment would say different things of it.
    fn beat(&mut self, now_ms: i64) -> Vec<Batch> {
        self.heartbeat_ms = now_ms;
        let mut told = self.refusals.tell();
        told.push(self.heartbeat(now_ms));
        told
    }

    /// The gateway's own reading: carries the log's time forward when every device is silent.
    fn heartbeat(&self, now_ms: i64) -> Batch {
        let intake = &self.telemetry.intake;
        let mut batch = Batch::new(DeviceIx::GATEWAY, Subject::Health, now_ms);
        let count = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        batch.push(Point::GatewayUptime, Value::Int(self.clock.up_ms() / 1000));
        batch.push(Point::GatewayMessages, count(intake.messages.get()));
        batch.push(Point::GatewayReadings, count(intake.readings.get()));
        batch.push(Point::GatewayDropped, count(intake.dropped.lost()));
        if !self.deliveries.is_empty() {
            let all = |of: fn(&Delivery) -> &Count| self.deliveries.iter().map(|delivery| of(delivery).get()).sum();
            batch.push(Point::GatewayUplinkRequests, count(all(|delivery| &delivery.requests)));
            batch.push(Point::GatewayUplinkFailed, count(all(|delivery| &delivery.retries)));
        }
        if let Some(usage) = crate::process::usage() {
            batch.push(Point::GatewayRss, count(usage.rss_bytes));
        }
        let wear = self.wear.borrow();
        if let Some(bytes) = wear.written_bytes_per_day {
            batch.push(Point::GatewayCardWritten, count(bytes));
        }
        if let Some(used) = wear.life_used {
            batch.push(Point::GatewayCardLifeUsed, Value::Float(f64::from(used.from_pct)));
        }
        batch
    }
}

#[cfg(test)]
#[path = "pipeline/heartbeat_tests.rs"]
mod heartbeat_tests;
#[cfg(test)]
#[path = "pipeline/restart_tests.rs"]
mod restart_tests;
#[cfg(test)]
mod tests;
