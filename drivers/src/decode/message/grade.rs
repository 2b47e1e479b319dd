//! The quality map of a payload: which field it names, and what it says about it. Allocates nothing.

use super::shape::Shape;
use crate::fault::Fault;
use crate::reading::Quality;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A dotted path in a quality map, to the node of its field; `None` if the profile knows no such field.
pub(super) struct Path<'a>(pub(super) &'a Shape);

impl<'de> DeserializeSeed<'de> for Path<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Path<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's dotted path")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.dotted.get(name).copied())
    }
}

/// A word for a quality; `None` for those that leave the value standing.
pub(super) struct Grade;

impl<'de> DeserializeSeed<'de> for Grade {
    type Value = Result<Option<Quality>, Fault>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Grade {
    type Value = Result<Option<Quality>, Fault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quality")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
        let bad = [Quality::SensorError, Quality::CommError, Quality::OutOfRange, Quality::Stale];
        Ok(match word {
            "good" | "uncertain" => Ok(None),
            word => bad.into_iter().find(|quality| quality.as_str() == word).map(Some).ok_or(Fault::BadText),
        })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Ok(None))
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Err(Fault::WrongType))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Err(Fault::WrongType))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Err(Fault::WrongType))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Err(Fault::WrongType))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(Fault::WrongType))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err(Fault::WrongType))
    }
}
