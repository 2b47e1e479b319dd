//! A broker's task against a well-behaved broker and against a scripted one that is not (RELIABILITY F19 to F29).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod failover;
mod faults;
mod rotation;
mod session;
mod setup;
mod stuck;
mod trust;

use super::{BrokerTask, Tap, Told};
use crate::clock::Clock;
use crate::decode::message::fixture::{LOCKER_EXAMPLE, LOCKER_TOPIC, broker, site};
use crate::heard::Letter;
use crate::link::Link;
use crate::reading::Batch;
use crate::sim::broker::wire::DEADLINE;
use facility_config::site::Broker;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::SubscribeReasonCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A running task and everything around it.
struct Rig {
    out: mpsc::Receiver<Batch>,
    link: watch::Receiver<Link>,
    letters: mpsc::Receiver<Letter>,
    tap: Tap,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Rig {
    fn start(port: u16) -> Self {
        Self::with(broker(port), 64)
    }

    fn with(broker: Broker, queue_len: usize) -> Self {
        let (to, out) = mpsc::channel(queue_len);
        let (link_to, link) = watch::channel(Link::new(0));
        let (letters_to, letters) = mpsc::channel(64);
        let (stop, tap) = (CancellationToken::new(), Tap::new());
        let task = BrokerTask {
            broker,
            index: 0,
            former: Vec::new(),
            site: Arc::new(site()),
            out: to,
            link: link_to,
            heard: watch::Sender::new(Arc::default()),
            letters: letters_to,
            tap: tap.clone(),
            clock: Clock::manual(1_000),
            stop: stop.clone(),
            seed: 1,
        };
        Self { out, link, letters, tap, stop, task: tokio::spawn(task.run()) }
    }

    async fn batch(&mut self) -> Batch {
        timeout(DEADLINE, self.out.recv()).await.expect("a message").expect("a running task")
    }

    async fn link(&mut self, what: &str, so: impl FnMut(&Link) -> bool) -> Link {
        if let Ok(link) = timeout(DEADLINE, self.link.wait_for(so)).await {
            return link.expect("a running task").clone();
        }
        panic!("never {what}: {:?}", self.link.borrow())
    }

    fn watch(&self) -> broadcast::Receiver<Arc<Told>> {
        self.tap.watch()
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(DEADLINE, self.task).await.expect("the task ends").expect("and does not panic");
    }
}

async fn scripted() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A locker's payload that can be told from the others by its number of free compartments.
fn numbered(n: usize) -> String {
    LOCKER_EXAMPLE.replace("\"free\":17", &format!("\"free\":{n}"))
}

fn number(batch: &Batch) -> i64 {
    let free = batch.readings.iter().find(|reading| reading.metric.point == facility_config::Point::LockerFree);
    match free.map(|reading| &reading.value) {
        Some(crate::reading::Value::Int(n)) => *n,
        other => panic!("{other:?} in {batch:?}"),
    }
}

const TOPIC: &str = LOCKER_TOPIC;
const GRANTED: SubscribeReasonCode = SubscribeReasonCode::Success(QoS::AtLeastOnce);
