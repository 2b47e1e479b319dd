//! A site with one device of a model: enough to decode one of its messages without a configuration. Pure.

use facility_config::profile::{Dialect, Format, Message};
use facility_config::{DeviceIx, Profile, Site, Source};
use std::sync::Arc;

const ID: &str = "explained";
/// Any model and any address will do: both are replaced or never used.
const SITE: &str = "[gateway]\nid = \"explain\"\nsite = \"explain\"\ndistrict = \"350102\"\n[mqtt.explain]\nurl = \"mqtt://127.0.0.1\"\n[device.explained]\nprofile = \"vending\"\nmqtt = \"explain\"\n";

/// A site whose one device is of this model and called as the topic says, or `called`. `None` if the model speaks no MQTT.
pub(super) fn site(profile: Arc<Profile>, topic: &str, called: Option<&str>) -> Option<Site> {
    let Dialect::Mqtt(map) = &profile.dialect else { return None };
    let parts = map.messages.iter().find_map(|message| Parts::of(&message.topic, topic)).unwrap_or_default();
    let mut site = facility_config::from_toml(ID, SITE).ok()?;
    if let Some(name) = parts.site {
        site.gateway.site = name.into();
    }
    let device = site.devices.get_mut(DeviceIx::GATEWAY.at() + 1)?;
    (device.kind, device.interval) = (profile.kind, profile.interval);
    device.source = Source::Mqtt { broker: 0, topic_id: called.or(parts.device).unwrap_or(ID).into() };
    device.profile = Some(profile);
    Some(site)
}

/// The topics of a model, if this is none of them. An edge node of Sparkplug has some that no template is about.
pub(super) fn other_topics<'a>(profile: &'a Profile, topic: &str) -> Option<Vec<&'a str>> {
    let Dialect::Mqtt(map) = &profile.dialect else { return None };
    let is_known = |message: &Message| message.format == Format::Sparkplug || Parts::of(&message.topic, topic).is_some();
    if map.messages.iter().any(is_known) {
        return None;
    }
    let mut topics: Vec<&str> = map.messages.iter().map(|message| &*message.topic).collect();
    topics.dedup();
    Some(topics)
}

/// What a topic says in the places of a template.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parts<'a> {
    pub(super) site: Option<&'a str>,
    pub(super) device: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// `None` if the topic is not of the template.
    pub(super) fn of(template: &str, topic: &'a str) -> Option<Self> {
        let mut parts = Self::default();
        let (mut wanted, mut levels) = (template.split('/'), topic.split('/'));
        loop {
            let (template, level) = match (wanted.next(), levels.next()) {
                (None, None) => return Some(parts),
                (Some(template), Some(level)) => (template, level),
                _ => return None,
            };
            let Some((before, rest)) = template.split_once('{') else {
                if template != "+" && template != level {
                    return None;
                }
                continue;
            };
            let (name, after) = rest.split_once('}')?;
            let value = level.strip_prefix(before)?.strip_suffix(after)?;
            match name {
                "site" => parts.site = Some(value),
                "device" => parts.device = Some(value),
                _ => {}
            }
        }
    }
}
