//! The gateway's configuration for a simulated fleet, in the product's own configuration language.
//!
//! Pure text: opens no file and no socket. The text is what a technician would write by hand for these devices, so
//! the demonstration starts the gateway through the same door as a real site.

use super::fleet::{Address, Member, SITE, cast};
use facility_config::device::ColdClass;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// 鼓楼区 (GB/T 2260), the district of the pilot community below.
const DISTRICT: &str = "350102";
/// One of the eleven pilots of 2021, 分布式 (DOMAIN §6).
const COMMUNITY: &str = "军门社区";

/// How long after its first sight and after a defrost a frozen cabinet is not judged, simulated s. A site has 90 min
/// (EKC A12), because a cabinet that is seen for the first time may just have been switched on. This neighbourhood has
/// been running for months, its defrosts are over sooner than the rule's 30 min of on-delay, and its story is shown
/// in the first hour.
const FROZEN_QUIET_S: u32 = 600;

/// Where everything is.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The broker the lockers and vending machines publish to.
    pub mqtt: SocketAddr,
    /// One Modbus TCP server per bus; as many as [`buses`](super::fleet::buses) says.
    pub modbus: &'a [SocketAddr],
    /// The time-series database, if there is one.
    pub database: Option<Database<'a>>,
    /// Status page; port 0 takes any free one.
    pub api: SocketAddr,
    /// Directory of the store.
    pub store_dir: &'a Path,
    /// Longest time a reading waits for its group commit, real ms.
    pub commit_delay_ms: u64,
}

/// Where figures go.
#[derive(Debug, Clone, Copy)]
pub struct Database<'a> {
    /// Base address, e.g. `http://127.0.0.1:8086`.
    pub url: &'a str,
    /// Organisation.
    pub org: &'a str,
    /// Bucket.
    pub bucket: &'a str,
    /// File with the token.
    pub token_file: Option<&'a Path>,
    /// Send readings too.
    pub raw: bool,
    /// Longest time a line waits for its batch to fill, ms.
    pub delay_ms: u64,
}

/// The configuration of a gateway that serves a fleet of so many devices. Devices on a bus that has no place are left
/// out.
#[must_use]
pub fn config_toml(devices: usize, places: &Places<'_>) -> String {
    let mut text = format!(
        "[gateway]\nid = \"gw-junmen\"\nsite = {site}\ndistrict = {district}\ncommunity = {community}\ncircle_type = \"distributed\"\n\n\
         [store]\ndir = {dir}\ncommit_delay_ms = {commit_delay_ms}\n\n\
         [metrics]\nwindow_s = 300\n\n\
         [alarm.frozen_high]\ndefrost_delay_s = {FROZEN_QUIET_S}\n\n\
         [api]\nlisten = {listen}\n\n\
         [mqtt.kiosk]\nurl = {broker}\n",
        site = quoted(SITE),
        district = quoted(DISTRICT),
        community = quoted(COMMUNITY),
        dir = quoted(&places.store_dir.to_string_lossy()),
        commit_delay_ms = places.commit_delay_ms,
        listen = quoted(&places.api.to_string()),
        broker = quoted(&format!("mqtt://{}", places.mqtt)),
    );
    for (bus, address) in places.modbus.iter().enumerate() {
        append(&mut text, format_args!("\n[bus.{}]\ntransport = \"tcp\"\naddress = {}\n", bus_name(bus), quoted(&address.to_string())));
    }
    if let Some(database) = &places.database {
        forward(&mut text, database);
    }
    for member in cast(devices) {
        device(&mut text, &member, places.modbus.len());
    }
    text
}

fn forward(text: &mut String, database: &Database<'_>) {
    append(
        text,
        format_args!(
            "\n[forward.main]\nurl = {}\norg = {}\nbucket = {}\n",
            quoted(database.url),
            quoted(database.org),
            quoted(database.bucket)
        ),
    );
    if let Some(file) = database.token_file {
        append(text, format_args!("token_file = {}\n", quoted(&file.to_string_lossy())));
    }
    append(text, format_args!("raw = {}\ndelay_ms = {}\n", database.raw, database.delay_ms));
}

fn device(text: &mut String, member: &Member, buses: usize) {
    let source = match member.address {
        Address::Mqtt => "mqtt = \"kiosk\"".to_owned(),
        Address::Bus { bus, unit } if bus < buses => format!("bus = {}\nunit = {unit}", quoted(&bus_name(bus))),
        Address::Bus { .. } => return,
    };
    let (profile, name) = (quoted(member.role.profile()), quoted(&member.name));
    append(text, format_args!("\n[device.{}]\nname = {name}\nprofile = {profile}\n{source}\ninterval_s = 60\n", member.id));
    if let Some(class) = member.cold {
        append(text, format_args!("cold = {}\n", quoted(cold_name(class))));
    }
}

/// The first bus has the name a site with one bus would give it.
fn bus_name(bus: usize) -> String {
    if bus == 0 { "cold".to_owned() } else { format!("cold-{}", bus + 1) }
}

fn cold_name(class: ColdClass) -> &'static str {
    match class {
        ColdClass::Frozen => "frozen",
        ColdClass::Chilled => "chilled",
        ColdClass::Fresh => "fresh",
    }
}

/// A TOML basic string. JSON's escapes are a subset of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn append(text: &mut String, more: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(more);
}

#[cfg(test)]
mod tests;
