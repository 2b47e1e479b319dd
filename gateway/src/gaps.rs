//! Tells the database what it will never get: every gap of both stores becomes one line of measurement `gap`.
//!
//! At least once: a line is durable in the outbox before its store may forget the gap; after a crash in between it is
//! written again, the same to the last byte, and the database overwrites it. Everything in a line follows from the gap
//! alone. Bounded: one line of each store is under way. Never holds the data back: a line queues like any other append.

use crate::store::handle;
use crate::store::{Append, Gap, Store, StoreClosed};
use crate::telemetry::Telemetry;
use facility_config::limits::STORE_RETRY_MS;
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Ack, Batch, Metric, Subject, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Moments that gaps with one end are spread over, ms; a prime, so that blocks of one size do not meet.
const MOMENTS: u64 = 997;

/// The task beside the two stores.
#[derive(Debug, Clone)]
pub struct Gaps {
    /// One whose gaps are told.
    pub readings: Store,
    /// The other one, and where they are written.
    pub outbox: Store,
    /// Counts what is produced.
    pub telemetry: Arc<Telemetry>,
    /// Ends the task.
    pub stop: CancellationToken,
}

/// Which store lost something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Readings,
    Outbox,
}

impl Gaps {
    /// Runs until stopped or until a store has ended.
    pub async fn run(self) {
        let tell = async { tokio::try_join!(self.tell(&self.readings, Lost::Readings), self.tell(&self.outbox, Lost::Outbox)) };
        tokio::select! {
            ended = tell => if let Err(error) = ended {
                tracing::debug!(%error, "gaps are told no more");
            },
            // What is half done is told again by the next start.
            () = self.stop.cancelled() => {}
        }
    }

    /// Tells the gaps of one store, oldest first. Ends with an error only.
    async fn tell(&self, store: &Store, lost: Lost) -> Result<(), StoreClosed> {
        let mut durable = store.durable();
        // The store shows a gap a little longer than it has been taken.
        let mut taken = None;
        loop {
            let gap = durable.borrow_and_update().gaps.first().copied();
            match gap.filter(|gap| taken != Some(*gap)) {
                Some(gap) => {
                    self.write(lost, &gap).await?;
                    store.gap_taken(gap).await?;
                    taken = Some(gap);
                }
                None => handle::more(&mut durable).await?,
            }
        }
    }

    /// Writes a line and returns when it is durable. Its acknowledgement says so exactly, whoever else appends.
    async fn write(&self, lost: Lost, gap: &Gap) -> Result<(), StoreClosed> {
        loop {
            let (to, mut released) = mpsc::channel(1);
            let mut line = line(lost, gap);
            line.ack = Some(Ack::new(to, 0, 0));
            self.telemetry.intake.produced.add(line.readings.len() as u64);
            self.outbox.append(Append { batches: vec![line], mark: None }).await?;
            if released.recv().await.is_some() {
                return Ok(());
            }
            // Given up by the outbox itself, which has no room left even in memory.
            tokio::time::sleep(Duration::from_millis(STORE_RETRY_MS)).await;
        }
    }
}

fn line(lost: Lost, gap: &Gap) -> Batch {
    let reason = match lost {
        Lost::Readings => gap.reason.as_str().to_owned(),
        Lost::Outbox => format!("outbox_{}", gap.reason.as_str()),
    };
    let part = Part::new(&reason).unwrap_or_default();
    let mut batch = Batch::new(DeviceIx::GATEWAY, Subject::Event, gap.to_ms.saturating_sub(earlier_ms(gap)));
    let mut push = |point, value| batch.push(Metric { point, part }, value);
    push(Point::GapPoints, Value::Int(i64::try_from(gap.points).unwrap_or(i64::MAX)));
    push(Point::GapDurationS, Value::Float(gap.to_ms.saturating_sub(gap.from_ms).max(0) as f64 / 1e3));
    batch
}

/// How long before its end a gap is told, less than a second: of two with one end and one reason, each needs a moment of
/// its own, or the database would keep the second only.
fn earlier_ms(gap: &Gap) -> i64 {
    let from_ms = gap.from_ms.rem_euclid(MOMENTS as i64) as u64;
    [gap.first, gap.end, gap.points, from_ms].into_iter().fold(0, |sum, number| (sum * 31 + number % MOMENTS) % MOMENTS) as i64
}

#[cfg(test)]
mod tests;
