//! A status server on a real socket, and what it answers.

use crate::api::Taps;
use crate::api::{Api, Logs};
use crate::status::Status;
use crate::store::Names;
use crate::store::memory::memory;
use facility_config::Kind;
use facility_drivers::Clock;
use facility_drivers::modbus::Tap;
use facility_drivers::mqtt::Tap as MqttTap;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Longest wait for anything here; only a failing test takes it.
pub(in crate::api) const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port, stopped and joined when dropped.
pub(in crate::api) struct Server {
    pub(in crate::api) addr: SocketAddr,
    pub(in crate::api) publish: watch::Sender<Arc<Status>>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

pub(in crate::api) struct Answer {
    pub(in crate::api) code: u16,
    pub(in crate::api) headers: BTreeMap<String, String>,
    pub(in crate::api) body: String,
}

fn taps() -> Taps {
    Taps {
        buses: BTreeMap::from([("hall".into(), Tap::new())]),
        brokers: BTreeMap::from([("local".into(), MqttTap::new())]),
        devices: [("gw-01".into(), Kind::Gateway), ("vm-01".into(), Kind::Vending)].into(),
    }
}

impl Server {
    /// Shows `status` as if it had been taken `age_ms` ago, over empty stores.
    pub(in crate::api) fn showing(status: Status, age_ms: i64) -> Self {
        let empty = || memory(Names::default()).0;
        Self::over(status, age_ms, Logs::new(empty(), empty()), Clock::system())
    }

    /// The same over these stores, by this clock.
    pub(in crate::api) fn over(mut status: Status, age_ms: i64, logs: Logs, clock: Clock) -> Self {
        status.gateway.mono_ms = clock.mono_ms() - age_ms;
        let (publish, watched) = watch::channel(Arc::new(status));
        let stop = CancellationToken::new();
        let api = Api::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = api.addr();
        let thread = api.serve(watched, logs, taps(), clock, stop.clone()).unwrap();
        Self { addr, publish, stop, thread: Some(thread) }
    }

    pub(in crate::api) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.addr))
    }

    pub(in crate::api) fn ask(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::parse(&String::from_utf8(bytes).unwrap())
    }

    pub(in crate::api) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Answer {
    pub(in crate::api) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let code = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers =
            lines.map(|line| line.split_once(": ").unwrap()).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { code, headers, body: body.to_owned() }
    }

    pub(in crate::api) fn json(&self) -> serde_json::Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.body).unwrap()
    }
}
