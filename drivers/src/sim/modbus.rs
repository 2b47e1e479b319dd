//! Simulated Modbus devices: registers that can be set, and servers that answer reads from them.
//!
//! Loopback and pseudo terminals only. Refuses every write. Shares no code with tokio-modbus, so that the two check each
//! other. A server is stopped by dropping it.

use crate::decode::registers::encode;
use crate::modbus::{crc_is_right, crc16};
use crate::reading::{Quality, Value};
use facility_config::profile::{RegisterPoint, Table};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;
/// Error code of a pseudo terminal whose other side is closed; it may be opened again.
const EIO: i32 = 5;
/// Connections one server keeps.
const CONNECTIONS_MAX: usize = 64;

/// Units with their registers. Cheap to clone; all clones are the same units.
#[derive(Debug, Clone, Default)]
pub struct Bank(Arc<Mutex<BTreeMap<u8, Cells>>>);

#[derive(Debug, Default)]
struct Cells {
    words: BTreeMap<(Table, u16), u16>,
    exceptions: BTreeMap<u16, u8>,
    silent: bool,
    delay: Duration,
    asked: u64,
}

impl Bank {
    /// No units.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets registers from `address` on; in the tables of bits a word other than 0 is a set bit. The unit exists from
    /// then on. Registers that were never set are illegal addresses.
    pub fn set(&self, unit: u8, table: Table, address: u16, words: &[u16]) {
        let mut units = self.units();
        let cells = units.entry(unit).or_default();
        for (at, word) in (address..=u16::MAX).zip(words) {
            cells.words.insert((table, at), *word);
        }
    }

    /// Sets the registers of a point so that they decode to `value`, its status register included: a missing value
    /// shows there as bad, any other as good. False if no registers stand for the value.
    pub fn set_point(&self, unit: u8, point: &RegisterPoint, value: &Value) -> bool {
        let broken = matches!(value, Value::Missing(_));
        let words = encode(point, value);
        if let Some(words) = &words {
            self.set(unit, point.table, point.address, words);
        }
        let Some(status) = point.status else { return words.is_some() };
        let good = if status.bad == 0 { status.mask } else { 0 };
        self.set(unit, point.table, status.address, &[if broken { status.bad } else { good }]);
        words.is_some() || *value == Value::Missing(Quality::SensorError)
    }

    /// A silent unit answers nothing.
    pub fn silence(&self, unit: u8, silent: bool) {
        self.units().entry(unit).or_default().silent = silent;
    }

    /// Every read that covers `address`, in any table, is refused with this exception code; 0 takes it back.
    pub fn exception(&self, unit: u8, address: u16, code: u8) {
        self.units().entry(unit).or_default().exceptions.insert(address, code);
    }

    /// The unit thinks this long before it answers.
    pub fn delay(&self, unit: u8, delay: Duration) {
        self.units().entry(unit).or_default().delay = delay;
    }

    /// Questions put to the unit so far, answered or not.
    #[must_use]
    pub fn asked(&self, unit: u8) -> u64 {
        self.units().get(&unit).map_or(0, |cells| cells.asked)
    }

    /// The answer to a request, without its framing, and how long the unit thinks about it. `None`: silence.
    fn answer(&self, unit: u8, pdu: &[u8]) -> Option<(Duration, Vec<u8>)> {
        let mut units = self.units();
        let cells = units.get_mut(&unit)?;
        cells.asked = cells.asked.saturating_add(1);
        let function = *pdu.first()?;
        let answer = cells.read(pdu).unwrap_or_else(|code| vec![function | 0x80, code]);
        (!cells.silent).then_some((cells.delay, answer))
    }

    fn units(&self) -> MutexGuard<'_, BTreeMap<u8, Cells>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cells {
    fn read(&self, pdu: &[u8]) -> Result<Vec<u8>, u8> {
        let [function, a0, a1, c0, c1] = *pdu else { return Err(ILLEGAL_FUNCTION) };
        let (table, count_max) = match function {
            1 => (Table::Coil, 2000),
            2 => (Table::Discrete, 2000),
            3 => (Table::Holding, 125),
            4 => (Table::Input, 125),
            _ => return Err(ILLEGAL_FUNCTION),
        };
        let (address, count) = (u16::from_be_bytes([a0, a1]), u16::from_be_bytes([c0, c1]));
        if !(1..=count_max).contains(&count) {
            return Err(ILLEGAL_VALUE);
        }
        let last = address.checked_add(count - 1).ok_or(ILLEGAL_ADDRESS)?;
        if let Some((_, code)) = self.exceptions.range(address..=last).find(|(_, code)| **code != 0) {
            return Err(*code);
        }
        let words: Option<Vec<u16>> = (address..=last).map(|at| self.words.get(&(table, at)).copied()).collect();
        let words = words.ok_or(ILLEGAL_ADDRESS)?;
        let data: Vec<u8> = match table {
            Table::Coil | Table::Discrete => words.chunks(8).map(pack).collect(),
            Table::Holding | Table::Input => words.iter().flat_map(|word| word.to_be_bytes()).collect(),
        };
        Ok([vec![function, data.len() as u8], data].concat())
    }
}

/// Eight bits to a byte, the first bit lowest.
fn pack(words: &[u16]) -> u8 {
    words.iter().rev().fold(0, |byte, word| byte << 1 | u8::from(*word != 0))
}

/// Answers from a bank until dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Modbus TCP.
    ///
    /// # Errors
    /// If `bind` is not a loopback address or cannot be bound.
    pub async fn tcp(bind: SocketAddr, bank: Bank) -> io::Result<Self> {
        Self::listen(bind, bank, true).await
    }

    /// RTU frames through TCP, as a serial server does.
    ///
    /// # Errors
    /// If `bind` is not a loopback address or cannot be bound.
    pub async fn rtu_over_tcp(bind: SocketAddr, bank: Bank) -> io::Result<Self> {
        Self::listen(bind, bank, false).await
    }

    /// RTU frames on one line: a pseudo terminal or a stream. Answers for its own units only and finds its place again
    /// after junk.
    pub fn rtu<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(io: T, bank: Bank) -> Self {
        Self { addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), task: tokio::spawn(serve_rtu(io, bank)) }
    }

    /// Where it listens; port 0 for a server on a line.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    async fn listen(bind: SocketAddr, bank: Bank, mbap: bool) -> io::Result<Self> {
        if !bind.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the simulated bus listens on loopback addresses only"));
        }
        let listener = TcpListener::bind(bind).await?;
        let addr = listener.local_addr()?;
        Ok(Self { addr, task: tokio::spawn(accept(listener, bank, mbap)) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, bank: Bank, mbap: bool) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            continue;
        }
        let bank = bank.clone();
        connections.spawn(async move {
            if mbap {
                // Ends with the connection; there is nobody to tell.
                let _: io::Result<()> = serve_mbap(stream, bank).await;
            } else {
                serve_rtu(stream, bank).await;
            }
        });
    }
}

async fn serve_mbap(mut stream: TcpStream, bank: Bank) -> io::Result<()> {
    loop {
        let mut head = [0; 7];
        stream.read_exact(&mut head).await?;
        let [t0, t1, p0, p1, l0, l1, unit] = head;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        if [p0, p1] != [0, 0] || !(2..=254).contains(&len) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut pdu = vec![0; len - 1];
        stream.read_exact(&mut pdu).await?;
        if let Some((delay, answer)) = bank.answer(unit, &pdu) {
            tokio::time::sleep(delay).await;
            let [l0, l1] = (answer.len() as u16 + 1).to_be_bytes();
            stream.write_all(&[vec![t0, t1, 0, 0, l0, l1, unit], answer].concat()).await?;
        }
    }
}

async fn serve_rtu<T: AsyncRead + AsyncWrite + Unpin>(mut io: T, bank: Bank) {
    let mut heard = Vec::new();
    let mut chunk = [0; 256];
    loop {
        match io.read(&mut chunk).await {
            Ok(0) => return,
            Ok(read) => heard.extend_from_slice(&chunk[..read]),
            Err(error) if error.raw_os_error() == Some(EIO) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(_) => return,
        }
        // A request is 8 bytes; whatever does not look like one is stepped over byte by byte.
        while heard.len() >= 8 {
            if !crc_is_right(&heard[..8]) {
                heard.drain(..1);
                continue;
            }
            let request: Vec<u8> = heard.drain(..8).collect();
            let Some((delay, answer)) = bank.answer(request[0], &request[1..6]) else { continue };
            tokio::time::sleep(delay).await;
            let mut frame = [vec![request[0]], answer].concat();
            frame.extend_from_slice(&crc16(&frame).to_le_bytes());
            if io.write_all(&frame).await.is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;
