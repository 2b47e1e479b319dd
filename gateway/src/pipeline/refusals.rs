//! Messages of each device that were refused as a whole, for the log: without them it could only say that the device was silent.
//!
//! Counted here, told with the next heartbeat, before it. Says how many and when the newest came, never what was in them.
//! Bounded by the devices of the site.

use facility_config::{DeviceIx, Point};
use facility_drivers::{Batch, Fault, Subject, Value};
use std::collections::BTreeMap;

/// What was refused since the last heartbeat, by device: how many, and when the newest came, Unix ms.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<DeviceIx, (i64, i64)>);

impl Refusals {
    /// Takes a batch as it came in. A retained message is an old one, and so is one that is durable here: the broker sends
    /// them, not the device.
    pub(super) fn note(&mut self, batch: &Batch) {
        if let (Some(device), Some(fault)) = (batch.device, batch.refused)
            && !matches!(fault, Fault::Retained | Fault::Duplicate)
        {
            let (count, newest_ms) = self.0.entry(device).or_insert((0, batch.at_ms));
            *count += 1;
            *newest_ms = batch.at_ms.max(*newest_ms);
        }
    }

    /// Tells them, and begins anew.
    pub(super) fn tell(&mut self) -> Vec<Batch> {
        let told = |(device, (count, newest_ms))| {
            let mut batch = Batch::new(device, Subject::Health, newest_ms);
            batch.push(Point::HealthRefused, Value::Int(count));
            batch
        };
        std::mem::take(&mut self.0).into_iter().map(told).collect()
    }
}
