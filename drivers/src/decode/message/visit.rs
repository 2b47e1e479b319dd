//! One pass over a payload along a compiled shape, whatever it was read from. What the shape does not name is skipped unread.
//!
//! Recursion follows the profile's tree, which the caller's depth limit bounds. A name that stands twice in one object makes
//! the payload undecodable: nobody can say which one is meant.

use super::grade::{Grade, Path};
use super::personal::part_name;
use super::shape::{ROOT, Use};
use super::sketch::Look;
use super::trail::Mark;
use super::value::{self, Scalar};
use super::walk::Walk;
use crate::fault::Fault;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// The value at a node.
pub(super) struct Place<'w, 'a, 't> {
    pub(super) walk: &'w mut Walk<'a, 't>,
    pub(super) node: usize,
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.node == ROOT || !self.walk.shape.nodes[self.node].is_skipped() {
            return json.deserialize_any(self);
        }
        if self.walk.tools.trail.is_none() {
            return json.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        Look.deserialize(json).map(|found| self.walk.note(found, Mark::Ignored))
    }
}

impl<'de> Visitor<'de> for Place<'_, '_, '_> {
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
        let mut elements = 0;
        let Some(star) = shape.nodes[node].star else {
            while list.next_element::<IgnoredAny>()?.is_some() {
                elements += 1;
            }
            return walk.container(node, Some(elements));
        };
        let named = shape.nodes[node].star_named;
        let mut names = HashSet::new();
        loop {
            let start = walk.mark();
            walk.element = None;
            if walk.tools.trail.is_some() {
                walk.enter(&(elements + 1).to_string());
            }
            let more = list.next_element_seed(Place { walk: &mut *walk, node: star })?.is_some();
            walk.leave();
            if !more {
                break;
            }
            elements += 1;
            let name = match walk.element.take() {
                Some(name) => name,
                None if named => Err(Fault::MissingField),
                None => value::part(Scalar::Int(elements)),
            };
            walk.name_element(star, start, name, &mut names);
        }
        if shape.nodes[node].is_branch() { Ok(()) } else { walk.container(node, Some(elements)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { walk, node } = self;
        let here = &walk.shape.nodes[node];
        if !here.has_members() && !here.is_branch() {
            if here.uses.contains(&Use::Quality) {
                return flags(walk, node, object);
            }
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return walk.container(node, None);
        }
        walk.objects = walk.objects.saturating_add(1);
        let this = walk.objects;
        let (mut names, mut last) = (None, None);
        while let Some(key) = object.next_key_seed(Key { walk: &mut *walk, node, last })? {
            match key {
                Name::Member(member) => {
                    last = Some(member);
                    let child = here.node_of(member);
                    if walk.seen[child] == this {
                        return Err(walk.end(Fault::Undecodable));
                    }
                    walk.seen[child] = this;
                    object.next_value_seed(Place { walk: &mut *walk, node: child })?;
                }
                Name::Part(star) => {
                    let (start, part) = (walk.mark(), walk.member_part);
                    walk.seen[star] = this;
                    object.next_value_seed(Place { walk: &mut *walk, node: star })?;
                    walk.name_element(star, start, part, names.get_or_insert_default());
                }
                Name::Unknown if walk.tools.trail.is_none() => drop(object.next_value::<IgnoredAny>()?),
                Name::Unknown => {
                    let found = object.next_value_seed(Look)?;
                    walk.note(found, if here.ignored { Mark::Ignored } else { Mark::Dropped(Fault::UnknownField) });
                }
            }
            walk.leave();
        }
        Ok(())
    }
}

/// What a member's name stands for.
enum Name {
    Member(usize),
    /// Name of a part, noted in [`Walk::member_part`].
    Part(usize),
    Unknown,
}

struct Key<'w, 'a, 't> {
    walk: &'w mut Walk<'a, 't>,
    node: usize,
    /// The member before.
    last: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_, '_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Name, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_, '_> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        let Self { walk, node, last } = self;
        walk.enter(name);
        let here = &walk.shape.nodes[node];
        Ok(match (here.member_after(last, name), here.star) {
            (Some(member), _) => Name::Member(member),
            (None, Some(star)) => {
                walk.member_part = part_name(name);
                Name::Part(star)
            }
            (None, None) => {
                if !here.ignored {
                    walk.batch.faults.push(Fault::UnknownField);
                    walk.tools.drops.push(node, name, Fault::UnknownField);
                }
                Name::Unknown
            }
        })
    }
}

/// Reads a map from dotted field path to quality.
fn flags<'de, A: MapAccess<'de>>(walk: &mut Walk<'_, '_>, at: usize, mut object: A) -> Result<(), A::Error> {
    let shape = walk.shape;
    walk.note("object", Mark::Used(Use::Quality.as_str()));
    while let Some(node) = object.next_key_seed(Path(shape))? {
        match (node, object.next_value_seed(Grade)?) {
            (None, _) => walk.fault(at, "text", Fault::UnknownField),
            (Some(_), Err(fault)) => walk.fault(at, "text", fault),
            (Some(node), Ok(Some(quality))) if !walk.flags.iter().any(|(flagged, _)| *flagged == node) => {
                walk.flags.push((node, quality));
            }
            (Some(_), Ok(_)) => {}
        }
    }
    Ok(())
}
