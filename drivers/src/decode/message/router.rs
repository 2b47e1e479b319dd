//! Which device and which message a topic, and a payload's clues, stand for.
//!
//! Built when the configuration is read. Topics that name a device without anything left open are found by one look-up; others
//! are held against every template, of which there are a few per profile.

use super::peek::Clues;
use super::shape::Shape;
use super::topic::{self, Level};
use facility_config::device::Ingest;
use facility_config::profile::{Format, Message};
use facility_config::{DeviceIx, Site};
use std::collections::HashMap;

/// The devices of one broker and what they say.
#[derive(Debug, Default)]
pub(super) struct Router {
    pub(super) shapes: Vec<Shape>,
    pub(super) patterns: Vec<Pattern>,
    models: Vec<Model>,
    /// Pattern and device by topic.
    exact: HashMap<Box<str>, (usize, DeviceIx)>,
    /// By device index.
    known: Vec<Option<Known>>,
}

/// What has to be known about a device.
#[derive(Debug)]
pub(super) struct Known {
    /// In the registry.
    pub(super) id: Box<str>,
    /// In topics and payloads.
    pub(super) topic_id: Box<str>,
    pub(super) ingest: Ingest,
    pub(super) interval_ms: i64,
}

#[derive(Debug)]
struct Model {
    profile: Box<str>,
    /// By name in topics and payloads.
    devices: HashMap<Box<str>, DeviceIx>,
}

/// A topic template of a profile, with the messages that share it.
#[derive(Debug)]
pub(super) struct Pattern {
    model: usize,
    pub(super) template: Box<str>,
    pub(super) levels: Vec<Level>,
    pub(super) format: Format,
    device: Spot,
    pub(super) messages: Vec<Candidate>,
    /// Places that must be read before device and message are known.
    pub(super) clues: Option<Shape>,
}

/// Where something stands that tells device or message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spot {
    /// Level of the topic.
    Level(usize),
    /// Place in the payload, by its number among the clues.
    Clue(usize),
    /// Nowhere: the model has one device.
    Only,
}

/// A message that may be meant.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) shape: usize,
    /// All must hold.
    when: Vec<(Spot, Box<str>)>,
}

impl Router {
    /// Compiles the profiles of the devices that speak through the broker.
    pub(super) fn new(site: &Site, broker: usize) -> Self {
        let mut router = Self::default();
        router.known.resize_with(site.devices.len(), || None);
        // Devices of one model share its compiled messages; a profile is known by where its messages lie.
        let mut compiled: HashMap<_, (usize, std::ops::Range<usize>)> = HashMap::new();
        for (ix, device, topic_id, messages) in topic::messages(site, broker) {
            let profile = device.profile.as_ref().map_or("", |profile| &*profile.id);
            let (model, patterns) = compiled
                .entry((messages.as_ptr(), device.kind))
                .or_insert_with(|| {
                    router.models.push(Model { profile: profile.into(), devices: HashMap::new() });
                    let first = router.patterns.len();
                    let model = router.models.len() - 1;
                    messages.iter().for_each(|message| router.add(message, model, topic::levels(&message.topic, site, device.kind), first));
                    router.patterns[first..].iter_mut().for_each(|pattern| pattern.look_for(messages));
                    (model, first..router.patterns.len())
                })
                .clone();
            router.models[model].devices.entry(topic_id.into()).or_insert(ix);
            for pattern in patterns {
                if let Some(topic) = topic::exact(&router.patterns[pattern].levels, topic_id) {
                    router.exact.entry(topic.into()).or_insert((pattern, ix));
                }
            }
            let interval_ms = i64::try_from(device.interval.as_millis()).unwrap_or(i64::MAX);
            let known = Known { id: device.id.clone(), topic_id: topic_id.into(), ingest: device.ingest, interval_ms };
            router.known[ix.at()] = Some(known);
        }
        router
    }

    /// Adds a message to the pattern of its topic, from `first` on, or makes one.
    fn add(&mut self, message: &Message, model: usize, levels: Vec<Level>, first: usize) {
        self.shapes.push(Shape::new(message));
        let candidate = Candidate { shape: self.shapes.len() - 1, when: Vec::new() };
        let same = |p: &&mut Pattern| p.levels == levels && p.format == message.format && p.template == message.topic;
        match self.patterns[first..].iter_mut().find(same) {
            Some(pattern) => pattern.messages.push(candidate),
            None => self.patterns.push(Pattern {
                model,
                template: message.topic.clone(),
                levels,
                format: message.format,
                device: Spot::Only,
                messages: vec![candidate],
                clues: None,
            }),
        }
    }

    /// The pattern and device of a topic that leaves nothing open.
    pub(super) fn exact(&self, topic: &str) -> Option<(usize, DeviceIx)> {
        self.exact.get(topic).copied()
    }

    pub(super) fn known(&self, device: DeviceIx) -> Option<&Known> {
        self.known.get(device.at())?.as_ref()
    }

    pub(super) fn profile(&self, pattern: &Pattern) -> &str {
        &self.models[pattern.model].profile
    }

    /// The device that the topic names, or the one there is; `None` if that is nobody, or only the payload tells.
    pub(super) fn device(&self, pattern: &Pattern, topic: &str) -> Option<DeviceIx> {
        let devices = &self.models[pattern.model].devices;
        match pattern.device {
            Spot::Only if devices.len() == 1 => devices.values().next().copied(),
            _ => devices.get(pattern.topic_id(topic)?).copied(),
        }
    }

    /// Whether a topic is that of a Sparkplug edge node itself, one level above its devices.
    pub(super) fn is_node(&self, topic: &str) -> bool {
        let node = |pattern: &Pattern| pattern.levels.split_last().is_some_and(|(_, node)| topic::fits(node, topic));
        self.patterns.iter().any(|pattern| pattern.format == Format::Sparkplug && node(pattern))
    }

    /// The device of this name behind a Sparkplug node, by the node's topic.
    pub(super) fn device_of_node(&self, node: &str, name: &str) -> Option<DeviceIx> {
        let topic = format!("{node}/{name}");
        let mut fitting =
            self.patterns.iter().filter(|pattern| pattern.format == Format::Sparkplug && topic::fits(&pattern.levels, &topic));
        fitting.find_map(|pattern| self.device(pattern, &topic))
    }

    /// Whether a device of the pattern's model has this name.
    pub(super) fn is_declared(&self, pattern: &Pattern, topic_id: &str) -> bool {
        self.models[pattern.model].devices.contains_key(topic_id)
    }

    /// The device that the payload names.
    pub(super) fn device_by(&self, pattern: &Pattern, clues: &Clues) -> Option<DeviceIx> {
        self.models[pattern.model].devices.get(pattern.payload_id(clues)?).copied()
    }
}

impl Pattern {
    /// Whether the device's name stands in the payload.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.device, Spot::Clue(_))
    }

    /// The device's name, if the topic holds it.
    pub(super) fn topic_id<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let Spot::Level(at) = self.device else { return None };
        let part = topic.split('/').nth(at)?;
        match self.levels.get(at)? {
            level @ Level::Device(..) => topic::device(level, part),
            _ => Some(part),
        }
    }

    /// The device's name, if the payload holds it.
    pub(super) fn payload_id<'c>(&self, clues: &'c Clues) -> Option<&'c str> {
        let Spot::Clue(clue) = self.device else { return None };
        clues.get(clue)
    }

    /// The first message whose conditions hold.
    pub(super) fn message(&self, topic: &str, clues: &Clues) -> Option<&Candidate> {
        let value = |spot| match spot {
            Spot::Level(at) => topic.split('/').nth(at),
            Spot::Clue(clue) => clues.get(clue),
            Spot::Only => None,
        };
        self.messages.iter().find(|message| message.when.iter().all(|(spot, equals)| value(*spot) == Some(&**equals)))
    }

    /// Whether a condition of one of the messages asks for this very text.
    pub(super) fn expects(&self, text: &str) -> bool {
        self.messages.iter().any(|message| message.when.iter().any(|(_, equals)| **equals == *text))
    }

    /// Fills in what must be looked for before device and message are known, once all messages of the topic are there.
    fn look_for(&mut self, messages: &[Message]) {
        let mine: Vec<&Message> = messages.iter().filter(|m| m.topic == self.template && m.format == self.format).collect();
        let mut places = Vec::new();
        let by_topic = self.levels.iter().position(|level| matches!(level, Level::Device(..))).map(Spot::Level);
        let by_place = mine.iter().find_map(|message| Some(spot(message, message.device.as_deref()?, &mut places)));
        self.device = by_topic.or(by_place).unwrap_or(Spot::Only);
        for (candidate, message) in self.messages.iter_mut().zip(&mine) {
            candidate.when = message.when.iter().map(|when| (spot(message, &when.place, &mut places), when.equals.clone())).collect();
        }
        if !places.is_empty() {
            let nested: Vec<&str> = mine.iter().flat_map(|message| message.nested.iter().map(|pointer| &**pointer)).collect();
            self.clues = Some(Shape::of_clues(&places, &nested, self.format));
        }
    }
}

/// Where a place is; one in the payload gets a number.
fn spot<'m>(message: &Message, place: &'m str, places: &mut Vec<&'m str>) -> Spot {
    if let Some(level) = topic::level(&message.topic, place) {
        return Spot::Level(level);
    }
    let at = places.iter().position(|known| *known == place).unwrap_or(places.len());
    if at == places.len() {
        places.push(place);
    }
    Spot::Clue(at)
}
