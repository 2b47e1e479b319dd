//! Topic templates: which topic a device speaks on, and the fewest filters that hear all of a broker's devices.
//!
//! Templates hold the parts `{site}`, `{kind}` and `{device}`, whole levels `{name}` of any other name that places refer to,
//! and `+` for levels that do not matter. Pure text; never talks to a broker.

use facility_config::profile::{Dialect, Format, Message};
use facility_config::{Device, DeviceIx, Kind, Site, Source};
use std::collections::BTreeMap;

/// The messages of the devices that speak through one broker, with the device's name in topics.
pub(super) fn messages(site: &Site, broker: usize) -> impl Iterator<Item = (DeviceIx, &Device, &str, &[Message])> {
    site.indexed().filter_map(move |(ix, device)| {
        let Source::Mqtt { broker: at, topic_id } = &device.source else { return None };
        let Dialect::Mqtt(map) = &device.profile.as_ref()?.dialect else { return None };
        (*at == broker).then_some((ix, device, &**topic_id, &*map.messages))
    })
}

/// One level of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Level {
    Text(Box<str>),
    /// `+`, or a name.
    Any,
    /// The device's name, with what stands before and behind it.
    Device(Box<str>, Box<str>),
}

/// A template with the parts that the configuration knows filled in.
pub(super) fn levels(template: &str, site: &Site, kind: Kind) -> Vec<Level> {
    filled(template, site, kind)
        .split('/')
        .map(|level| match level.split_once("{device}") {
            Some((before, after)) => Level::Device(before.into(), after.into()),
            None if level == "+" || name(level).is_some() => Level::Any,
            None => Level::Text(level.into()),
        })
        .collect()
}

/// The level a place like `{name}` refers to, from 0.
pub(super) fn level(template: &str, place: &str) -> Option<usize> {
    name(place)?;
    template.split('/').position(|level| level == place)
}

fn name(level: &str) -> Option<&str> {
    level.strip_prefix('{')?.strip_suffix('}')
}

fn filled(template: &str, site: &Site, kind: Kind) -> String {
    template.replace("{site}", &site.gateway.site).replace("{kind}", kind.as_str())
}

/// Whether a topic has these levels. A topic that begins with `$` is not heard by a leading wildcard (MQTT 3.1.1, 4.7.2).
pub(super) fn fits(levels: &[Level], topic: &str) -> bool {
    let hidden = topic.starts_with('$') && !matches!(levels.first(), Some(Level::Text(_)));
    let mut parts = topic.split('/');
    let fit = levels.iter().all(|level| {
        parts.next().is_some_and(|part| match level {
            Level::Text(text) => **text == *part,
            Level::Any => true,
            Level::Device(..) => device(level, part).is_some(),
        })
    });
    fit && !hidden && parts.next().is_none()
}

/// The device's name in its level.
pub(super) fn device<'t>(level: &Level, part: &'t str) -> Option<&'t str> {
    let Level::Device(before, after) = level else { return None };
    part.strip_prefix(&**before)?.strip_suffix(&**after).filter(|id| !id.is_empty())
}

/// The one topic of a device, if nothing in the template is left open.
pub(super) fn exact(levels: &[Level], topic_id: &str) -> Option<String> {
    let mut has_device = false;
    let parts: Option<Vec<String>> = levels
        .iter()
        .map(|level| match level {
            Level::Text(text) => Some(text.to_string()),
            Level::Any => None,
            Level::Device(before, after) => {
                has_device = true;
                Some(format!("{before}{topic_id}{after}"))
            }
        })
        .collect();
    parts.filter(|_| has_device).map(|parts| parts.join("/"))
}

/// What to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// The filter.
    pub filter: String,
    /// 0 only if every message behind it asks for no more.
    pub qos: u8,
}

/// The filters to subscribe to: devices become `+`, and a filter that another one covers is left out, so that a broker
/// does not send one message twice.
#[must_use]
pub fn filters(site: &Site, broker: usize) -> Vec<Filter> {
    let mut all = BTreeMap::new();
    for (_, device, _, messages) in messages(site, broker) {
        for message in messages {
            let filter = filter(&message.topic, site, device.kind);
            // The node of a Sparkplug device speaks one level higher; its births and deaths say what the device's mean.
            let node = filter.rsplit_once('/').map(|(node, _)| node.to_owned()).filter(|_| message.format == Format::Sparkplug);
            for filter in node.into_iter().chain([filter]) {
                let qos = all.entry(filter).or_insert(message.qos);
                *qos = message.qos.max(*qos);
            }
        }
    }
    let wide: Vec<&String> = all.keys().filter(|narrow| !all.keys().any(|wide| wide != *narrow && covers(wide, narrow))).collect();
    wide.into_iter()
        .map(|wide| {
            let qos = all.iter().filter(|(narrow, _)| covers(wide, narrow)).map(|(_, qos)| *qos).max();
            Filter { filter: wide.clone(), qos: qos.unwrap_or(1) }
        })
        .collect()
}

/// A level that holds `{device}` becomes `+`, because `+` must fill its level (MQTT 3.1.1, 4.7.1.3).
fn filter(template: &str, site: &Site, kind: Kind) -> String {
    let level = |level| match level {
        Level::Text(text) => text.into_string(),
        Level::Any | Level::Device(..) => "+".to_owned(),
    };
    levels(template, site, kind).into_iter().map(level).collect::<Vec<_>>().join("/")
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
