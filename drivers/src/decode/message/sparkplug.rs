//! Sparkplug B 3.0 (Eclipse): what the devices of edge nodes say, by name instead of alias.
//!
//! A birth says which metrics a device has, of which type, and by which alias later data mean them; so data can only be read by
//! who has heard the birth and everything since. All messages of one node share one `seq` (0 to 255, then 0 again): [`Nodes`]
//! must be shown every message of a node, whoever's it is. After a gap everything of the node is [`Fault::NoBirth`] until the
//! next birth, of the node for all or of a device for itself. A host would ask for a rebirth with a command; this product
//! writes to nobody, so it waits. Values marked as historical are left out, as they would be taken for now; so are arrays, data
//! sets, templates, bytes and files, and the protocol's own metrics.
//!
//! Bounded: [`DEVICES_MAX`] nodes, as many devices, [`METRICS_MAX`](payload::METRICS_MAX) metrics of each, and [`NAMES_BYTES_MAX`] for
//! the names of all; the node not heard for the longest time gives way.

mod births;
mod payload;
mod values;

use crate::fault::Fault;
use births::Node;
use facility_config::limits::DEVICES_MAX;
use payload::Payload;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What all births that are remembered may take together, bytes.
const NAMES_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Name under which a node's own metrics are remembered; no device has it.
const NODE_ITSELF: &str = "";
/// The metric by which a birth and the last will of the same connection know each other.
const BD_SEQ: &str = "bdSeq";
/// Beginning of the metrics through which a node takes commands.
const CONTROLS: &str = "Node Control/";

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A node or device came up and named its metrics (NBIRTH, DBIRTH).
    Birth,
    /// Values that changed (NDATA, DDATA). Without any for a last will of an earlier connection, which says nothing.
    Data,
    /// A node or device is gone (NDEATH, DDEATH).
    Death,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What it is about.
    pub kind: Kind,
    /// Metrics by name; a `/` in a name opens an object.
    pub values: Value,
    /// The sender's time, Unix ms.
    pub time_ms: Option<i64>,
    /// The node's number of the message, 0 to 255. All devices of a node share it: jumps are no loss of one device.
    pub seq: Option<u64>,
    /// Of the death of a node: its devices that were born since we listen, in order. They go with it (Sparkplug 3.0, 6.4.3).
    pub gone: Vec<Box<str>>,
}

/// The edge nodes of one broker.
#[derive(Debug, Default)]
pub struct Nodes {
    /// By group and node.
    nodes: HashMap<Box<str>, Node>,
    /// Messages so far: tells which node was heard last.
    messages: u64,
}

/// A topic's parts.
struct Address<'a> {
    node: String,
    device: &'a str,
    kind: Kind,
}

impl Nodes {
    /// Without any.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of a message and says what is in it.
    ///
    /// # Errors
    /// [`Fault::UnknownMessage`] for topics of commands and hosts, and no Sparkplug at all; [`Fault::Undecodable`] for a body
    /// that is no payload; [`Fault::Oversize`] for too many metrics; [`Fault::NoBirth`] for data that nothing known explains.
    pub fn read(&mut self, topic: &str, payload: &[u8]) -> Result<Report, Fault> {
        let address = address(topic).ok_or(Fault::UnknownMessage)?;
        let payload = Payload::read(payload)?;
        let metrics = payload.metrics()?;
        let is_node = address.device == NODE_ITSELF;
        self.messages += 1;
        let report = |kind, values| Report {
            kind,
            values: Value::Object(values),
            time_ms: payload.timestamp.and_then(|time| i64::try_from(time).ok()),
            seq: payload.seq,
            gone: Vec::new(),
        };
        match address.kind {
            Kind::Birth => {
                if is_node {
                    self.nodes.remove(&*address.node);
                }
                let node = self.nodes.entry(address.node.into()).or_default();
                node.hear(self.messages, payload.seq);
                let values = values::of(node.born(address.device, &metrics)?, metrics);
                self.make_room();
                Ok(report(Kind::Birth, values))
            }
            Kind::Data => {
                let node = self.nodes.get_mut(&*address.node).ok_or(Fault::NoBirth)?;
                node.hear(self.messages, payload.seq);
                let device = node.device(address.device).ok_or(Fault::NoBirth)?;
                Ok(report(Kind::Data, values::of(device, metrics)))
            }
            Kind::Death if is_node => {
                let is_stale = self.nodes.get(&*address.node).is_some_and(|node| node.is_of_another_life(&metrics));
                if is_stale {
                    return Ok(report(Kind::Data, Map::new()));
                }
                let node = self.nodes.remove(&*address.node).unwrap_or_default();
                Ok(Report { gone: node.into_devices(), ..report(Kind::Death, Map::new()) })
            }
            Kind::Death => {
                if let Some(node) = self.nodes.get_mut(&*address.node) {
                    node.hear(self.messages, payload.seq);
                    node.bury(address.device);
                }
                Ok(report(Kind::Death, Map::new()))
            }
        }
    }

    /// Forgets everything: messages may have been missed.
    pub fn forget(&mut self) {
        self.nodes.clear();
    }

    /// Lets nodes go, the one not heard for the longest time first, until all bounds hold.
    fn make_room(&mut self) {
        while self.is_too_much() {
            let Some(oldest) = self.nodes.iter().min_by_key(|(_, node)| node.heard).map(|(name, _)| name.clone()) else { break };
            self.nodes.remove(&oldest);
        }
    }

    fn is_too_much(&self) -> bool {
        let devices: usize = self.nodes.values().map(Node::len).sum();
        let bytes: usize = self.nodes.iter().map(|(name, node)| name.len() + node.bytes()).sum();
        self.nodes.len() > DEVICES_MAX || devices > 2 * DEVICES_MAX || bytes > NAMES_BYTES_MAX
    }
}

/// Reads `spBv1.0/GROUP/TYPE/NODE[/DEVICE]`; `None` for anything that is neither a birth nor data nor a death.
fn address(topic: &str) -> Option<Address<'_>> {
    let mut levels = topic.strip_prefix("spBv1.0/")?.split('/');
    let (group, kind, node) = (levels.next()?, levels.next()?, levels.next()?);
    let (device, is_over) = (levels.next(), levels.next().is_none());
    let kind = match (kind, device) {
        ("NBIRTH", None) | ("DBIRTH", Some(_)) => Kind::Birth,
        ("NDATA", None) | ("DDATA", Some(_)) => Kind::Data,
        ("NDEATH", None) | ("DDEATH", Some(_)) => Kind::Death,
        _ => return None,
    };
    let is_named = !group.is_empty() && !node.is_empty() && device != Some(NODE_ITSELF);
    (is_over && is_named).then(|| Address { node: format!("{group}/{node}"), device: device.unwrap_or(NODE_ITSELF), kind })
}

#[cfg(test)]
mod tests;
