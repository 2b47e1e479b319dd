//! A first look into a payload on a topic that several devices or messages share: only for what tells whose it is and which.
//!
//! Reads the places it was told and skips everything else. Allocates nothing once its room has grown; a text that is too long
//! for an id or a code is as good as none.

use super::repair;
use super::shape::{ROOT, Shape, Use};
use super::value::Scalar;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::ops::Range;

/// Longest text that is looked at, bytes.
const CLUE_BYTES_MAX: usize = 128;
/// Texts in texts.
const NESTED_MAX: u8 = 4;

/// What was found, by the number of its place; where a place stands twice, the first.
#[derive(Debug, Default)]
pub(super) struct Clues {
    text: String,
    at: Vec<Option<Range<usize>>>,
}

impl Clues {
    /// As text (`4` for the number 4); `None` for what is not there, null, a list, an object or too long.
    pub(super) fn get(&self, clue: usize) -> Option<&str> {
        self.at.get(clue)?.clone().and_then(|at| self.text.get(at))
    }

    /// Looks into a body that has been read; false if it cannot be.
    pub(super) fn look<'de>(&mut self, shape: &Shape, body: impl Deserializer<'de>) -> bool {
        self.clear(shape);
        Peek { shape, clues: self, node: ROOT, inside: 0 }.deserialize(body).is_ok()
    }

    /// Looks into a JSON text; false if it is none.
    pub(super) fn look_into(&mut self, shape: &Shape, text: &str) -> bool {
        self.clear(shape);
        let mut json = serde_json::Deserializer::from_str(text);
        let looked = Peek { shape, clues: self, node: ROOT, inside: 0 }.deserialize(&mut json);
        looked.and_then(|()| json.end()).is_ok()
    }

    fn clear(&mut self, shape: &Shape) {
        self.text.clear();
        self.at.clear();
        // A place has a node, so there are no more clues than nodes.
        self.at.resize(shape.nodes.len(), None);
    }

    fn keep(&mut self, clue: usize, scalar: Scalar<'_>) {
        let mut digits = [0; 40];
        let text = scalar.as_text(&mut digits).filter(|text| text.len() <= CLUE_BYTES_MAX);
        if let (Some(text), Some(at @ None)) = (text, self.at.get_mut(clue)) {
            let begin = self.text.len();
            self.text.push_str(text);
            *at = Some(begin..self.text.len());
        }
    }
}

struct Peek<'w> {
    shape: &'w Shape,
    clues: &'w mut Clues,
    node: usize,
    inside: u8,
}

impl Peek<'_> {
    fn scalar(self, scalar: Scalar<'_>) {
        let here = &self.shape.nodes[self.node];
        if let (true, true, Scalar::Text(text)) = (here.nested, self.inside < NESTED_MAX, scalar) {
            if !repair::is_too_deep(text) {
                let mut json = serde_json::Deserializer::from_str(text);
                // What is wrong with it, the walk will say.
                Peek { inside: self.inside + 1, ..self }.deserialize(&mut json).unwrap_or_default();
            }
            return;
        }
        for what in &here.uses {
            if let Use::Clue(clue) = what {
                self.clues.keep(*clue, scalar);
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Peek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Peek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, yes: bool) -> Result<(), E> {
        self.scalar(Scalar::Bool(yes));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.scalar(Scalar::Int(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.scalar(Scalar::Huge(number));
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.scalar(Scalar::Float(number));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.scalar(Scalar::Text(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { shape, clues, node, inside } = self;
        while let Some(child) = object.next_key_seed(Child(shape, node))? {
            match child {
                Some(node) => object.next_value_seed(Peek { shape, clues: &mut *clues, node, inside })?,
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The node of a member's name, if something in it is looked for.
struct Child<'a>(&'a Shape, usize);

impl<'de> DeserializeSeed<'de> for Child<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Child<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.nodes[self.1].member(name))
    }
}
