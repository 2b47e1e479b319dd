//! The driver as the gateway runs it: one task per bus on a runtime of one thread, readings taken off its queue.

use crate::wire::REGISTERS;
use facility_config::device::Polling;
use facility_config::profile::{ModbusMap, RegisterPoint, RegisterType, Table};
use facility_config::site::{Bus, Framing, HostPort, Parity, SerialLine, Transport};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::modbus::{BusTask, Notes, Speech, Tap, Unit};
use facility_drivers::{Batch, Clock, Link, Subject};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Batches taken off the queue at once, as the gateway does.
const TAKEN_MAX: usize = 64;

/// A unit of as many points as it has registers, whose plan is one question.
pub(crate) fn unit(number: u8, interval: Duration, timeout: Duration) -> Unit {
    let point = |address: u16| RegisterPoint {
        part: Part::new(&address.to_string()).expect("the name of a part"),
        ..RegisterPoint::plain(Point::ProbeTemp, Table::Holding, address, RegisterType::I16)
    };
    let map = ModbusMap::plain((0..REGISTERS).map(point).collect(), timeout);
    Unit { device: DeviceIx(number.into()), unit: number, speech: Speech::Modbus(map), interval, polling: Polling::default() }
}

pub(crate) fn on_line(path: &Path, baud: u32) -> Bus {
    let line = SerialLine { path: path.to_owned(), baud, parity: Parity::None, data_bits: 8, stop_bits: 1, rs485: None };
    Bus::plain("line", Framing::Rtu, Transport::Serial(line))
}

pub(crate) fn through_tcp(to: SocketAddr) -> Bus {
    let address = HostPort { host: to.ip().to_string(), port: to.port() };
    Bus::plain("tcp", Framing::Tcp, Transport::Dial { address, backup: None })
}

/// Buses that are polled until this is dropped.
pub(crate) struct Polled {
    batches: mpsc::Receiver<Batch>,
    stop: CancellationToken,
}

impl Polled {
    pub(crate) fn start(buses: Vec<(Bus, Vec<Unit>)>) -> Self {
        let (out, batches) = mpsc::channel(256);
        let (stop, clock) = (CancellationToken::new(), Clock::system());
        for (bus, units) in buses {
            let (link, _) = watch::channel(Link::new(clock.now_ms()));
            let (notes, _) = watch::channel(Notes::new());
            let (out, tap, clock, stop) = (out.clone(), Tap::new(), clock.clone(), stop.clone());
            tokio::spawn(BusTask { bus, units, out, link, notes, tap, arrivals: None, clock, stop, seed: 1 }.run());
        }
        Self { batches, stop }
    }

    /// Waits until so many rounds were read.
    pub(crate) async fn warm_up(&mut self, rounds: usize) {
        let mut left = rounds;
        while left > 0 {
            let batch = self.batches.recv().await.expect("a running bus");
            left -= usize::from(round_of(batch).is_some());
        }
    }

    /// Rounds read from now on, by device.
    pub(crate) async fn count(&mut self, span: Duration) -> BTreeMap<u16, u64> {
        let end = tokio::time::sleep(span);
        tokio::pin!(end);
        let (mut rounds, mut taken) = (BTreeMap::new(), Vec::with_capacity(TAKEN_MAX));
        loop {
            tokio::select! {
                biased;
                () = &mut end => return rounds,
                _ = self.batches.recv_many(&mut taken, TAKEN_MAX) => {
                    taken.drain(..).filter_map(round_of).for_each(|device| *rounds.entry(device).or_default() += 1);
                }
            }
        }
    }
}

/// Whose round it is, if it is one.
fn round_of(batch: Batch) -> Option<u16> {
    let is_round = batch.subject == Subject::Telemetry;
    assert!(!is_round || batch.readings.len() == usize::from(REGISTERS), "a whole round");
    batch.device.filter(|_| is_round).map(|device| device.0)
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A runtime like the gateway's.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}
