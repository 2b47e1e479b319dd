//! What people and links tell the alarms, besides the readings of devices.

use facility_config::alarm::RuleKind;
use facility_config::limits::PART_BYTES_MAX;
use facility_config::{DeviceIx, Part, Site, Source};

/// What an operator wants of an alarm. `part` is its lane, compartment, probe or phase; the whole device stands for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Somebody has seen it: it is not told again, and one that is latched may clear.
    Acknowledge {
        /// Whose.
        device: DeviceIx,
        /// Which.
        rule: RuleKind,
        /// Of which part.
        part: Part,
    },
    /// It is not told until a moment, Unix ms.
    Shelve {
        /// Whose.
        device: DeviceIx,
        /// Which.
        rule: RuleKind,
        /// Of which part.
        part: Part,
        /// Until when, Unix ms.
        until_ms: i64,
    },
    /// It is told again.
    Unshelve {
        /// Whose.
        device: DeviceIx,
        /// Which.
        rule: RuleKind,
        /// Of which part.
        part: Part,
    },
    /// Somebody works at the device: nothing of it is told until a moment, Unix ms; `None` ends it.
    Maintenance {
        /// Whose.
        device: DeviceIx,
        /// Until when, Unix ms.
        until_ms: Option<i64>,
    },
}

impl Command {
    /// Whose alarms it is about.
    #[must_use]
    pub fn device(&self) -> DeviceIx {
        match *self {
            Self::Acknowledge { device, .. }
            | Self::Shelve { device, .. }
            | Self::Unshelve { device, .. }
            | Self::Maintenance { device, .. } => device,
        }
    }

    /// The same in another time.
    pub(super) fn map_until(self, map: impl Fn(i64) -> i64) -> Self {
        match self {
            Self::Shelve { device, rule, part, until_ms } => Self::Shelve { device, rule, part, until_ms: map(until_ms) },
            Self::Maintenance { device, until_ms } => Self::Maintenance { device, until_ms: until_ms.map(map) },
            Self::Acknowledge { .. } | Self::Unshelve { .. } => self,
        }
    }
}

/// What devices are reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkId {
    /// Index in [`Site::brokers`].
    Broker(usize),
    /// Index in [`Site::buses`].
    Bus(usize),
}

impl LinkId {
    /// Every link of a site.
    pub(super) fn all(site: &Site) -> impl Iterator<Item = Self> {
        (0..site.brokers.len()).map(Self::Broker).chain((0..site.buses.len()).map(Self::Bus))
    }

    /// The link of that name in the log, unless it is declared no more.
    pub(super) fn named(site: &Site, part: Part) -> Option<Self> {
        Self::all(site).find(|link| link.part(site) == part)
    }

    /// Whether a device hangs on it.
    pub(super) fn has(self, source: &Source) -> bool {
        Self::of(source) == Some(self)
    }

    /// The link a device hangs on; the gateway hangs on none.
    pub(super) fn of(source: &Source) -> Option<Self> {
        match source {
            Source::Mqtt { broker, .. } => Some(Self::Broker(*broker)),
            Source::Bus { bus, .. } => Some(Self::Bus(*bus)),
            Source::Gateway => None,
        }
    }

    /// Its name as the part of `link.up` in the log: `broker_NAME`, `bus_NAME`, cut to what a part can hold.
    #[must_use]
    pub fn part(self, site: &Site) -> Part {
        let (kind, name) = match self {
            Self::Broker(at) => ("broker", site.brokers.get(at).map(|broker| &*broker.name)),
            Self::Bus(at) => ("bus", site.buses.get(at).map(|bus| &*bus.name)),
        };
        let name = format!("{kind}_{}", name.unwrap_or_default());
        let ends = (0..=name.len().min(PART_BYTES_MAX)).rev();
        ends.filter_map(|end| name.get(..end)).find_map(Part::new).unwrap_or_default()
    }
}
