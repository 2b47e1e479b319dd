//! What operators want of the alarms: acknowledge, shelve, maintenance. A command is a file in the store's folder; each becomes
//! an event in the log, so that it survives a restart and is forwarded, and its file goes when that event is durable.
//!
//! The status page stays read-only: whoever may write into the folder (mode 0700, the gateway's user) may command, nobody
//! else. Nothing of this reaches a device. Bounded: [`AT_ONCE_MAX`] commands are read at once, each of at most 4 KiB; what is no
//! command is moved aside with its reason and counted.

mod spool;
mod wish;

pub use spool::{Fate, Spool};
pub use wish::{PAUSE_MS_MAX, Refusal, What, Wish};

use crate::alarm::Command;
use crate::telemetry::Telemetry;
use facility_config::Site;
use facility_drivers::{Ack, Clock};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Folder of commands in the store's folder.
pub const DIR: &str = "operator";
/// Commands on their way to the pipeline.
pub const ORDER_QUEUE_LEN: usize = 8;
/// Commands read at once; the others wait in their folder.
pub const AT_ONCE_MAX: usize = 64;
/// How often the folder is looked at: somebody waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A command on its way to the pipeline.
#[derive(Debug)]
pub struct Order {
    /// What to do.
    pub command: Command,
    /// Told at once: whether it changed anything.
    pub taken: oneshot::Sender<bool>,
    /// Released when the change is durable.
    pub durable: Ack,
}

/// The task that reads the folder.
#[derive(Debug, Clone)]
pub struct OperatorTask {
    /// Whose devices they are about.
    pub site: Arc<Site>,
    /// Until when a pause may last is judged by it.
    pub clock: Clock,
    /// Counts commands.
    pub telemetry: Arc<Telemetry>,
    /// To the pipeline.
    pub orders: mpsc::Sender<Order>,
    /// Ends it.
    pub stop: CancellationToken,
}

impl OperatorTask {
    /// Runs until told to stop. A command that is under way then is read again by the next start.
    pub async fn run(self) {
        let spool = Spool::new(&self.site.store.dir.join(DIR));
        if let Err(error) = blocking(&spool, Spool::make).await {
            tracing::warn!(%error, "GW-O001 operators are not heard: the folder for their commands cannot be made");
        }
        let stop = self.stop.clone();
        stop.run_until_cancelled(async {
            let mut every = tokio::time::interval(LOOK_EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                if let Err(error) = self.look(&spool).await {
                    tracing::warn!(%error, "a command of an operator cannot be put away; it is read again");
                }
            }
        })
        .await;
    }

    /// Does what waits in the folder, in order of the names.
    async fn look(&self, spool: &Spool) -> io::Result<()> {
        let ids = blocking(spool, Spool::ids).await?;
        let (to, mut durable) = mpsc::channel(AT_ONCE_MAX);
        let mut under_way: Vec<String> = Vec::new();
        for id in ids.into_iter().take(AT_ONCE_MAX) {
            let number = under_way.len() as u16;
            match self.one(spool, &id, Ack::new(to.clone(), 0, number)).await {
                Ok(()) => under_way.push(id),
                Err(Left::Refused(why)) => {
                    self.telemetry.operator.refused.add(1);
                    tracing::warn!(file = id, reason = why.label(), "a command of an operator is refused");
                    // Whatever becomes of this file, the others that are done must go, or they would be done again.
                    if let Err(error) = blocking(spool, move |spool| spool.refuse(&id, why)).await {
                        tracing::warn!(%error, "a refused command cannot be put aside");
                    }
                }
                Err(Left::Waiting) => {}
            }
        }
        drop(to);
        // Ends when every promise is kept or given up; what was given up is read again.
        while let Some(released) = durable.recv().await {
            for one in released {
                let Some(id) = under_way.get(usize::from(one.packet_id)).cloned() else { continue };
                self.telemetry.operator.done.add(1);
                if let Err(error) = blocking(spool, move |spool| spool.remove(&id)).await {
                    tracing::warn!(%error, "a command that is done cannot be removed; it is done again");
                }
            }
        }
        Ok(())
    }

    async fn one(&self, spool: &Spool, id: &str, durable: Ack) -> Result<(), Left> {
        let (taken, name) = (id.to_owned(), id.to_owned());
        blocking(spool, move |spool| spool.take(&taken)).await.map_err(|_| Left::Waiting)?;
        let text = blocking(spool, move |spool| spool.read(&name)).await;
        let wish = text.ok().and_then(|text| Wish::parse(&text)).ok_or(Left::Refused(Refusal::NoCommand))?;
        let command = wish.command(&self.site, self.clock.now_ms()).map_err(Left::Refused)?;
        let (taken, answer) = oneshot::channel();
        self.orders.send(Order { command, taken, durable }).await.map_err(|_| Left::Waiting)?;
        if !answer.await.map_err(|_| Left::Waiting)? {
            return Err(Left::Refused(Refusal::NothingToDo));
        }
        // Who it was is for the people here: it stays in this log and is not forwarded.
        tracing::info!(by = wish.by, device = wish.device, what = wish.what.as_str(), rule = wish.rule, note = wish.note, "an operator");
        Ok(())
    }
}

/// Why a command was not taken.
enum Left {
    Refused(Refusal),
    /// It has gone or cannot be taken, or nobody is there to do it.
    Waiting,
}

/// Does something on the disk beside the runtime: one that hangs must not hold up the data.
async fn blocking<T: Send + 'static>(spool: &Spool, work: impl FnOnce(&Spool) -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let spool = spool.clone();
    tokio::task::spawn_blocking(move || work(&spool)).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests;
