//! The site of a simulated month: the cast as a configuration would declare it, with all default rules. Pure.
//!
//! Broker and bus have addresses nobody connects to.

use facility_config::device::ColdClass;
use facility_config::{DeviceIx, Problems, Site};
use facility_drivers::sim::fleet::{Address, HEARTBEAT_MS, Member, READ_INTERVAL_MS, SITE, buses, cast};
use std::fmt::Write as _;

/// The site of a fleet of so many devices.
pub(super) fn site(devices: usize) -> Result<Site, Problems> {
    let mut text = format!(
        "[gateway]\nid = \"gw-month\"\nsite = \"{SITE}\"\ndistrict = \"350102\"\n\n[metrics]\nwindow_s = 300\n\n[mqtt.kiosk]\nurl = \"mqtt://127.0.0.1\"\n"
    );
    for bus in 0..buses(devices) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n[bus.cold-{bus}]\ntransport = \"tcp\"\naddress = \"127.0.0.1:{}\"", 5_020 + bus);
    }
    cast(devices).iter().for_each(|member| declare(&mut text, member));
    facility_config::from_toml("simulate", &text)
}

fn declare(text: &mut String, member: &Member) {
    let (source, interval_ms) = match member.address {
        Address::Mqtt => ("mqtt = \"kiosk\"".to_owned(), HEARTBEAT_MS),
        Address::Bus { bus, unit } => (format!("bus = \"cold-{bus}\"\nunit = {unit}"), READ_INTERVAL_MS),
    };
    let (id, profile, interval_s) = (&member.id, member.role.profile(), interval_ms / 1_000);
    let _ = writeln!(text, "\n[device.{id}]\nprofile = \"{profile}\"\n{source}\ninterval_s = {interval_s}");
    if let Some(class) = member.cold {
        let class = match class {
            ColdClass::Frozen => "frozen",
            ColdClass::Chilled => "chilled",
            ColdClass::Fresh => "fresh",
        };
        let _ = writeln!(text, "cold = \"{class}\"");
    }
}

/// Where each member of the cast stands in the site; a site orders its devices by id.
pub(super) fn places(site: &Site, devices: usize) -> Vec<Option<DeviceIx>> {
    let by_id: std::collections::BTreeMap<&str, DeviceIx> = site.indexed().map(|(ix, device)| (&*device.id, ix)).collect();
    cast(devices).iter().map(|member| by_id.get(&*member.id).copied()).collect()
}
