//! What has been found in a payload so far, and what becomes of each value. `visit` leads it through the payload.
//!
//! Nothing is allocated per field except free texts. The same walk serves decoding and explaining: the trail is there only
//! when somebody watches.

use super::leaf::Leaf;
use super::places::Drops;
use super::repair;
use super::shape::{PartRule, ROOT, Shape, Use};
use super::trail::{Footing, Mark, Trail};
use super::value::{self, Scalar};
use super::visit::Place;
use crate::fault::Fault;
use crate::pseudonym::{Pseudonym, Pseudonyms};
use crate::reading::{Batch, Metric, Quality, Reading, Value};
use facility_config::limits::READINGS_PER_MESSAGE_MAX;
use facility_config::profile::MessageKind;
use facility_config::{Part, Point};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer};
use std::collections::HashSet;

/// Texts that are JSON with texts in them that are JSON, and so on.
const NESTED_MAX: u8 = 4;

/// Whose message it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    /// In the registry.
    pub(super) id: &'a str,
    /// In topics and payloads.
    pub(super) topic_id: &'a str,
    pub(super) topic: &'a str,
}

/// What outlives a walk.
pub(super) struct Tools<'a> {
    pub(super) pseudonyms: &'a mut Pseudonyms,
    pub(super) drops: &'a mut Drops,
    pub(super) trail: Option<Trail<'a>>,
    /// Memory of the last walk, for the next one.
    pub(super) seen: Vec<u32>,
}

/// One pass over a payload along a compiled [`Shape`].
pub(super) struct Walk<'a, 't> {
    pub(super) shape: &'a Shape,
    about: About<'a>,
    pub(super) tools: &'t mut Tools<'a>,
    pub(super) batch: Batch,
    /// Per node: the object it was last seen in, 0 if never.
    pub(super) seen: Vec<u32>,
    pub(super) objects: u32,
    /// Name of the list element being read, once it is known.
    pub(super) element: Option<Result<Part, Fault>>,
    /// Name of the last member that named a part. Here and not in the member itself, which is handed through serde: large
    /// enough, it would cost more to hand on than to read.
    pub(super) member_part: Result<Part, Fault>,
    /// Name of the part that the whole message is about, once it is known.
    part: Option<Result<Part, Fault>>,
    foreign_id: bool,
    pub(super) flags: Vec<(usize, Quality)>,
    /// Texts around this one that are JSON.
    inside: u8,
    /// Why the walk was ended before the payload did.
    ended: Option<Fault>,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) fn new(shape: &'a Shape, about: About<'a>, tools: &'t mut Tools<'a>, mut batch: Batch) -> Self {
        batch.readings.reserve(shape.values);
        tools.drops.clear();
        let mut seen = std::mem::take(&mut tools.seen);
        seen.clear();
        seen.resize(shape.nodes.len(), 0);
        if let Some(trail) = &mut tools.trail {
            trail.clear();
        }
        let part = match shape.part {
            PartRule::Whole | PartRule::Payload => None,
            PartRule::Named(part) => Some(Ok(part)),
            PartRule::Level(level) => about.topic.split('/').nth(level).map(|name| value::part_by(&shape.part_values, Scalar::Text(name))),
        };
        Self {
            shape,
            about,
            tools,
            batch,
            seen,
            objects: 0,
            element: None,
            member_part: Ok(Part::WHOLE),
            part,
            foreign_id: false,
            flags: Vec::new(),
            inside: 0,
            ended: None,
        }
    }

    /// Walks a whole JSON text.
    ///
    /// # Errors
    /// `Some` fault for a payload that is JSON but not to be taken, `None` for one that serde_json refuses.
    pub(super) fn run(mut self, text: &str) -> Result<Batch, Option<Fault>> {
        let mut json = serde_json::Deserializer::from_str(text);
        let walked = Place { walk: &mut self, node: ROOT }.deserialize(&mut json);
        let walked = walked.and_then(|()| json.end()).is_ok();
        self.finish(walked)
    }

    /// Walks a body of another format, already read.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn run_tree<'de, D: Deserializer<'de>>(mut self, tree: D) -> Result<Batch, Option<Fault>> {
        let walked = Place { walk: &mut self, node: ROOT }.deserialize(tree).is_ok();
        self.finish(walked)
    }

    /// A body that is one text.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(super) fn run_plain(self, text: &str) -> Result<Batch, Option<Fault>> {
        let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
        self.run_tree(text)
    }

    fn finish(mut self, walked: bool) -> Result<Batch, Option<Fault>> {
        if self.ended.is_some() || !walked {
            return Err(self.ended);
        }
        if self.foreign_id {
            return Err(Some(Fault::ForeignId));
        }
        let missing = self.shape.required.iter().any(|node| self.seen[*node] == 0);
        let nameless = matches!(self.shape.part, PartRule::Payload | PartRule::Level(_)) && self.part.is_none();
        if missing || nameless {
            return Err(Some(Fault::MissingField));
        }
        self.apply_flags();
        let part = self.part.take().unwrap_or(Ok(Part::WHOLE)).map_err(Some)?;
        if !part.is_whole() {
            let whole = self.batch.readings.iter_mut().filter(|reading| reading.metric.part.is_whole());
            whole.for_each(|reading| reading.metric.part = part);
        }
        if self.shape.kind == MessageKind::Event {
            // The 1 that lets events be summed, under the event's own type.
            self.batch.push(Metric { point: Point::EventCount, part }, Value::Int(1));
        }
        if self.batch.readings.len() > READINGS_PER_MESSAGE_MAX {
            return Err(Some(Fault::Oversize));
        }
        self.tools.seen = self.seen;
        Ok(self.batch)
    }

    /// A value that the device itself calls bad is missing, whatever number stands beside it or even if none does.
    fn apply_flags(&mut self) {
        for (node, quality) in std::mem::take(&mut self.flags) {
            for leaf in &self.shape.nodes[node].leaves {
                let missing = Value::Missing(quality);
                match self.batch.readings.iter_mut().find(|reading| reading.metric == leaf.metric()) {
                    Some(reading) => reading.value = missing,
                    None if self.seen[node] == 0 => self.batch.push(leaf.metric(), missing),
                    // The value was dropped for a fault of its own: it counts once.
                    None => {}
                }
            }
        }
    }

    /// A value at a node is dropped.
    pub(super) fn fault(&mut self, node: usize, found: &'static str, fault: Fault) {
        self.batch.faults.push(fault);
        self.tools.drops.push(node, "", fault);
        self.note(found, Mark::Dropped(fault));
    }

    #[inline]
    pub(super) fn note(&mut self, found: &'static str, mark: Mark) {
        if let Some(trail) = &mut self.tools.trail {
            trail.note(found, mark);
        }
    }

    #[inline]
    pub(super) fn enter(&mut self, name: &str) {
        if let Some(trail) = &mut self.tools.trail {
            trail.enter(name);
        }
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        if let Some(trail) = &mut self.tools.trail {
            trail.leave();
        }
    }

    /// Ends the walk; the error only carries the news up through serde.
    pub(super) fn end<E: serde::de::Error>(&mut self, fault: Fault) -> E {
        self.ended = Some(fault);
        E::custom(fault.label())
    }

    pub(super) fn scalar<E: serde::de::Error>(&mut self, node: usize, scalar: Scalar<'_>) -> Result<(), E> {
        let here = &self.shape.nodes[node];
        if let (true, Scalar::Text(text)) = (here.nested, scalar) {
            return self.nested(node, text);
        }
        if here.is_branch() {
            return match scalar {
                // The payload as a whole must be an object or a list.
                _ if node == ROOT => Err(self.end(Fault::Undecodable)),
                // `"env": null` is a group that is not there.
                Scalar::Null => Ok(()),
                _ => {
                    self.fault(node, scalar.kind(), Fault::WrongType);
                    Ok(())
                }
            };
        }
        for what in &here.uses {
            match self.used(*what, scalar) {
                Ok(()) => self.note(scalar.kind(), Mark::Used(what.as_str())),
                Err(fault) => self.fault(node, scalar.kind(), fault),
            }
        }
        for leaf in &here.leaves {
            self.fill(node, scalar.kind(), leaf, |value| leaf.read(scalar, value))?;
        }
        Ok(())
    }

    fn used(&mut self, what: Use, scalar: Scalar<'_>) -> Result<(), Fault> {
        match what {
            Use::Id => self.foreign_id |= !value::is_id(scalar, self.about.topic_id),
            Use::MessagePart => self.part = Some(value::part_by(&self.shape.part_values, scalar)),
            Use::Key => self.batch.push(Point::EventKey, Value::Int(value::key(scalar)?)),
            Use::Seq => self.batch.seq = value::seq(scalar)?,
            Use::Parcel => self.parcel(scalar)?,
            Use::ElementPart => self.element = Some(value::part(scalar)),
            Use::Time => self.batch.device_ms = self.shape.time.read(scalar)?,
            Use::Quality if !matches!(scalar, Scalar::Null) => return Err(Fault::WrongType),
            Use::Quality | Use::Owner | Use::Clue(_) => {}
        }
        Ok(())
    }

    /// The parcel's number goes into the hash and nowhere else.
    fn parcel(&mut self, scalar: Scalar<'_>) -> Result<(), Fault> {
        let mut digits = [0; 40];
        let number = match scalar {
            Scalar::Null => return Ok(()),
            Scalar::Text(text) => text.trim(),
            Scalar::Int(_) | Scalar::Huge(_) => scalar.as_text(&mut digits).ok_or(Fault::WrongType)?,
            Scalar::Bool(_) | Scalar::Float(_) => return Err(Fault::WrongType),
        };
        if !number.is_empty() {
            self.batch.parcel = self.tools.pseudonyms.of(self.about.id, number.as_bytes(), self.batch.at_ms);
        }
        Ok(())
    }

    /// Adds a reading of a leaf and lets it be filled in; if nothing comes of it, it is gone again.
    fn fill<E>(
        &mut self,
        node: usize,
        found: &'static str,
        leaf: &Leaf,
        fill: impl FnOnce(&mut Value) -> Result<bool, Fault>,
    ) -> Result<(), E>
    where
        E: serde::de::Error,
    {
        let at = self.batch.readings.len();
        if at >= READINGS_PER_MESSAGE_MAX {
            return Err(self.end(Fault::Oversize));
        }
        self.batch.readings.push(Reading { metric: leaf.metric(), value: Value::Missing(Quality::SensorError) });
        match self.batch.readings.last_mut().map_or(Ok(false), |reading| fill(&mut reading.value)) {
            Ok(true) => self.note(found, Mark::Reading(at)),
            Ok(false) => {
                self.batch.readings.truncate(at);
                self.note(found, Mark::Ignored);
            }
            Err(fault) => {
                self.batch.readings.truncate(at);
                self.fault(node, found, fault);
            }
        }
        Ok(())
    }

    /// A list of so many elements, or an object, where a value belongs.
    pub(super) fn container<E: serde::de::Error>(&mut self, node: usize, elements: Option<i64>) -> Result<(), E> {
        let found = if elements.is_some() { "list" } else { "object" };
        let here = &self.shape.nodes[node];
        if here.is_branch() {
            if node == ROOT {
                return Err(self.end(Fault::Undecodable));
            }
            self.fault(node, found, Fault::WrongType);
        }
        for what in &here.uses {
            match what {
                Use::Id => self.foreign_id = true,
                Use::MessagePart => self.part = Some(Err(Fault::WrongType)),
                Use::ElementPart => self.element = Some(Err(Fault::WrongType)),
                _ => self.fault(node, found, Fault::WrongType),
            }
        }
        for leaf in &here.leaves {
            self.fill(node, found, leaf, |value| {
                *value = leaf.of_list(elements.ok_or(Fault::WrongType)?)?;
                Ok(true)
            })?;
        }
        Ok(())
    }

    /// A text that is JSON itself; if it is not, what it seemed to say is dropped.
    fn nested<E: serde::de::Error>(&mut self, node: usize, text: &str) -> Result<(), E> {
        self.inside += 1;
        let readable = self.inside <= NESTED_MAX && !repair::is_too_deep(text);
        let walked = readable && (self.inner(node, text) || (self.ended.is_none() && self.mended(node, text)));
        self.inside -= 1;
        match self.ended {
            Some(fault) => Err(self.end(fault)),
            None if walked => Ok(()),
            None => {
                self.fault(node, "text", Fault::BadText);
                Ok(())
            }
        }
    }

    fn mended(&mut self, node: usize, text: &str) -> bool {
        repair::without_infinities(text).is_some_and(|text| self.inner(node, &text))
    }

    fn inner(&mut self, node: usize, text: &str) -> bool {
        let before = self.before();
        let mut json = serde_json::Deserializer::from_str(text);
        let walked = Place { walk: self, node }.deserialize(&mut json).and_then(|()| json.end()).is_ok();
        if !walked {
            self.go_back(before);
        }
        walked
    }

    fn before(&self) -> Before {
        let Batch { seq, device_ms, ref parcel, .. } = self.batch;
        Before {
            start: self.mark(),
            drops: self.tools.drops.len(),
            flags: self.flags.len(),
            steps: self.tools.trail.as_ref().map(Trail::mark),
            seen: self.seen.clone(),
            names: (self.part, self.element, self.foreign_id),
            said: (seq, device_ms, parcel.clone()),
        }
    }

    /// What a text said that turned out to be broken was never said.
    fn go_back(&mut self, before: Before) {
        self.batch.readings.truncate(before.start.readings);
        self.batch.faults.truncate(before.start.faults);
        self.tools.drops.truncate(before.drops);
        self.flags.truncate(before.flags);
        self.seen = before.seen;
        (self.part, self.element, self.foreign_id) = before.names;
        (self.batch.seq, self.batch.device_ms, self.batch.parcel) = before.said;
        if let (Some(trail), Some(steps)) = (&mut self.tools.trail, before.steps) {
            trail.rewind(steps);
        }
    }

    /// Names the readings of one element, from `start` on, or drops them if it has no name of its own.
    pub(super) fn name_element(&mut self, node: usize, start: Start, name: Result<Part, Fault>, names: &mut HashSet<Part>) {
        let name = name.and_then(|part| if names.insert(part) { Ok(part) } else { Err(Fault::Duplicate) });
        let fault = match name {
            Ok(part) => return self.batch.readings[start.readings..].iter_mut().for_each(|reading| reading.metric.part = part),
            Err(fault) => fault,
        };
        // One fault per value: an element whose values are all at fault already gets no other.
        let dropped = self.batch.readings.len() - start.readings;
        let silent = dropped == 0 && self.batch.faults.len() == start.faults;
        self.batch.readings.truncate(start.readings);
        if let Some(trail) = &mut self.tools.trail {
            trail.drop_readings(start.readings, fault);
        }
        for _ in 0..dropped.max(usize::from(silent)) {
            self.batch.faults.push(fault);
            self.tools.drops.push(node, "", fault);
        }
    }

    pub(super) fn mark(&self) -> Start {
        Start { readings: self.batch.readings.len(), faults: self.batch.faults.len() }
    }
}

/// A walk before a text that may turn out to be broken.
struct Before {
    start: Start,
    drops: usize,
    flags: usize,
    steps: Option<Footing>,
    seen: Vec<u32>,
    /// Part, element, and whether the id is another's.
    names: (Option<Result<Part, Fault>>, Option<Result<Part, Fault>>, bool),
    /// Number, time and parcel.
    said: (Option<u64>, Option<i64>, Vec<Pseudonym>),
}

/// Where an element's readings and faults begin.
#[derive(Clone, Copy)]
pub(super) struct Start {
    readings: usize,
    faults: usize,
}
