//! The checked root of a configuration. Only [`open`](crate::open) and [`from_toml`](crate::from_toml) build one.

pub use crate::destination::{Database, Files, Format, Forward, Login, Platform, Revisions, Selection, Target, WriteApi};
use crate::device::{Device, DeviceIx};
use crate::limits::COLDCHAIN_KEEP_MONTHS_DEFAULT;
use crate::place::CircleType;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything a gateway needs to know.
#[derive(Debug, Clone)]
pub struct Site {
    /// Who and where the gateway is.
    pub gateway: Gateway,
    /// Where readings are kept.
    pub store: Store,
    /// MQTT brokers to listen to.
    pub brokers: Vec<Broker>,
    /// Modbus buses to poll.
    pub buses: Vec<Bus>,
    /// Devices, the gateway first, then by id.
    pub devices: Vec<Device>,
    /// Destinations, by name. Without one the gateway keeps everything on flash.
    pub forward: Vec<Forward>,
    /// Status page and health.
    pub api: Api,
    /// Length of a short metric window; 5 min.
    pub window: Duration,
    /// The figures of every minute are told too.
    pub minutes: bool,
    /// Zone of days, months, quarters and years.
    pub zone: jiff::tz::TimeZone,
    /// Cold-chain log.
    pub coldchain: ColdChain,
}

/// The cold-chain log of cabinets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdChain {
    /// Months that are kept; older ones are deleted, and the log says so.
    pub keep_months: u16,
}

impl Default for ColdChain {
    fn default() -> Self {
        Self { keep_months: COLDCHAIN_KEEP_MONTHS_DEFAULT }
    }
}

/// Who and where the gateway is. All of it becomes tags.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// `gw_id` tag.
    pub id: Box<str>,
    /// `site_id` tag.
    pub site: Box<str>,
    /// `district` tag: GB/T 2260 code or `FZ-GX`.
    pub district: Box<str>,
    /// 社区, joined at report time.
    pub community: Option<Box<str>>,
    /// Layout of the living circle, joined at report time.
    pub circle_type: Option<CircleType>,
}

/// What gives way when readings fill their room before they were used. What was used is deleted first in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// The oldest readings are deleted.
    DropOldest,
    /// Nothing is deleted: acknowledgements are withheld, so brokers keep their messages, and nothing is polled.
    Block,
    /// The oldest readings are thinned out to the least, greatest and last value of every 15 minutes, and deleted only
    /// when that is not enough.
    Thin,
}

impl Overflow {
    /// Word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DropOldest => "drop_oldest",
            Self::Block => "block",
            Self::Thin => "thin",
        }
    }
}

/// Where readings are kept.
#[derive(Debug, Clone)]
pub struct Store {
    /// Directory; one gateway at a time.
    pub dir: PathBuf,
    /// Longest time a reading waits for its group commit. The pipeline commits earlier when the broker's window
    /// is half used.
    pub commit_delay: Duration,
    /// Byte budget of readings.
    pub readings_bytes_max: u64,
    /// Byte budget of metrics and events waiting for the database; the oldest go first.
    pub outbox_bytes_max: u64,
    /// What gives way when readings fill their budget.
    pub overflow: Overflow,
    /// Free space of the file system, bytes, that is kept by giving up stored points as if a budget were spent; 0 for no
    /// such floor.
    pub free_bytes_min: u64,
    /// Times the card can be written over: an assumption about its flash, for the projected life only.
    pub card_cycles: u32,
}

/// Credentials of a TLS client.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Own certificate authority, PEM; the system's roots if absent.
    pub ca_file: Option<PathBuf>,
    /// Client certificate chain, PEM.
    pub cert_file: Option<PathBuf>,
    /// Client key, PEM, mode 0600 or stricter.
    pub key_file: Option<PathBuf>,
    /// Certificates that were withdrawn (CRL), PEM; a broker that shows one of them is refused.
    pub crl_file: Option<PathBuf>,
}

/// An MQTT broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Key in the configuration.
    pub name: Box<str>,
    /// Where it is, the preferred address first; never empty. The next one is tried when one does not answer.
    pub endpoints: Vec<Endpoint>,
    /// For the encrypted ones of them.
    pub tls: Tls,
    /// Stable: a persistent session belongs to it.
    pub client_id: String,
    /// User name, if the broker asks for one.
    pub username: Option<String>,
    /// File with the password, mode 0600 or stricter.
    pub password_file: Option<PathBuf>,
    /// Keep-alive, at least 5 s.
    pub keep_alive: Duration,
    /// Messages the broker sends before it waits for acknowledgements.
    pub window: u16,
    /// What becomes of messages that the broker has kept for new subscribers. Births and last wills are taken in any case.
    pub retained: Retained,
}

/// One address of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How the bytes travel.
    pub wire: Wire,
    /// Host name or address (IPv6 without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path of a websocket, `/mqtt`; empty otherwise.
    pub path: Box<str>,
}

/// How MQTT travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// `mqtt://`
    Tcp,
    /// `mqtts://`
    Tls,
    /// `ws://`
    Websocket,
    /// `wss://`
    WebsocketTls,
}

impl Wire {
    /// Scheme in the configuration.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "mqtt",
            Self::Tls => "mqtts",
            Self::Websocket => "ws",
            Self::WebsocketTls => "wss",
        }
    }

    /// Whether it is encrypted.
    #[must_use]
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::WebsocketTls)
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { wire, host, port, path } = self;
        let scheme = wire.scheme();
        if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}{path}") } else { write!(f, "{scheme}://{host}:{port}{path}") }
    }
}

/// What becomes of retained messages. They may be months old, and say nothing about now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retained {
    /// Taken if the device's own time stamp says that it is as fresh as two intervals; counted as dropped otherwise.
    #[default]
    Fresh,
    /// Taken like any other.
    Take,
    /// Dropped and counted.
    Drop,
}

/// How frames lie on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Modbus TCP: a header with transaction and length.
    Tcp,
    /// RTU: unit first, CRC last, nothing in between tells the length.
    Rtu,
    /// Modbus ASCII: a colon, hexadecimal digits, LRC, CR LF.
    Ascii,
}

/// How the bytes of a bus get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// The gateway connects.
    Dial {
        /// Where to.
        address: HostPort,
        /// Where to when that does not answer.
        backup: Option<HostPort>,
    },
    /// The other side connects: a DTU behind a mobile network has no address of its own.
    Listen {
        /// Where the gateway listens. Several buses may share an address if each has a registration.
        address: SocketAddr,
        /// What the DTU sends first, so that it is known which one it is. Without one, the address is enough.
        registration: Option<Box<[u8]>>,
        /// What the DTU sends now and then to keep its connection; taken out of what is heard.
        heartbeat: Option<Box<[u8]>>,
    },
    /// A serial port of this board.
    Serial(SerialLine),
}

/// Host name or address (IPv6 without brackets), and TCP port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// A serial port and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialLine {
    /// `/dev/serial/by-id/…` or `/dev/serial/by-path/…` survive a re-plug; `/dev/ttyUSB0` does not.
    pub path: PathBuf,
    /// Bits per second.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// 7 or 8; 7 only for Modbus ASCII.
    pub data_bits: u8,
    /// 1 or 2.
    pub stop_bits: u8,
    /// The kernel switches the direction of an RS-485 transceiver by RTS (`TIOCSRS485`); `None` leaves the port as it is.
    pub rs485: Option<Rs485>,
}

impl SerialLine {
    /// Bits a character takes on the line, start and stop bits included.
    #[must_use]
    pub fn char_bits(&self) -> u32 {
        1 + u32::from(self.data_bits) + u32::from(self.parity != Parity::None) + u32::from(self.stop_bits)
    }
}

/// Direction of an RS-485 transceiver (Linux `serial_rs485`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rs485 {
    /// Level of RTS while sending; the other one otherwise.
    pub rts_high: bool,
    /// From RTS to the first bit, ms.
    pub before_ms: u32,
    /// From the last bit to RTS, ms.
    pub after_ms: u32,
    /// Hear what is sent: a local echo, useful for finding collisions only.
    pub hear_self: bool,
}

/// Parity of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

impl Parity {
    /// Word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Even => "even",
            Self::Odd => "odd",
        }
    }
}

/// A Modbus bus, and the serial boards of other makers on the same line.
#[derive(Debug, Clone)]
pub struct Bus {
    /// Key in the configuration.
    pub name: Box<str>,
    /// How frames lie on the wire.
    pub framing: Framing,
    /// How the bytes get here.
    pub transport: Transport,
    /// Pause between an answer and the next request, on top of the gap between frames.
    pub pause: Duration,
    /// Silence between two frames; `None` is 3.5 characters (Modbus over serial line V1.02, 2.5.1.1).
    pub gap: Option<Duration>,
    /// Pause between the opening of a connection and the first request: some devices boot when a port opens.
    pub connect_delay: Duration,
    /// A TCP connection with nothing to ask for this long is closed; the next request opens it again.
    pub idle_close: Option<Duration>,
    /// The adapter hands back what it sends: that much is expected, and taken out, before an answer.
    pub echo: bool,
}

impl Bus {
    /// A bus without pauses, delays and echo.
    #[must_use]
    pub fn plain(name: &str, framing: Framing, transport: Transport) -> Self {
        let (pause, connect_delay) = (Duration::ZERO, Duration::ZERO);
        Self { name: name.into(), framing, transport, pause, gap: None, connect_delay, idle_close: None, echo: false }
    }
}

/// Status page and health.
#[derive(Debug, Clone)]
pub struct Api {
    /// Loopback address and port; `None` turns it off. Port 0 takes any free one.
    pub listen: Option<SocketAddr>,
}

impl Site {
    /// The device at an index.
    #[must_use]
    pub fn device(&self, ix: DeviceIx) -> Option<&Device> {
        self.devices.get(ix.at())
    }

    /// Devices with their indices, the gateway included.
    pub fn indexed(&self) -> impl Iterator<Item = (DeviceIx, &Device)> {
        self.devices.iter().enumerate().map(|(at, device)| (DeviceIx(at as u16), device))
    }
}
