//! A running bus task, and devices that recite a script.

use super::super::frame::{crc_is_right, crc16};
use super::super::{Arrivals, BusTask, Notes, Speech, Tap, Unit};
use crate::reading::{Batch, Subject, Value};
use crate::serial::{FarEnd, Serial};
use crate::{Clock, Fault, Link};
use facility_config::device::Polling;
use facility_config::profile::{ModbusMap, RegisterPoint, RegisterType, Table};
use facility_config::site::{Bus, Framing, HostPort, Parity, SerialLine, Transport};
use facility_config::{DeviceIx, Point};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;

/// Nothing in these tests takes this long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(30);
/// The wait for an answer of devices that are to miss it.
pub(super) const TIMEOUT_MS: u64 = 50;
/// The wait for an answer of devices that are to be in time, on a busy machine too.
pub(super) const PATIENT_TIMEOUT_MS: u64 = 400;

/// Runs cases side by side: they spend their time waiting.
pub(super) async fn together<F: Future<Output = ()> + Send + 'static>(cases: impl IntoIterator<Item = F>) {
    let mut running: tokio::task::JoinSet<()> = cases.into_iter().collect();
    while let Some(done) = running.join_next().await {
        done.expect("the case holds");
    }
}

/// A running bus.
pub(super) struct Lab {
    pub(super) out: mpsc::Receiver<Batch>,
    pub(super) link: watch::Receiver<Link>,
    pub(super) notes: watch::Receiver<Notes>,
    pub(super) tap: Tap,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Lab {
    pub(super) fn start(bus: Bus, units: Vec<Unit>) -> Self {
        Self::with(bus, units, Clock::system(), 64)
    }

    pub(super) fn with(bus: Bus, units: Vec<Unit>, clock: Clock, queue: usize) -> Self {
        Self::of(bus, units, Notes::new(), None, clock, queue)
    }

    /// A bus whose DTU connects to it.
    pub(super) fn arriving(bus: Bus, units: Vec<Unit>, arrivals: Option<Arrivals>) -> Self {
        Self::of(bus, units, Notes::new(), arrivals, Clock::system(), 64)
    }

    /// A bus that remembers.
    pub(super) fn knowing(bus: Bus, units: Vec<Unit>, notes: Notes) -> Self {
        Self::of(bus, units, notes, None, Clock::system(), 64)
    }

    fn of(bus: Bus, units: Vec<Unit>, notes: Notes, arrivals: Option<Arrivals>, clock: Clock, queue: usize) -> Self {
        let (out, batches) = mpsc::channel(queue);
        let (link, shown) = watch::channel(Link::new(clock.now_ms()));
        let stop = CancellationToken::new();
        let (notes, noted) = watch::channel(notes);
        let tap = Tap::new();
        let task = BusTask { bus, units, out, link, notes, tap: tap.clone(), arrivals, clock, stop: stop.clone(), seed: 1 };
        Self { out: batches, link: shown, notes: noted, tap, stop, task: tokio::spawn(task.run()) }
    }

    pub(super) async fn batch(&mut self) -> Batch {
        tokio::time::timeout(PATIENCE, self.out.recv()).await.expect("a batch in time").expect("a running bus")
    }

    /// The next batch of readings.
    pub(super) async fn telemetry(&mut self) -> Batch {
        loop {
            let batch = self.batch().await;
            if batch.subject == Subject::Telemetry {
                return batch;
            }
        }
    }

    /// Waits until the link shows something. Batches that come meanwhile are checked and thrown away.
    pub(super) async fn shows(&mut self, wanted: impl Fn(&Link) -> bool) {
        let shown = async {
            loop {
                if wanted(&self.link.borrow_and_update()) {
                    return;
                }
                tokio::select! {
                    changed = self.link.changed() => changed.expect("a running bus"),
                    batch = self.out.recv() => {
                        own_addresses(&batch.expect("a running bus"));
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, shown).await.expect("the link to show it in time");
    }

    pub(super) fn count(&self, fault: Fault) -> u64 {
        self.link.borrow().faults[fault as usize]
    }

    pub(super) async fn stop(mut self) -> Link {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, &mut self.task).await.expect("a prompt end").expect("no panic");
        self.link.borrow().clone()
    }
}

/// A point of one holding register whose value is to be its address.
pub(super) fn point(what: Point, address: u16) -> RegisterPoint {
    RegisterPoint::plain(what, Table::Holding, address, RegisterType::U16)
}

/// Points with names of their own, one address each.
const NAMES: [Point; 7] = [
    Point::EnergyVoltage,
    Point::EnergyCurrent,
    Point::EnergyActive,
    Point::EnergyReactive,
    Point::EnergyPowerFactor,
    Point::EnergyFrequency,
    Point::EnergyTotal,
];

/// A unit with little time to answer.
pub(super) fn hasty(device: u16, number: u8, registers_max: u16, addresses: &[u16], interval_ms: u64) -> Unit {
    let mut unit = unit(device, number, registers_max, addresses, interval_ms);
    unit.polling.timeout = Some(Duration::from_millis(TIMEOUT_MS));
    unit
}

pub(super) fn unit(device: u16, unit: u8, registers_max: u16, addresses: &[u16], interval_ms: u64) -> Unit {
    let points = NAMES.iter().zip(addresses).map(|(what, address)| point(*what, *address)).collect();
    let map = ModbusMap { registers_max, ..ModbusMap::plain(points, Duration::from_millis(PATIENT_TIMEOUT_MS)) };
    polled(device, unit, map, interval_ms)
}

pub(super) fn polled(device: u16, unit: u8, map: ModbusMap, interval_ms: u64) -> Unit {
    let (device, interval) = (DeviceIx(device), Duration::from_millis(interval_ms));
    Unit { device, unit, speech: Speech::Modbus(map), interval, polling: Polling::default() }
}

/// Addresses of the three points of the script devices. Each is a question of its own, all of the same shape.
pub(super) const ADDRESSES: [u16; 3] = [10, 20, 30];

/// Checks that every value of a batch stands under its own name; true if none is missing.
pub(super) fn own_addresses(batch: &Batch) -> bool {
    if batch.subject != Subject::Telemetry {
        return false;
    }
    let expected: BTreeMap<Point, f64> = NAMES.into_iter().zip(ADDRESSES.map(f64::from)).collect();
    assert_eq!(batch.readings.len(), ADDRESSES.len(), "{batch:?}");
    batch
        .readings
        .iter()
        .filter(|reading| match reading.value {
            Value::Float(value) => {
                assert_eq!(value, expected[&reading.metric.point], "a value of another register: {batch:?}");
                true
            }
            _ => false,
        })
        .count()
        == ADDRESSES.len()
}

/// The right answer of a device whose registers hold their own addresses.
pub(super) fn honest(framing: Framing, question: &[u8]) -> Vec<u8> {
    let (head, body) = match framing {
        Framing::Tcp => question.split_at(6),
        _ => (&question[..0], &question[..6]),
    };
    let [unit, function, a0, a1, _, count] = *body else { panic!("a question of six bytes: {body:?}") };
    let first = u16::from_be_bytes([a0, a1]);
    let data = (0..u16::from(count)).flat_map(|at| (first + at).to_be_bytes());
    framed(framing, head, &[vec![unit, function, count * 2], data.collect()].concat())
}

/// Puts a body into a frame with the transaction of `head`.
pub(super) fn framed(framing: Framing, head: &[u8], body: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Tcp => [&head[..2], &[0, 0, 0, body.len() as u8], body].concat(),
        _ => [body, &crc16(body).to_le_bytes()].concat(),
    }
}

/// What a device does when asked for the n-th time: waits of so many milliseconds, each followed by bytes.
pub(super) type Script = Box<dyn FnMut(usize, &[u8]) -> Vec<(u64, Vec<u8>)> + Send>;

#[derive(Clone)]
struct Reciter(Arc<Mutex<(usize, Script)>>);

impl Reciter {
    fn next(&self, question: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut script = self.0.lock().unwrap();
        let at = script.0;
        script.0 += 1;
        (script.1)(at, question)
    }
}

/// A device that recites; gone when dropped.
pub(super) struct Device {
    pub(super) bus: Bus,
    task: AbortHandle,
    /// Keeps the far side of a pseudo terminal open.
    _line: Option<FarEnd>,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    RtuOverTcp,
    Serial,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Tcp, Self::RtuOverTcp, Self::Serial];

    pub(super) fn framing(self) -> Framing {
        if self == Self::Tcp { Framing::Tcp } else { Framing::Rtu }
    }
}

pub(super) async fn device(kind: Kind, script: Script) -> Device {
    let reciter = Reciter(Arc::new(Mutex::new((0, script))));
    if kind == Kind::Serial {
        let (near, far) = Serial::pseudo().unwrap();
        let bus = serial(far.path());
        let task = tokio::spawn(recite(near, kind.framing(), reciter)).abort_handle();
        return Device { bus, task, _line: Some(far) };
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (host, port) = ("127.0.0.1".to_owned(), listener.local_addr().unwrap().port());
    let framing = if kind == Kind::Tcp { Framing::Tcp } else { Framing::Rtu };
    let bus = Bus::plain("test", framing, Transport::Dial { address: HostPort { host, port }, backup: None });
    let task = tokio::spawn(accept(listener, kind.framing(), reciter)).abort_handle();
    Device { bus, task, _line: None }
}

pub(super) fn serial(path: impl Into<std::path::PathBuf>) -> Bus {
    let line = SerialLine { path: path.into(), baud: 115_200, parity: Parity::None, data_bits: 8, stop_bits: 1, rs485: None };
    Bus::plain("test", Framing::Rtu, Transport::Serial(line))
}

async fn accept(listener: TcpListener, framing: Framing, reciter: Reciter) {
    loop {
        let (stream, _): (TcpStream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(recite(stream, framing, reciter.clone()));
    }
}

/// One question after the other, like a device: while it thinks, it does not listen. An empty line in the script hangs up.
async fn recite<T: AsyncRead + AsyncWrite + Unpin>(mut io: T, framing: Framing, reciter: Reciter) {
    let mut question = vec![0; if framing == Framing::Tcp { 12 } else { 8 }];
    while io.read_exact(&mut question).await.is_ok() {
        assert!(framing == Framing::Tcp || crc_is_right(&question), "{question:?}");
        for (wait_ms, bytes) in reciter.next(&question) {
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            if bytes.is_empty() || io.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }
}
