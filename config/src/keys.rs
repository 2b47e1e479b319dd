//! The configuration language as data: every key with its type, bounds, default and meaning.
//!
//! One table serves four readers: the walk over a file (unknown keys, types, bounds), environment variables (which key,
//! which type), the defaults under all files, and the JSON Schema for editors. A test holds it against
//! [`raw`](crate::raw), another against `gateway.toml`.

mod alarm;

pub(crate) use alarm::RULES;

use crate::limits::{
    BROKER_WINDOW_DEFAULT, BROKER_WINDOW_MAX, CARD_CYCLES_DEFAULT, COLDCHAIN_KEEP_MONTHS_DEFAULT, COLDCHAIN_KEEP_MONTHS_MIN,
    DESTINATIONS_MAX, FORWARD_BYTES_DEFAULT, FORWARD_LINES_DEFAULT, KEEP_H_MAX, UPLINK_MESSAGE_BYTES_DEFAULT, UPLINK_MESSAGE_BYTES_MAX,
};
use crate::zone::ZONE_DEFAULT;

/// One key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) node: Node,
    pub(crate) default: IfAbsent,
    pub(crate) doc: &'static str,
}

/// What stands under a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Node {
    /// One value.
    Value(Type),
    /// A table of known keys.
    Table(&'static [Key]),
    /// A table of tables named by the site, each with these keys.
    Named(&'static [Key]),
}

/// Type of a value, as strict as it says: no number is text, no text is yes or no, 2.6 is no whole number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Type {
    /// Whole number between two bounds.
    Int(i64, i64),
    /// Number between two bounds; a whole number is one too.
    Float(f64, f64),
    /// `true` or `false`.
    Bool,
    /// Text of 1 to 256 bytes without control characters.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// What holds when a key is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum IfAbsent {
    /// It may not be left out.
    Required,
    /// Nothing.
    None,
    /// Depends on other settings; described for people.
    Derived(&'static str),
    Int(i64),
    Bool(bool),
    Text(&'static str),
    /// A table that is always there.
    Table,
}

const fn key(name: &'static str, ty: Type, default: IfAbsent, doc: &'static str) -> Key {
    Key { name, node: Node::Value(ty), default, doc }
}

const DAY_S: i64 = 86_400;
const MIB: i64 = 1024 * 1024;
/// Smallest ring of readings: four segments of the store with room to turn.
const READINGS_BYTES_MIN: i64 = 32 * MIB;
const BYTES_MAX: i64 = 1024 * 1024 * MIB;

const GATEWAY: &[Key] = &[
    key("id", Type::Text, IfAbsent::Required, "Registry id of this gateway: 3 to 64 of a-z, 0-9 and -."),
    key("site", Type::Text, IfAbsent::Required, "Id of the site; part of every MQTT topic."),
    key("district", Type::Text, IfAbsent::Required, "District of Fuzhou: GB/T 2260 code, or FZ-GX for the high-tech zone."),
    key("community", Type::Text, IfAbsent::None, "Name of the community (社区)."),
    key(
        "circle_type",
        Type::Word(&["clustered", "neighborhood", "distributed"]),
        IfAbsent::None,
        "Layout of the living circle: 集聚式, 街坊式, 分布式.",
    ),
];

const STORE: &[Key] = &[
    key("dir", Type::Text, IfAbsent::Text("/var/lib/facility-gateway"), "Where readings are kept; one gateway at a time."),
    key("commit_delay_ms", Type::Int(100, 5000), IfAbsent::Int(1000), "Longest time a reading waits before it is on flash."),
    key(
        "readings_bytes_max",
        Type::Int(READINGS_BYTES_MIN, BYTES_MAX),
        IfAbsent::Int(1024 * MIB),
        "Room for readings; what was used goes first.",
    ),
    key("outbox_bytes_max", Type::Int(MIB, BYTES_MAX), IfAbsent::Int(256 * MIB), "Room for metrics and events that are not sent yet."),
    key(
        "overflow",
        Type::Word(&["drop_oldest", "block", "thin"]),
        IfAbsent::Text("drop_oldest"),
        "What gives way when readings that were not used yet fill their room.",
    ),
    key("free_bytes_min", Type::Int(0, BYTES_MAX), IfAbsent::Int(256 * MIB), "Free space the stores leave on the file system; 0 for none."),
    key(
        "card_cycles",
        Type::Int(10, 1_000_000),
        IfAbsent::Int(CARD_CYCLES_DEFAULT as i64),
        "Times the card can be written over; an assumption, for its projected life only.",
    ),
];

const METRICS: &[Key] = &[
    key("window_s", Type::Int(5, 3600), IfAbsent::Int(300), "Length of a short metric window; must divide an hour."),
    key(
        "minutes",
        Type::Bool,
        IfAbsent::Bool(false),
        "Tell the figures of every minute too, as window 1m; window_s must be whole minutes.",
    ),
    key("zone", Type::Text, IfAbsent::Text(ZONE_DEFAULT), "Zone of days, months, quarters and years: a name or an offset such as +08:00."),
];

const COLDCHAIN: &[Key] = &[key(
    "keep_months",
    Type::Int(COLDCHAIN_KEEP_MONTHS_MIN as i64, 240),
    IfAbsent::Int(COLDCHAIN_KEEP_MONTHS_DEFAULT as i64),
    "Months the cold-chain log is kept.",
)];

const MQTT: &[Key] = &[
    key(
        "url",
        Type::Text,
        IfAbsent::Required,
        "mqtt://host:1883, mqtts://host:8883 (TLS), ws://host/path or wss://host/path; several, the preferred first, with commas in between.",
    ),
    key("client_id", Type::Text, IfAbsent::Derived("gateway.id"), "Stable name; the broker keeps a session under it."),
    key("username", Type::Text, IfAbsent::None, "User name, if the broker asks for one."),
    key("password_file", Type::Text, IfAbsent::None, "File with the password (mode 0600), or credential:NAME."),
    key("ca_file", Type::Text, IfAbsent::None, "Own certificate authority, PEM; the system's if absent."),
    key("cert_file", Type::Text, IfAbsent::None, "Client certificate, PEM."),
    key("key_file", Type::Text, IfAbsent::None, "Client key, PEM (mode 0600), or credential:NAME."),
    key("crl_file", Type::Text, IfAbsent::None, "Withdrawn certificates (CRL), PEM; a broker that shows one of them is refused."),
    key("keep_alive_s", Type::Int(5, 3600), IfAbsent::Int(30), "A silent connection is noticed after about twice this."),
    key(
        "window",
        Type::Int(1, BROKER_WINDOW_MAX as i64),
        IfAbsent::Int(BROKER_WINDOW_DEFAULT as i64),
        "The broker's max_inflight_messages.",
    ),
    key(
        "retained",
        Type::Word(&["fresh", "take", "drop"]),
        IfAbsent::Text("fresh"),
        "What becomes of messages the broker had kept: fresh takes those whose own time is at most two intervals old.",
    ),
];

const BUS: &[Key] = &[
    key(
        "transport",
        Type::Word(&["tcp", "rtu_over_tcp", "ascii_over_tcp", "rtu", "ascii"]),
        IfAbsent::Required,
        "How the bus is connected: rtu and ascii are serial ports.",
    ),
    key("address", Type::Text, IfAbsent::None, "host:port that the gateway connects to, for the transports through TCP."),
    key("backup", Type::Text, IfAbsent::None, "host:port to connect to when `address` does not answer."),
    key("listen", Type::Text, IfAbsent::None, "Address and port where a DTU connects to the gateway, instead of `address`."),
    key("registration", Type::Text, IfAbsent::None, "What the DTU sends first, as text or hex:…; needed where several share `listen`."),
    key("heartbeat", Type::Text, IfAbsent::None, "What the DTU sends to keep its connection, as text or hex:…; taken out."),
    key("path", Type::Text, IfAbsent::None, "Serial port; /dev/serial/by-id/… survives a re-plug."),
    key("baud", Type::Int(1200, 921_600), IfAbsent::Derived("9600"), "Bits per second, for serial ports."),
    key("parity", Type::Word(&["none", "even", "odd"]), IfAbsent::Derived("none"), "Parity bit, for serial ports."),
    key("data_bits", Type::Int(7, 8), IfAbsent::Derived("8"), "Data bits, for serial ports; 7 only for ascii."),
    key("stop_bits", Type::Int(1, 2), IfAbsent::Derived("1"), "Stop bits, for serial ports."),
    key("rs485", Type::Bool, IfAbsent::Derived("false"), "Let the kernel switch the transceiver's direction by RTS, for on-board UARTs."),
    key("rs485_rts_high", Type::Bool, IfAbsent::Derived("true"), "Level of RTS while sending."),
    key("rs485_before_ms", Type::Int(0, 100), IfAbsent::Derived("0"), "From RTS to the first bit."),
    key("rs485_after_ms", Type::Int(0, 100), IfAbsent::Derived("0"), "From the last bit to RTS."),
    key("rs485_hear_self", Type::Bool, IfAbsent::Derived("false"), "Hear what is sent, to find collisions; set `echo` too."),
    key("echo", Type::Bool, IfAbsent::Derived("false"), "The adapter hands back what it sends; it is taken out."),
    key("pause_ms", Type::Int(0, 10_000), IfAbsent::Derived("0 for tcp, 20 otherwise"), "Pause between an answer and the next request."),
    key("gap_us", Type::Int(0, 1_000_000), IfAbsent::Derived("3.5 characters"), "Silence between two frames, for rtu."),
    key("connect_delay_ms", Type::Int(0, 60_000), IfAbsent::Derived("0"), "Pause between a new connection and its first request."),
    key("idle_close_s", Type::Int(1, DAY_S), IfAbsent::None, "A TCP connection with nothing to ask for this long is closed."),
];

const DEVICE: &[Key] = &[
    key("profile", Type::Text, IfAbsent::Required, "Model of the device."),
    key("name", Type::Text, IfAbsent::None, "Name for people, any script."),
    key("mqtt", Type::Text, IfAbsent::None, "Broker it publishes to."),
    key("topic_id", Type::Text, IfAbsent::Derived("the device id"), "Its name in topics and payloads."),
    key(
        "clock",
        Type::Word(&["own", "gateway"]),
        IfAbsent::Derived("own"),
        "Whose clock stamps its messages: its own if it sends a time, or the gateway's.",
    ),
    key(
        "clock_offset_s",
        Type::Int(-DAY_S, DAY_S),
        IfAbsent::Derived("0"),
        "Taken off its time stamps: 28800 for local time that is sent as if it were UTC.",
    ),
    key(
        "messages_per_s_max",
        Type::Int(1, 100_000),
        IfAbsent::Derived("50"),
        "Messages per second, on average, that are taken; a burst after an outage passes.",
    ),
    key("series_max", Type::Int(16, 65_536), IfAbsent::Derived("4096"), "Different points and parts that are taken."),
    key("bus", Type::Text, IfAbsent::None, "Bus it answers on."),
    key("unit", Type::Int(0, 255), IfAbsent::None, "Its Modbus unit id, or board address, on that bus."),
    key("interval_s", Type::Int(1, DAY_S), IfAbsent::Derived("the profile's"), "Expected time between two readings; offline after two."),
    key(
        "slow_interval_s",
        Type::Int(1, DAY_S),
        IfAbsent::Derived("the profile's"),
        "Time between two reads of what rarely changes, on a bus.",
    ),
    key("timeout_ms", Type::Int(10, 60_000), IfAbsent::Derived("the profile's"), "Wait for an answer, on a bus."),
    key("retries", Type::Int(0, 5), IfAbsent::Derived("0"), "Times a question without an answer is asked again at once, on a bus."),
    key("retries_damaged", Type::Int(0, 5), IfAbsent::Derived("1"), "The same after an answer with a bad checksum."),
    key("retries_busy", Type::Int(0, 5), IfAbsent::Derived("1"), "The same after the answer that the device is busy."),
    key("offline_after", Type::Int(1, 100), IfAbsent::Derived("3"), "Polls in a row without an answer after which it is only probed."),
    key("offline_max_s", Type::Int(1, DAY_S), IfAbsent::Derived("30"), "Longest time between two probes of a device that does not answer."),
    key(
        "door_open_is",
        Type::Word(&["set", "clear"]),
        IfAbsent::None,
        "What an open door's bit was seen to be on site; without it a lock board has no door state.",
    ),
    key("channels", Type::Int(1, 2000), IfAbsent::Derived("the profile's"), "Channels of a lock board that have a lock."),
    key("cold", Type::Word(&["frozen", "chilled", "fresh"]), IfAbsent::None, "Cold-chain class of a cabinet; decides its limits."),
    key("calibrated", Type::Text, IfAbsent::None, "Day its probes were last calibrated, YYYY-MM-DD; stands in the cold-chain log."),
    key("calibration_months", Type::Int(1, 120), IfAbsent::Derived("12"), "Months until the next calibration is due."),
    key(
        "keep_h",
        Type::Int(1, KEEP_H_MAX as i64),
        IfAbsent::Derived("24"),
        "Hours a parcel may stay in a locker; after them it is overdue.",
    ),
    key(
        "net_volume_l",
        Type::Int(1, 1_000_000),
        IfAbsent::None,
        "Net volume in litres of a cabinet or vending machine, or of what a meter feeds: gives energy per m³ (GB 26920-2024).",
    ),
    Key {
        name: "alarm",
        node: Node::Table(RULES),
        default: IfAbsent::None,
        doc: "Alarm rules of this device, where they differ from the site's.",
    },
];

const FORWARD: &[Key] = &[
    key(
        "protocol",
        Type::Word(&["influx2", "influx1", "mqtt", "file"]),
        IfAbsent::Text("influx2"),
        "influx2 writes to /api/v2/write (InfluxDB 2 and 3, VictoriaMetrics, GreptimeDB), influx1 to /write (InfluxDB 1, QuestDB), mqtt publishes to a broker, file writes into a folder.",
    ),
    key(
        "url",
        Type::Text,
        IfAbsent::None,
        "Base address of the database, the path of the protocol is appended; of a broker as under [mqtt.NAME].",
    ),
    key("org", Type::Text, IfAbsent::None, "Organisation; influx2."),
    key("bucket", Type::Text, IfAbsent::None, "Bucket; influx2."),
    key("db", Type::Text, IfAbsent::None, "Database; influx1."),
    key("rp", Type::Text, IfAbsent::None, "Retention policy, if not the database's default; influx1."),
    key("token_file", Type::Text, IfAbsent::None, "File with the token (mode 0600), or credential:NAME."),
    key("username", Type::Text, IfAbsent::None, "User, if one is asked for; influx1, mqtt."),
    key("password_file", Type::Text, IfAbsent::None, "File with the user's password (mode 0600), or credential:NAME; influx1, mqtt."),
    key("ca_file", Type::Text, IfAbsent::None, "Own certificate authority, PEM; the system's if absent."),
    key("cert_file", Type::Text, IfAbsent::None, "Client certificate, PEM."),
    key("key_file", Type::Text, IfAbsent::None, "Client key, PEM (mode 0600), or credential:NAME."),
    key("proxy", Type::Text, IfAbsent::None, "http://host:port of a proxy; one of the environment is never used."),
    key("server_name", Type::Text, IfAbsent::None, "Name in the database's certificate, where https reaches it under another one."),
    key(
        "topic",
        Type::Text,
        IfAbsent::None,
        "Topic; {gateway} {site} {district} stand for the sender, {measurement} {kind} {device} for the line; mqtt.",
    ),
    key(
        "format",
        Type::Word(&["line", "json"]),
        IfAbsent::Text("line"),
        "line: line protocol with ms, json: an object per line of text; mqtt.",
    ),
    key("client_id", Type::Text, IfAbsent::None, "MQTT client id; the gateway's id, a hyphen and the destination's name if absent; mqtt."),
    key("keep_alive_s", Type::Int(5, 3600), IfAbsent::Int(120), "Seconds between two signs of life of about 200 bytes each; mqtt."),
    key(
        "message_bytes_max",
        Type::Int(1024, UPLINK_MESSAGE_BYTES_MAX as i64),
        IfAbsent::Int(UPLINK_MESSAGE_BYTES_DEFAULT as i64),
        "Bytes of text per message; what a platform limits; mqtt.",
    ),
    key("dir", Type::Text, IfAbsent::None, "Folder for files of compressed line protocol; file."),
    key("file_bytes_max", Type::Int(65_536, 1024 * MIB), IfAbsent::Int(16 * MIB), "Size at which a file is full; file."),
    key("file_h_max", Type::Int(1, 744), IfAbsent::Int(24), "Hours after which a file is closed though it is not full; file."),
    key("files_max", Type::Int(1, 10_000), IfAbsent::Int(64), "Full files that may lie in the folder; then it waits; file."),
    key("metrics", Type::Bool, IfAbsent::Bool(true), "Send metrics."),
    key("short_windows", Type::Bool, IfAbsent::Derived("true, false with mb_per_month"), "Of metrics also windows shorter than an hour."),
    key(
        "revisions",
        Type::Word(&["over", "beside"]),
        IfAbsent::Text("over"),
        "A row computed again with late readings: over replaces the earlier one; beside, which VictoriaMetrics wants, stamps it its `rev` in ms later.",
    ),
    key("events", Type::Bool, IfAbsent::Bool(true), "Send events and alarms."),
    key("raw", Type::Bool, IfAbsent::Bool(false), "Send readings too, not only metrics and events."),
    key("raw_measurements", Type::Text, IfAbsent::None, "Of readings only these measurements, with commas in between."),
    key("raw_kinds", Type::Text, IfAbsent::None, "Readings only of these kinds of devices, with commas in between."),
    key(
        "start",
        Type::Word(&["oldest", "now"]),
        IfAbsent::Text("oldest"),
        "Where a destination that is new begins: with the oldest that is held, or with what comes.",
    ),
    key(
        "retention_d",
        Type::Int(1, 36_500),
        IfAbsent::None,
        "Days the destination keeps values; older ones are not sent, and counted as expired.",
    ),
    key(
        "live_share_pct",
        Type::Int(0, 95),
        IfAbsent::Int(50),
        "While older values wait for the destination: what new ones get first of all that is sent, percent; 0 keeps the order.",
    ),
    key("priority", Type::Int(1, DESTINATIONS_MAX as i64), IfAbsent::Derived("1"), "The smallest number has the line first for a backlog."),
    key("bytes_per_s", Type::Int(100, 125_000_000), IfAbsent::None, "Bytes per second the way to it may carry, on average over a request."),
    key(
        "mb_per_month",
        Type::Int(1, 1_000_000),
        IfAbsent::None,
        "Million bytes the way to it may carry in a calendar month; as they run short readings, short windows and hours are left out, never alarms and days.",
    ),
    key("lines_max", Type::Int(1, 50_000), IfAbsent::Int(FORWARD_LINES_DEFAULT as i64), "Lines per request."),
    key("bytes_max", Type::Int(4096, 8 * MIB), IfAbsent::Int(FORWARD_BYTES_DEFAULT as i64), "Bytes per request, before compression."),
    key("delay_ms", Type::Int(10, 3_600_000), IfAbsent::Int(5000), "Longest time a line waits for its request to fill."),
    key("timeout_ms", Type::Int(100, 300_000), IfAbsent::Int(10_000), "Time limit of one request."),
];

const API: &[Key] = &[key("listen", Type::Text, IfAbsent::Text("127.0.0.1:8600"), "Loopback address of the status page, or off.")];

/// Every section.
pub(crate) const ROOT: &[Key] = &[
    Key { name: "gateway", node: Node::Table(GATEWAY), default: IfAbsent::Table, doc: "Who and where the gateway is." },
    Key { name: "store", node: Node::Table(STORE), default: IfAbsent::Table, doc: "Where readings are kept." },
    Key { name: "metrics", node: Node::Table(METRICS), default: IfAbsent::Table, doc: "What is computed from them." },
    Key { name: "coldchain", node: Node::Table(COLDCHAIN), default: IfAbsent::Table, doc: "The cold-chain log of cabinets." },
    Key { name: "mqtt", node: Node::Named(MQTT), default: IfAbsent::Table, doc: "MQTT brokers, by name." },
    Key { name: "bus", node: Node::Named(BUS), default: IfAbsent::Table, doc: "Modbus buses, by name." },
    Key { name: "device", node: Node::Named(DEVICE), default: IfAbsent::Table, doc: "Devices, by id." },
    Key { name: "alarm", node: Node::Table(alarm::SITE), default: IfAbsent::Table, doc: "Alarm rules of the site." },
    Key {
        name: "forward",
        node: Node::Named(FORWARD),
        default: IfAbsent::Table,
        doc: "Destinations, by name: databases, a platform's broker, a folder.",
    },
    Key { name: "api", node: Node::Table(API), default: IfAbsent::Table, doc: "Status page and health." },
];

/// The key of that name.
pub(crate) fn find<'k>(keys: &'k [Key], name: &str) -> Option<&'k Key> {
    keys.iter().find(|key| key.name == name)
}

/// The known name nearest to what was written, if it is near enough to be meant. A forgotten last word (`_s`, `_file`)
/// counts as nothing: leaving the unit out is the commonest slip.
#[must_use]
pub fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let folded = |name: &str| name.to_lowercase().replace('-', "_");
    let written = folded(written);
    let reach = (written.chars().count() / 3).max(1);
    let distance = |name: &str| {
        let name = folded(name);
        let whole = strsim::osa_distance(&written, &name);
        let least = name.rsplit_once('_').map_or(whole, |(stem, _)| whole.min(strsim::osa_distance(&written, stem)));
        (least, whole)
    };
    known.into_iter().map(|name| (distance(name), name)).filter(|((far, _), _)| *far <= reach).min().map(|(_, name)| name)
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
