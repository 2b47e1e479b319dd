//! Which models a unit can be: every mark of a profile has to hold. Pure.
//!
//! Marks are judged one after the other, so that a unit of another model is asked one question, not all. What was asked
//! once is not asked again for the next profile.

use crate::decode::registers::decode;
use crate::plan::Request;
use crate::reading::Value;
use facility_config::Point;
use facility_config::profile::{ByteOrder, Expect, Mark, ModbusMap, RegisterPoint, RegisterType};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a unit said to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Registers, or bits as words of 0 and 1.
    Words(Vec<u16>),
    /// A refusal with this exception code.
    Refused(u8),
    /// Nothing that could be used.
    Nothing,
}

/// A model that a unit can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Id of its profile.
    pub profile: Box<str>,
    /// Maker and model.
    pub title: String,
    /// Marks that hold: the more, the surer.
    pub marks: usize,
}

/// How a profile stands after the answers so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This has to be asked.
    Ask(Request),
    /// All of its marks hold.
    Holds,
    /// A mark does not, or it has none.
    Fails,
}

/// Judges the marks of a profile by what the unit said.
#[must_use]
pub fn next(map: &ModbusMap, said: &BTreeMap<Request, Said>) -> Next {
    for mark in &map.fingerprint {
        let request = Request { table: mark.table, address: mark.address, count: mark.count };
        match said.get(&request) {
            None => return Next::Ask(request),
            Some(said) if !holds(mark, said) => return Next::Fails,
            Some(_) => {}
        }
    }
    if map.fingerprint.is_empty() { Next::Fails } else { Next::Holds }
}

fn holds(mark: &Mark, said: &Said) -> bool {
    match (&mark.expect, said) {
        (Expect::Refused(code), Said::Refused(refused)) => code == refused,
        (Expect::Number { ty, order, low, high }, Said::Words(words)) => {
            number(mark, *ty, *order, words).is_some_and(|number| (*low..=*high).contains(&number))
        }
        _ => false,
    }
}

fn number(mark: &Mark, ty: RegisterType, order: ByteOrder, words: &[u16]) -> Option<f64> {
    // Any point of measured numbers does: only its type is of use here.
    let plain = RegisterPoint { order, ..RegisterPoint::plain(Point::ProbeTemp, mark.table, mark.address, ty) };
    match decode(&plain, words.get(..usize::from(plain.length))?, None) {
        Ok(Value::Float(number)) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
