//! CBOR bodies (RFC 8949) as the JSON they stand for, so that one walk serves both.
//!
//! Whole numbers as keys become their decimal text. Tags are passed over: a tagged time is the text or number inside. A byte
//! string is no value of ours: an empty object stands for it, which no field takes. Numbers that JSON cannot hold (NaN,
//! infinities, whole numbers beyond 64 bits) become the one text that costs only their own field. Bounded in depth
//! ([`JSON_DEPTH_MAX`]) and in values; a name that stands twice in one object makes the body undecodable, as in JSON.

use super::body::VALUES_MAX;
use super::value::NOT_FINITE;
use crate::fault::Fault;
use ciborium::de::{Error, from_reader_with_recursion_limit};
use facility_config::limits::JSON_DEPTH_MAX;
use serde::de::{self, Deserialize, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads one item that fills the whole body.
///
/// # Errors
/// [`Fault::Oversize`] for too many values, [`Fault::Undecodable`] for all else: not CBOR, too deep, cut, or followed by
/// something.
pub fn read(body: &[u8]) -> Result<Value, Fault> {
    let mut rest = body;
    match from_reader_with_recursion_limit::<Item, _>(&mut rest, JSON_DEPTH_MAX) {
        Ok(item) if rest.is_empty() => Ok(item.value),
        Err(Error::Semantic(_, why)) if why == Fault::Oversize.label() => Err(Fault::Oversize),
        Ok(_) | Err(_) => Err(Fault::Undecodable),
    }
}

/// A data item with the number of values in it, itself included.
struct Item {
    value: Value,
    values: usize,
}

impl Item {
    fn one(value: Value) -> Self {
        Self { value, values: 1 }
    }

    fn text(text: &str) -> Self {
        Self::one(Value::String(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(cbor: D) -> Result<Self, D::Error> {
        cbor.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

/// Counts further values of a container, and ends the reading before they are too many to keep.
fn counted<E: de::Error>(values: usize, more: usize) -> Result<usize, E> {
    let values = values + more;
    if values > VALUES_MAX { Err(E::custom(Fault::Oversize.label())) } else { Ok(values) }
}

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a CBOR data item")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Item, E> {
        Ok(Item::one(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Item, E> {
        Ok(Item::one(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Item, E> {
        Ok(Item::one(value.into()))
    }

    // Small ones come here too, if their sender wrote them as big ones.
    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Item, E> {
        Ok(Number::from_i128(value).map_or_else(|| Item::text(NOT_FINITE), |number| Item::one(number.into())))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Item, E> {
        Ok(Number::from_u128(value).map_or_else(|| Item::text(NOT_FINITE), |number| Item::one(number.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Item, E> {
        Ok(Number::from_f64(value).map_or_else(|| Item::text(NOT_FINITE), |number| Item::one(number.into())))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Item, E> {
        Ok(Item::text(value))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Item, E> {
        Ok(Item::one(value.into()))
    }

    fn visit_bytes<E: de::Error>(self, _value: &[u8]) -> Result<Item, E> {
        Ok(Item::one(Value::Object(Map::new())))
    }

    fn visit_none<E: de::Error>(self) -> Result<Item, E> {
        Ok(Item::one(Value::Null))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Item, E> {
        Ok(Item::one(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
        let (mut items, mut values) = (Vec::new(), 1);
        while let Some(item) = list.next_element::<Item>()? {
            values = counted(values, item.values)?;
            items.push(item.value);
        }
        Ok(Item { value: Value::Array(items), values })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Item, A::Error> {
        let (mut members, mut values) = (Map::new(), 1);
        while let Some(Key(key)) = object.next_key()? {
            let Entry::Vacant(place) = members.entry(key) else {
                return Err(de::Error::custom("a name stands twice"));
            };
            let item: Item = object.next_value()?;
            values = counted(values, item.values)?;
            place.insert(item.value);
        }
        Ok(Item { value: Value::Object(members), values })
    }

    /// How ciborium hands out a tag: a variant with two fields, the tag's number and its content.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Item, A::Error> {
        let (_, content) = tagged.variant::<IgnoredAny>()?;
        content.tuple_variant(2, Tagged)
    }
}

/// Tags of whole numbers that are written as bytes (RFC 8949, 3.4.3).
const BIG_NUMBERS: [u64; 2] = [2, 3];

struct Tagged;

impl<'de> Visitor<'de> for Tagged {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag and its content")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Item, A::Error> {
        let missing = || de::Error::custom("a tag without content");
        let tag: u64 = pair.next_element()?.ok_or_else(missing)?;
        let item: Item = pair.next_element()?.ok_or_else(missing)?;
        // Those of up to 16 bytes ciborium reads itself.
        Ok(if BIG_NUMBERS.contains(&tag) { Item::text(NOT_FINITE) } else { item })
    }
}

/// A member's name.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(cbor: D) -> Result<Self, D::Error> {
        cbor.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Key, E> {
        Ok(Key(name.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, name: u64) -> Result<Key, E> {
        Ok(Key(name.to_string()))
    }

    fn visit_i64<E: de::Error>(self, name: i64) -> Result<Key, E> {
        Ok(Key(name.to_string()))
    }
}

#[cfg(test)]
mod tests;
