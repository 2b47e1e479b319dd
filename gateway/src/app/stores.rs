//! The two stores as this gateway opens them: how much each may hold, what gives way then, and who reads it.
//!
//! Decides nothing while they run. Both lie on one file system.

use crate::store::{self, Destination, OpenError, Opened, Options, Overflow, RealDisk, Sink};
use facility_config::limits::BROKER_WINDOW_DEFAULT;
use facility_config::site::Forward;
use facility_config::{Device, Site};
use facility_drivers::Clock;

/// Opens readings and outbox.
pub(super) fn open(site: &Site, clock: &Clock) -> Result<[Opened; 2], OpenError> {
    let [readings, outbox] = options(site);
    Ok([opened(readings, clock)?, opened(outbox, clock)?])
}

fn options(site: &Site) -> [Options; 2] {
    let (settings, window) = (&site.store, site.brokers.iter().map(|broker| broker.window).min().unwrap_or(BROKER_WINDOW_DEFAULT));
    let destinations = site.forward.iter().map(|forward| Destination { name: forward.name.clone(), start_now: forward.start_now });
    let readings = Options {
        dir: settings.dir.join("readings"),
        name: "readings",
        commit_delay: settings.commit_delay,
        bytes_max: settings.readings_bytes_max,
        overflow: settings.overflow,
        free_bytes_min: settings.free_bytes_min,
        early_acks: usize::from(window / 2).max(1),
        origins: site.devices.iter().map(|device| tags_of(site, device)).collect(),
        // A reader that is not there would hold back the oldest readings for ever.
        sinks: std::iter::once(Sink::Aggregate).chain(readers(site, takes_readings)).collect(),
        destinations: destinations.collect(),
    };
    let outbox = Options {
        dir: settings.dir.join("outbox"),
        name: "outbox",
        bytes_max: settings.outbox_bytes_max,
        // Metrics and events are few and worth most: they are neither thinned out nor held back, and their floor is the
        // lower one, so that the readings have long given way to a filling disk before these must.
        overflow: Overflow::DropOldest,
        free_bytes_min: settings.free_bytes_min / 2,
        sinks: kept_for(readers(site, Forward::takes_outbox).collect()),
        ..readings.clone()
    };
    [readings, outbox]
}

/// Without a destination that takes them, metrics and events are kept for the one that will come.
fn kept_for(readers: Vec<Sink>) -> Vec<Sink> {
    if readers.is_empty() { vec![Sink::Forward] } else { readers }
}

/// The destinations that read a store.
pub(crate) fn readers(site: &Site, takes: fn(&Forward) -> bool) -> impl Iterator<Item = Sink> {
    site.forward.iter().zip(Sink::DESTINATIONS).filter(move |(forward, _)| takes(forward)).map(|(_, sink)| sink)
}

/// Whether a destination reads the readings log.
pub(crate) fn takes_readings(forward: &Forward) -> bool {
    forward.raw.is_some()
}

fn opened(options: Options, clock: &Clock) -> Result<Opened, OpenError> {
    let opened = store::open(options, clock.clone(), RealDisk)?;
    if let Some(newest_ms) = opened.recovery.newest_at_ms {
        clock.raise_floor(newest_ms);
    }
    Ok(opened)
}

/// Tag set of a device, sorted by key; kept with every point it ever records.
pub(crate) fn tags_of(site: &Site, device: &Device) -> String {
    let gateway = &site.gateway;
    let tags = [
        ("device_id", &*device.id),
        ("district", &*gateway.district),
        ("gw_id", &*gateway.id),
        ("kind", device.kind.as_str()),
        ("site_id", &*gateway.site),
    ];
    crate::forward::line::tags(tags)
}

#[cfg(test)]
mod tests;
