//! Topic templates: which topic a device speaks on, and the fewest filters that hear all of a broker's devices.
//!
//! Templates hold the parts `{site}`, `{kind}` and `{device}`, and `+` for levels that do not matter. Pure text; never
//! talks to a broker.

use facility_config::profile::{Dialect, JsonMessage};
use facility_config::{Device, DeviceIx, Site, Source};
use std::collections::BTreeSet;

/// The JSON messages of the devices that speak through one broker, with the device's name in topics.
pub(super) fn messages(site: &Site, broker: usize) -> impl Iterator<Item = (DeviceIx, &Device, &str, &[JsonMessage])> {
    site.indexed().filter_map(move |(ix, device)| {
        let Source::Mqtt { broker: at, topic_id } = &device.source else { return None };
        let Dialect::Json(map) = &device.profile.as_ref()?.dialect else { return None };
        (*at == broker).then_some((ix, device, &**topic_id, &*map.messages))
    })
}

/// The topic of one device; still a filter if the template holds `+`.
pub(super) fn of_device(template: &str, site: &Site, device: &Device, topic_id: &str) -> String {
    template.replace("{site}", &site.gateway.site).replace("{kind}", device.kind.as_str()).replace("{device}", topic_id)
}

/// The filters to subscribe to: devices become `+`, and a filter that another one covers is left out, so that a broker
/// does not send one message twice.
#[must_use]
pub fn filters(site: &Site, broker: usize) -> Vec<String> {
    let mut all = BTreeSet::new();
    for (_, device, _, messages) in messages(site, broker) {
        for message in messages {
            all.insert(filter(&message.topic, site, device));
        }
    }
    all.iter().filter(|narrow| !all.iter().any(|wide| wide != *narrow && covers(wide, narrow))).cloned().collect()
}

/// A level that holds `{device}` becomes `+`, because `+` must fill its level (MQTT 3.1.1, 4.7.1.3).
fn filter(template: &str, site: &Site, device: &Device) -> String {
    let levels: Vec<&str> = template.split('/').map(|level| if level.contains("{device}") { "+" } else { level }).collect();
    of_device(&levels.join("/"), site, device, "")
}

/// Whether a filter hears a topic (MQTT 3.1.1, 4.7). Topics that begin with `$` are not heard by a leading wildcard.
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    let hidden = topic.starts_with('$') && filter.starts_with(['+', '#']);
    !hidden && covers(filter, topic)
}

/// Whether everything that `narrow` hears is heard by `wide` too.
fn covers(wide: &str, narrow: &str) -> bool {
    let mut narrow = narrow.split('/');
    for level in wide.split('/') {
        // `a/#` hears `a` itself too.
        if level == "#" {
            return true;
        }
        match narrow.next() {
            Some("#") | None => return false,
            Some(other) if level != "+" && level != other => return false,
            Some(_) => {}
        }
    }
    narrow.next().is_none()
}
