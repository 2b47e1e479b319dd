//! Sends the hash of each chain's newest record once a day, so that whoever rewrites a gateway's log, or cuts its end off,
//! is found out by the database.
//!
//! At least once: a batch follows from the chain alone, so one that is sent again after a crash is the same to the last
//! byte and the database overwrites it.

use super::chain::Tail;
use crate::store::{Append, Store, StoreClosed};
use crate::telemetry::Telemetry;
use facility_config::limits::STORE_RETRY_MS;
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Ack, Batch, Metric, Subject, Value};
use std::time::Duration;
use tokio::sync::mpsc;

/// What a chain's end says, stamped with the end of the day.
pub(super) fn head(device: DeviceIx, day_end_ms: i64, tail: &Tail) -> Batch {
    let part = Part::new("head").unwrap_or_default();
    let mut batch = Batch::new(device, Subject::Event, day_end_ms);
    batch.push(Metric { point: Point::ColdChainHead, part }, Value::Text(tail.hash.as_str().into()));
    batch.push(Metric { point: Point::ColdChainRecords, part }, Value::Int(i64::try_from(tail.n).unwrap_or(i64::MAX)));
    batch
}

/// Puts batches into the outbox and returns when they are durable.
pub(super) async fn send(outbox: &Store, telemetry: &Telemetry, heads: Vec<Batch>) -> Result<(), StoreClosed> {
    for head in heads {
        telemetry.intake.produced.add(head.readings.len() as u64);
        loop {
            let (to, mut released) = mpsc::channel(1);
            let mut batch = Batch::new(head.device.unwrap_or(DeviceIx::GATEWAY), head.subject, head.at_ms);
            batch.readings.clone_from(&head.readings);
            batch.ack = Some(Ack::new(to, 0, 0));
            outbox.append(Append { batches: vec![batch], mark: None }).await?;
            if released.recv().await.is_some() {
                break;
            }
            // Given up by the outbox itself, which has no room left even in memory.
            tokio::time::sleep(Duration::from_millis(STORE_RETRY_MS)).await;
            telemetry.intake.produced.add(head.readings.len() as u64);
        }
    }
    Ok(())
}
