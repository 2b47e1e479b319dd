//! Messages to the pipeline, acknowledgements back to the broker. Both keep the order of receipt.

use super::{Call, Ears, End, Step};
use facility_config::limits::ACK_QUEUE_LEN;
use rumqttc::{Packet, PubAck};
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// Time limit for saying goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

impl Ears {
    /// Hands batches to the pipeline.
    ///
    /// Waiting for room is right: while this task waits it does not read, the connection's window closes and the broker keeps
    /// the messages, which is what its queue is for. Acknowledgements and pings go on meanwhile, so that it does not take us
    /// for dead.
    pub(super) async fn hand_over(&mut self, call: &mut Call) -> Result<(), End> {
        let out = self.task.out.clone();
        while !self.batches.is_empty() {
            let len = self.batches.len().min(out.max_capacity());
            let mut room = pin!(out.reserve_many(len));
            let permits = loop {
                let step = tokio::select! {
                    biased;
                    permits = &mut room => break permits.map_err(|_| End::Stopped)?,
                    () = self.task.stop.cancelled() => Step::Stop,
                    _ = self.acks.recv_many(&mut self.released, ACK_QUEUE_LEN), if call.line.is_up() => Step::Acks,
                    () = tokio::time::sleep(self.task.broker.keep_alive / 2) => Step::Tick,
                };
                match step {
                    Step::Stop | Step::Event(_) => return Err(End::Stopped),
                    Step::Acks => self.acknowledge(call).await?,
                    Step::Tick => {
                        call.line.excuse_ping();
                        self.send(call, [Packet::PingReq]).await?;
                    }
                }
            };
            permits.zip(self.batches.drain(..len)).for_each(|(permit, batch)| permit.send(batch));
        }
        call.quiet_ticks = 0;
        Ok(())
    }

    /// Writes the acknowledgements that were taken from the queue, in the order of receipt, all of them in one go.
    pub(super) async fn acknowledge(&mut self, call: &mut Call) -> Result<(), End> {
        let taken: usize = self.released.iter().map(Vec::len).sum();
        let all = self.released.drain(..).flatten().inspect(|released| self.again.durable(released));
        let ours = all.filter(|released| released.generation == self.generation);
        let acks: Vec<Packet> = ours.map(|released| Packet::PubAck(PubAck::new(released.packet_id))).collect();
        let fresh = acks.len();
        if fresh < taken {
            tracing::debug!(stale = taken - fresh, "stale acknowledgements dropped; the broker sends the messages again");
        }
        self.send(call, acks).await?;
        call.outstanding = call.outstanding.saturating_sub(fresh);
        call.acked |= fresh > 0;
        Ok(())
    }

    /// Sends the acknowledgements that are ready, or will be within `patience`, and a DISCONNECT; then waits for the broker to
    /// hang up, because a socket that is closed with unread bytes takes back what was sent last.
    pub(super) async fn goodbye(&mut self, call: &mut Call, patience: Duration) {
        if !call.line.is_up() {
            return;
        }
        let said = async {
            let until = Instant::now() + patience;
            while call.outstanding > 0 {
                // Without patience this still takes what is ready.
                let ready = tokio::time::timeout_at(until, self.acks.recv_many(&mut self.released, ACK_QUEUE_LEN)).await;
                if ready.is_err() || self.acknowledge(call).await.is_err() {
                    break;
                }
            }
            if call.line.send([Packet::Disconnect]).await.is_ok() {
                while call.line.next().await.is_ok() {}
            }
        };
        if tokio::time::timeout(patience + GOODBYE, said).await.is_err() {
            tracing::debug!(broker = %self.task.broker.name, "the broker does not hang up");
        }
    }
}
