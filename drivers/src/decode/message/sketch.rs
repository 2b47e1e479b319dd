//! Which places a payload has and what stands there: types, never values. For devices that nobody declared.
//!
//! Bounded by [`STRANGER_PLACES_MAX`]; elements of a list are looked at as one. Recursion is bounded by the caller's depth
//! limit.

use super::personal::Names;
use super::value::Scalar;
use facility_config::limits::STRANGER_PLACES_MAX;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Elements of a list that are looked at: the others are like them.
const ELEMENTS_SEEN: usize = 8;

/// Reads the type of a value and skips the rest of it.
pub(super) struct Look;

impl<'de> DeserializeSeed<'de> for Look {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Null.kind())
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(yes).kind())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Int(number).kind())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Huge(number).kind())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Float(number).kind())
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(text).kind())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok("list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok("object")
    }
}

/// The places found so far: `/temps/air number`.
pub(super) struct Sketch<'a> {
    names: &'a Names,
    path: String,
    pub(super) places: Vec<Box<str>>,
}

impl<'a> Sketch<'a> {
    pub(super) fn new(names: &'a Names) -> Self {
        Self { names, path: String::new(), places: Vec::new() }
    }

    pub(super) fn note(&mut self, kind: &str) {
        let place = format!("{} {kind}", self.path);
        if self.places.len() < STRANGER_PLACES_MAX && !self.places.iter().any(|known| **known == *place) {
            self.places.push(place.into());
        }
    }

    fn is_full(&self) -> bool {
        self.places.len() >= STRANGER_PLACES_MAX
    }
}

/// Goes through a value.
pub(super) struct Draw<'w, 'a>(pub(super) &'w mut Sketch<'a>);

impl<'de> DeserializeSeed<'de> for Draw<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if self.0.is_full() { json.deserialize_ignored_any(IgnoredAny).map(drop) } else { json.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Draw<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.note(Scalar::Null.kind());
        Ok(())
    }

    fn visit_bool<E>(self, yes: bool) -> Result<(), E> {
        self.0.note(Scalar::Bool(yes).kind());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.note(Scalar::Int(number).kind());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.note(Scalar::Huge(number).kind());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.note(Scalar::Float(number).kind());
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.note(Scalar::Text(text).kind());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let sketch = self.0;
        let (back, mut elements) = (sketch.path.len(), 0_usize);
        sketch.path.push_str("/*");
        while elements < ELEMENTS_SEEN && list.next_element_seed(Draw(&mut *sketch))?.is_some() {
            elements += 1;
        }
        while elements == ELEMENTS_SEEN && list.next_element::<IgnoredAny>()?.is_some() {}
        sketch.path.truncate(back);
        if elements == 0 {
            sketch.note("list");
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let sketch = self.0;
        let back = sketch.path.len();
        while object.next_key_seed(Member(&mut *sketch))?.is_some() {
            object.next_value_seed(Draw(&mut *sketch))?;
            sketch.path.truncate(back);
        }
        Ok(())
    }
}

/// The name of a member, made harmless.
struct Member<'w, 'a>(&'w mut Sketch<'a>);

impl<'de> DeserializeSeed<'de> for Member<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Member<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        self.0.path.push('/');
        let name = self.0.names.harmless(name);
        self.0.path.push_str(&name);
        Ok(())
    }
}
