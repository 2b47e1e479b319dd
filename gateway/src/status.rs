//! What the gateway shows of itself: one plain snapshot, published about once a second.
//!
//! The app fills it from what the parts already publish; the API, the page and `/metrics` only read it. It holds no
//! credential, no payload and no field a profile did not allow. Bounded by the site: one entry per declared device,
//! link, store, known part and active alarm; and by what a broker's task keeps of strangers and dropped places.

mod device;
mod heard;
mod link;
mod rates;
pub(crate) mod reason;
mod store;
mod wear;

pub(crate) use device::shown;
pub use device::{ActiveAlarm, DeviceInfo, MissingInfo, ValueInfo};
pub use heard::{DroppedInfo, StrangerInfo};
pub use link::{LinkInfo, LinkKind, link_state_name};
pub use rates::{Rate, Rates, Totals};
pub use store::StoreInfo;
pub use wear::WearInfo;

use crate::forward::month::BudgetInfo;
use crate::forward::replay::ReplayInfo;
use crate::forward::shown::BacklogInfo;
use crate::health::{self, Condition};
use crate::ledger::{Account, Books};
use crate::letters::LettersInfo;
use crate::telemetry::{Delivery, Intake};
use facility_config::site;
use facility_drivers::Clock;
use serde::Serialize;
use std::collections::BTreeMap;

/// The snapshot.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Who, where, since when.
    pub gateway: GatewayInfo,
    /// How fast.
    pub rates: Rate,
    /// The account: messages, readings, metrics.
    pub accounts: [Account; 3],
    /// Times taken from the gateway because the device's clock was wrong, by reason; the readings were kept.
    pub corrected: BTreeMap<&'static str, u64>,
    /// The sending side, by destination; empty if none is configured.
    pub forward: Vec<ForwardInfo>,
    /// Logs on flash.
    pub stores: Vec<StoreInfo>,
    /// The card they are on.
    pub wear: WearInfo,
    /// Brokers, buses and the database.
    pub links: Vec<LinkInfo>,
    /// Devices, by id, without the gateway itself.
    pub devices: Vec<DeviceInfo>,
    /// Alarms that are raised or on their way to it.
    pub alarms: Vec<ActiveAlarm>,
    /// Devices that nobody declared, by broker and id.
    pub strangers: Vec<StrangerInfo>,
    /// Places in payloads whose values are dropped, by broker, the most recent first.
    pub dropped: Vec<DroppedInfo>,
    /// Messages that could not be decoded and are kept.
    pub letters: LettersInfo,
    /// What is wrong with the gateway and its connections, worst first; see [`Status::judged`].
    pub conditions: Vec<Condition>,
}

/// Who and where the gateway is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct GatewayInfo {
    /// `gw_id`.
    pub id: String,
    /// `site_id`.
    pub site: String,
    /// GB/T 2260 code or `FZ-GX`.
    pub district: String,
    /// Its Chinese name; empty if the code is not one of Fuzhou's.
    pub district_name: &'static str,
    /// 社区.
    pub community: Option<String>,
    /// Version of this program.
    pub version: &'static str,
    /// Start of the process, Unix ms, by today's clock.
    pub started_ms: i64,
    /// When the snapshot was taken, Unix ms.
    pub now_ms: i64,
    /// The same on the clock that never steps; the API tells the snapshot's age by it.
    pub mono_ms: i64,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Whether `now_ms` can be believed.
    pub clock_set: bool,
}

/// What was done for one destination, since start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ForwardInfo {
    /// Key in the configuration.
    pub name: String,
    /// Write requests sent.
    pub requests: u64,
    /// Requests that had to be repeated.
    pub retries: u64,
    /// Lines the destination took.
    pub lines: u64,
    /// Points the destination took.
    pub points: u64,
    /// Points it refused for good.
    pub dead_lettered: u64,
    /// Bytes of request bodies, compressed.
    pub wire_bytes: u64,
    /// What is behind, while something is.
    pub backlog: Option<BacklogInfo>,
    /// What is sent again by order.
    pub replay: Option<ReplayInfo>,
    /// How the month's budget stands, if there is one.
    pub budget: Option<BudgetInfo>,
    /// The destination of higher priority that it lets go first now.
    pub waits_for: Option<String>,
    /// Its account: metrics, readings, whichever it gets.
    pub accounts: Vec<Account>,
}

impl Status {
    /// A gateway that has not looked around yet.
    #[must_use]
    pub fn starting(gateway: GatewayInfo) -> Self {
        let empty = Books::default();
        Self {
            gateway,
            rates: Rate::default(),
            accounts: crate::ledger::accounts(&Intake::default(), &empty, &empty),
            corrected: BTreeMap::new(),
            forward: Vec::new(),
            stores: Vec::new(),
            wear: WearInfo::default(),
            links: Vec::new(),
            devices: Vec::new(),
            alarms: Vec::new(),
            strangers: Vec::new(),
            dropped: Vec::new(),
            letters: LettersInfo::default(),
            conditions: Vec::new(),
        }
    }

    /// The same with `conditions` filled in; the last thing to do before publishing.
    #[must_use]
    pub fn judged(mut self) -> Self {
        self.conditions = health::conditions(&self);
        self
    }

    /// A device by its id.
    #[must_use]
    pub fn device(&self, id: &str) -> Option<&DeviceInfo> {
        self.devices.iter().find(|device| device.id == id)
    }

    /// Alarms whose delay is over and that are not held back.
    pub fn raised(&self) -> impl Iterator<Item = &ActiveAlarm> {
        self.alarms.iter().filter(|alarm| alarm.is_told())
    }
}

impl GatewayInfo {
    /// This gateway at this moment.
    #[must_use]
    pub fn new(gateway: &site::Gateway, clock: &Clock) -> Self {
        let (now_ms, mono_ms) = (clock.now_ms(), clock.mono_ms());
        Self {
            id: gateway.id.to_string(),
            site: gateway.site.to_string(),
            district: gateway.district.to_string(),
            district_name: facility_config::place::district_name(&gateway.district).unwrap_or_default(),
            community: gateway.community.as_deref().map(str::to_owned),
            version: env!("CARGO_PKG_VERSION"),
            started_ms: now_ms.saturating_sub(mono_ms),
            now_ms,
            mono_ms,
            uptime_s: u64::try_from(mono_ms / 1000).unwrap_or(0),
            clock_set: clock.is_set(),
        }
    }
}

impl ForwardInfo {
    /// The forwarder's counters now, what it is at by a running time, and its account.
    #[must_use]
    pub fn of(name: &str, delivery: &Delivery, accounts: Vec<Account>, up_ms: i64) -> Self {
        let shown = *delivery.shown.borrow();
        Self {
            name: name.to_owned(),
            requests: delivery.requests.get(),
            retries: delivery.retries.get(),
            lines: delivery.lines.get(),
            points: delivery.points.get(),
            dead_lettered: delivery.dead_lettered.get(),
            wire_bytes: delivery.wire_bytes.get(),
            backlog: shown.drain.map(|drain| drain.info(up_ms)),
            replay: shown.replay,
            budget: shown.budget,
            waits_for: None,
            accounts,
        }
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
