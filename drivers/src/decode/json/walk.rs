//! One pass over a payload along a compiled [`Shape`]. What the shape does not name is skipped unread.
//!
//! Recursion follows the profile's tree, which the caller's depth limit bounds; nothing is allocated per field except
//! free texts. A name that stands twice in one object makes the payload undecodable: nobody can say which one is meant.

use super::grade::{Grade, Path};
use super::shape::{Leaf, ROOT, Role, Shape};
use super::value::{self, Scalar};
use crate::fault::Fault;
use crate::reading::{Batch, Metric, Quality, Reading, Value};
use facility_config::limits::READINGS_PER_MESSAGE_MAX;
use facility_config::profile::MessageKind;
use facility_config::{Part, Point};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// What has been found in a payload so far.
pub(super) struct Walk<'a> {
    shape: &'a Shape,
    topic_id: &'a str,
    batch: Batch,
    /// Per node: the object it was last seen in, 0 if never.
    seen: Vec<u32>,
    objects: u32,
    /// Name of the list element being read, once it is known.
    element: Option<Result<Part, Fault>>,
    /// Name of the part that the whole message is about, once it is known.
    part: Option<Result<Part, Fault>>,
    foreign_id: bool,
    flags: Vec<(usize, Quality)>,
    /// Why the walk was ended before the payload did.
    ended: Option<Fault>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(shape: &'a Shape, topic_id: &'a str, mut batch: Batch) -> Self {
        batch.readings.reserve(shape.nodes.len());
        Self {
            shape,
            topic_id,
            batch,
            seen: vec![0; shape.nodes.len()],
            objects: 0,
            element: None,
            part: None,
            foreign_id: false,
            flags: Vec::new(),
            ended: None,
        }
    }

    /// Walks a whole payload.
    ///
    /// # Errors
    /// `Some` fault for a payload that is JSON but not to be taken, `None` for one that serde_json refuses.
    pub(super) fn run(mut self, text: &str) -> Result<Batch, Option<Fault>> {
        let mut json = serde_json::Deserializer::from_str(text);
        let walked = Place { walk: &mut self, node: ROOT }.deserialize(&mut json);
        if let Some(fault) = self.ended {
            return Err(Some(fault));
        }
        if walked.and_then(|()| json.end()).is_err() {
            return Err(None);
        }
        self.finish().map_err(Some)
    }

    fn finish(mut self) -> Result<Batch, Fault> {
        if self.foreign_id {
            return Err(Fault::ForeignId);
        }
        let missing = self.shape.required.iter().any(|node| self.seen[*node] == 0);
        if missing || (self.shape.has_part && self.part.is_none()) {
            return Err(Fault::MissingField);
        }
        self.apply_flags();
        let part = self.part.take().unwrap_or(Ok(Part::WHOLE))?;
        let whole = self.batch.readings.iter_mut().filter(|reading| reading.metric.part.is_whole());
        whole.for_each(|reading| reading.metric.part = part);
        if self.shape.kind == MessageKind::Event {
            // The 1 that lets events be summed, under the event's own type.
            self.batch.push(Metric { point: Point::EventCount, part }, Value::Int(1));
        }
        if self.batch.readings.len() > READINGS_PER_MESSAGE_MAX { Err(Fault::Oversize) } else { Ok(self.batch) }
    }

    /// A value that the device itself calls bad is missing, whatever number stands beside it or even if none does.
    fn apply_flags(&mut self) {
        for (node, quality) in std::mem::take(&mut self.flags) {
            let Role::Fields(leaves) = &self.shape.nodes[node].role else { continue };
            for leaf in leaves {
                let missing = Value::Missing(quality);
                match self.batch.readings.iter_mut().find(|reading| reading.metric.point == leaf.point) {
                    Some(reading) => reading.value = missing,
                    None if self.seen[node] == 0 => self.batch.push(leaf.point, missing),
                    // The value was dropped for a fault of its own: it counts once.
                    None => {}
                }
            }
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.batch.faults.push(fault);
    }

    /// Ends the walk; the error only carries the news up through serde.
    fn end<E: serde::de::Error>(&mut self, fault: Fault) -> E {
        self.ended = Some(fault);
        E::custom(fault.label())
    }

    fn scalar<E: serde::de::Error>(&mut self, node: usize, scalar: Scalar<'_>) -> Result<(), E> {
        let shape = self.shape;
        match &shape.nodes[node].role {
            Role::Fields(leaves) => return self.fields(leaves, scalar),
            Role::Id => self.foreign_id |= !value::is_id(scalar, self.topic_id),
            Role::MessagePart => self.part = Some(value::part(scalar)),
            Role::MessageKey => match value::key(scalar) {
                Ok(key) => self.batch.push(Point::EventKey, Value::Int(key)),
                Err(fault) => self.fault(fault),
            },
            Role::ElementPart => self.element = Some(value::part(scalar)),
            Role::Time => match value::device_ms(scalar) {
                Ok(time) => self.batch.device_ms = time,
                Err(fault) => self.fault(fault),
            },
            // The payload as a whole must be an object or a list.
            Role::Branch if node == ROOT => return Err(self.end(Fault::Undecodable)),
            // `"env": null` is a group that is not there.
            Role::Branch | Role::Quality if matches!(scalar, Scalar::Null) => {}
            Role::Branch | Role::Quality => self.fault(Fault::WrongType),
        }
        Ok(())
    }

    fn fields<E: serde::de::Error>(&mut self, leaves: &[Leaf], scalar: Scalar<'_>) -> Result<(), E> {
        for leaf in leaves {
            if self.batch.readings.len() >= READINGS_PER_MESSAGE_MAX {
                return Err(self.end(Fault::Oversize));
            }
            match value::reading(leaf, scalar) {
                Ok(value) => self.batch.readings.push(Reading { metric: Metric::whole(leaf.point), value }),
                Err(fault) => self.fault(fault),
            }
        }
        Ok(())
    }

    /// A list or an object where something else belongs.
    fn misplaced<E: serde::de::Error>(&mut self, node: usize) -> Result<(), E> {
        match self.shape.nodes[node].role {
            Role::Id => self.foreign_id = true,
            Role::MessagePart => self.part = Some(Err(Fault::WrongType)),
            Role::ElementPart => self.element = Some(Err(Fault::WrongType)),
            Role::Branch if node == ROOT => return Err(self.end(Fault::Undecodable)),
            _ => self.fault(Fault::WrongType),
        }
        Ok(())
    }

    /// Names the readings of one element, from `start` on, or drops them if it has no name of its own.
    fn name_element(&mut self, start: Mark, name: Result<Part, Fault>, names: &mut HashSet<Part>) {
        let name = name.and_then(|part| if names.insert(part) { Ok(part) } else { Err(Fault::Duplicate) });
        match name {
            Ok(part) => self.batch.readings[start.readings..].iter_mut().for_each(|reading| reading.metric.part = part),
            Err(fault) => {
                // One fault per value: an element whose values are all at fault already gets no other.
                let dropped = self.batch.readings.len() - start.readings;
                let silent = dropped == 0 && self.batch.faults.len() == start.faults;
                self.batch.readings.truncate(start.readings);
                self.batch.faults.extend(std::iter::repeat_n(fault, dropped.max(usize::from(silent))));
            }
        }
    }

    fn mark(&self) -> Mark {
        Mark { readings: self.batch.readings.len(), faults: self.batch.faults.len() }
    }
}

/// Where an element's readings and faults begin.
#[derive(Clone, Copy)]
struct Mark {
    readings: usize,
    faults: usize,
}

/// The value at a node.
struct Place<'w, 'a> {
    walk: &'w mut Walk<'a>,
    node: usize,
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.node != ROOT && self.walk.shape.nodes[self.node].is_skipped() {
            return json.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.walk.scalar(self.node, Scalar::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.walk.scalar(self.node, Scalar::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.walk.scalar(self.node, Scalar::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.walk.scalar(self.node, i64::try_from(value).map_or(Scalar::Huge(value), Scalar::Int))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.walk.scalar(self.node, Scalar::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.walk.scalar(self.node, Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { walk, node } = self;
        let shape = walk.shape;
        let Some(star) = shape.nodes[node].star else {
            walk.misplaced::<A::Error>(node)?;
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        let named = shape.nodes[node].star_named;
        let mut names = HashSet::new();
        for position in 1.. {
            let start = walk.mark();
            walk.element = None;
            if list.next_element_seed(Place { walk: &mut *walk, node: star })?.is_none() {
                break;
            }
            let name = match walk.element.take() {
                Some(name) => name,
                None if named => Err(Fault::MissingField),
                None => value::numbered_part(position),
            };
            walk.name_element(start, name, &mut names);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { walk, node } = self;
        let shape = walk.shape;
        let here = &shape.nodes[node];
        match here.role {
            Role::Branch => {}
            Role::Quality => return flags(walk, object),
            _ => {
                walk.misplaced::<A::Error>(node)?;
                while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        }
        walk.objects = walk.objects.saturating_add(1);
        let this = walk.objects;
        let mut names = HashSet::new();
        while let Some(key) = object.next_key_seed(Key { shape, node })? {
            match key {
                Name::Member(child) => {
                    if walk.seen[child] == this {
                        return Err(walk.end(Fault::Undecodable));
                    }
                    walk.seen[child] = this;
                    object.next_value_seed(Place { walk: &mut *walk, node: child })?;
                }
                Name::Part(star, part) => {
                    let start = walk.mark();
                    walk.seen[star] = this;
                    object.next_value_seed(Place { walk: &mut *walk, node: star })?;
                    walk.name_element(start, part, &mut names);
                }
                Name::Unknown => {
                    object.next_value::<IgnoredAny>()?;
                    if !here.ignored {
                        walk.fault(Fault::UnknownField);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a member's name stands for.
enum Name {
    Member(usize),
    Part(usize, Result<Part, Fault>),
    Unknown,
}

struct Key<'a> {
    shape: &'a Shape,
    node: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Name, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        let here = &self.shape.nodes[self.node];
        Ok(match (here.member(name), here.star) {
            (Some(child), _) => Name::Member(child),
            (None, Some(star)) => Name::Part(star, value::part_name(name)),
            (None, None) => Name::Unknown,
        })
    }
}

/// Reads a map from dotted field path to quality.
fn flags<'de, A: MapAccess<'de>>(walk: &mut Walk<'_>, mut object: A) -> Result<(), A::Error> {
    let shape = walk.shape;
    while let Some(node) = object.next_key_seed(Path(shape))? {
        match (node, object.next_value_seed(Grade)?) {
            (None, _) => walk.fault(Fault::UnknownField),
            (Some(_), Err(fault)) => walk.fault(fault),
            (Some(node), Ok(Some(quality))) if !walk.flags.iter().any(|(flagged, _)| *flagged == node) => {
                walk.flags.push((node, quality));
            }
            (Some(_), Ok(_)) => {}
        }
    }
    Ok(())
}
