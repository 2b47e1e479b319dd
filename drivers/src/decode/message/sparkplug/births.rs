//! What births have said, and whether everything since has been heard.

use super::payload::{Metric, Raw};
use super::{BD_SEQ, NODE_ITSELF};
use crate::fault::Fault;
use facility_config::limits::BROKER_WINDOW_MAX;
use std::collections::HashMap;

/// A broker may send this many messages again after a reconnect, in order: their numbers go back, and nothing is missing. Half
/// of all numbers there are: more than so many missing at once cannot be told from messages that come again.
const SENT_AGAIN_MAX: u8 = BROKER_WINDOW_MAX as u8;
/// What the definition of one metric takes besides its name, about, bytes.
const DEFINITION_BYTES: usize = 48;

/// An edge node with its devices.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// When it was last heard, in messages.
    pub(super) heard: u64,
    /// Devices since their births, `None` when their metrics may have changed unheard; under [`NODE_ITSELF`] the node itself.
    devices: HashMap<Box<str>, Option<Device>>,
    /// Number that the next message must have.
    next_seq: Option<u8>,
    /// Which of its connections the birth was of; the last will of each names it too.
    bd_seq: Option<u64>,
}

impl Node {
    /// Takes note of a message. If one before it is missing it may have been a birth: nothing known of the node holds any more.
    pub(super) fn hear(&mut self, messages: u64, seq: Option<u64>) {
        self.heard = messages;
        // Protobuf's younger encoders leave out zeros.
        let seq = u8::try_from(seq.unwrap_or(0)).ok();
        let ahead = seq.zip(self.next_seq).map(|(seq, next)| seq.wrapping_sub(next));
        let is_gap = seq.is_none() || ahead.is_some_and(|ahead| (1..=u8::MAX - SENT_AGAIN_MAX).contains(&ahead));
        if is_gap {
            self.devices.values_mut().for_each(|device| *device = None);
        }
        self.next_seq = seq.map(|seq| seq.wrapping_add(1));
    }

    /// Learns the metrics of a device that came up.
    pub(super) fn born(&mut self, device: &str, metrics: &[Metric]) -> Result<&Device, Fault> {
        if device == NODE_ITSELF {
            self.bd_seq = bd_seq(metrics);
        }
        let known = self.devices.entry(device.into()).or_default();
        *known = None;
        Ok(known.insert(Device::new(metrics).ok_or(Fault::Undecodable)?))
    }

    /// The metrics of a device, if everything since its birth was heard.
    pub(super) fn device(&self, name: &str) -> Option<&Device> {
        self.devices.get(name)?.as_ref()
    }

    /// A device went.
    pub(super) fn bury(&mut self, device: &str) {
        self.devices.remove(device);
    }

    /// How many devices it has had.
    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    /// Whether a last will is of another connection than the birth.
    pub(super) fn is_of_another_life(&self, will: &[Metric]) -> bool {
        self.bd_seq.zip(bd_seq(will)).is_some_and(|(birth, will)| birth != will)
    }

    /// Names of its devices that were born and did not die, in order; a message that was missed between is no death.
    pub(super) fn into_devices(self) -> Vec<Box<str>> {
        let mut names: Vec<Box<str>> = self.devices.into_keys().filter(|name| &**name != NODE_ITSELF).collect();
        names.sort_unstable();
        names
    }

    /// Memory its births take, about.
    pub(super) fn bytes(&self) -> usize {
        self.devices.iter().map(|(name, device)| name.len() + device.as_ref().map_or(0, |device| device.bytes)).sum()
    }
}

fn bd_seq(metrics: &[Metric]) -> Option<u64> {
    match metrics.iter().find(|metric| metric.name() == BD_SEQ)?.value {
        Some(Raw::Int(number)) => Some(number.into()),
        Some(Raw::Long(number)) => Some(number),
        _ => None,
    }
}

/// The metrics of a device.
#[derive(Debug)]
pub(super) struct Device {
    /// Names and data types, by name.
    metrics: Vec<(Box<str>, u32)>,
    /// Aliases and positions in `metrics`, by alias.
    aliases: Vec<(u64, usize)>,
    bytes: usize,
}

impl Device {
    /// From the metrics of a birth; `None` if two of them have one alias.
    fn new(birth: &[Metric]) -> Option<Self> {
        let mut named: Vec<_> = birth.iter().filter(|metric| !metric.name().is_empty()).collect();
        named.sort_by_key(|metric| metric.name());
        named.dedup_by_key(|metric| metric.name());
        let metrics: Vec<(Box<str>, u32)> = named.iter().map(|m| (m.name().into(), m.datatype())).collect();
        let mut aliases: Vec<_> = named.iter().enumerate().filter_map(|(at, metric)| Some((metric.alias?, at))).collect();
        aliases.sort_unstable();
        let are_unique = aliases.windows(2).all(|two| two[0].0 != two[1].0);
        let bytes = metrics.iter().map(|(name, _)| name.len() + DEFINITION_BYTES).sum();
        are_unique.then_some(Self { metrics, aliases, bytes })
    }

    /// Name and data type of a metric; `None` if the birth did not have it.
    pub(super) fn definition(&self, metric: &Metric) -> Option<(&str, u32)> {
        let at = match metric.name() {
            "" => self.aliases.binary_search_by_key(&metric.alias?, |(alias, _)| *alias).ok().map(|found| self.aliases[found].1),
            name => self.metrics.binary_search_by_key(&name, |(name, _)| &**name).ok(),
        };
        let (name, datatype) = &self.metrics[at?];
        Some((name, *datatype))
    }
}
