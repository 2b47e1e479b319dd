//! The checked root of a configuration. Only [`open`](crate::open) and [`from_toml`](crate::from_toml) build one.

use crate::device::{Device, DeviceIx};
use crate::place::CircleType;
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
    /// The time-series database. Without one the gateway keeps everything on flash.
    pub forward: Option<Forward>,
    /// Status page and health.
    pub api: Api,
    /// Length of a metric window; 5 min.
    pub window: Duration,
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
}

/// An MQTT broker.
#[derive(Debug, Clone)]
pub struct Broker {
    /// Key in the configuration.
    pub name: Box<str>,
    /// Host name or address (IPv6 without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Set for `mqtts://`.
    pub tls: Option<Tls>,
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
}

/// How a bus is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Modbus TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// TCP port, usually 502.
        port: u16,
    },
    /// RTU frames through a TCP connection (serial server).
    RtuOverTcp {
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// RS-485 on a serial port.
    Rtu {
        /// `/dev/serial/by-id/…` or `/dev/serial/by-path/…` survive a re-plug; `/dev/ttyUSB0` does not.
        path: PathBuf,
        /// Bits per second.
        baud: u32,
        /// Parity bit.
        parity: Parity,
        /// 1 or 2.
        stop_bits: u8,
    },
}

/// Parity of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// No parity bit.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// A Modbus bus.
#[derive(Debug, Clone)]
pub struct Bus {
    /// Key in the configuration.
    pub name: Box<str>,
    /// How it is connected.
    pub transport: Transport,
    /// Pause between two requests.
    pub pause: Duration,
}

/// The time-series database.
#[derive(Debug, Clone)]
pub struct Forward {
    /// Base address; `/api/v2/write` is appended, a base path is kept.
    pub url: String,
    /// InfluxDB organisation.
    pub org: String,
    /// InfluxDB bucket.
    pub bucket: String,
    /// File with the token, mode 0600 or stricter.
    pub token_file: Option<PathBuf>,
    /// Own certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
    /// Send readings too, not only metrics and events.
    pub raw: bool,
    /// Lines per request.
    pub lines_max: usize,
    /// Bytes per request before compression.
    pub bytes_max: usize,
    /// Longest time a line waits for its batch to fill.
    pub delay: Duration,
    /// Time limit of one request.
    pub timeout: Duration,
}

/// Status page and health.
#[derive(Debug, Clone)]
pub struct Api {
    /// Loopback address and port; `None` turns it off. Port 0 takes any free one.
    pub listen: Option<std::net::SocketAddr>,
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
