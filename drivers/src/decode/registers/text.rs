//! Characters in registers. Pure, total.
//!
//! A text ends at its first NUL; blanks behind it are the device's padding. What is not printable, not in its encoding or
//! longer than [`TEXT_BYTES_MAX`](facility_config::limits::TEXT_BYTES_MAX) is no text, and what could be somebody's number is dropped here as in JSON.

use crate::decode::message::free_text;
use crate::fault::Fault;
use crate::reading::{Quality, Value};
use encoding_rs::GBK;
use facility_config::profile::{Encoding, Layout, RegisterPoint};
use std::borrow::Cow;

/// The text in the registers; a device that says nothing has no value.
pub(super) fn decode(point: &RegisterPoint, words: &[u16]) -> Result<Value, Fault> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| characters(point.layout, *word)).collect();
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    let text = match point.encoding {
        Encoding::Ascii if !bytes.is_ascii() => None,
        Encoding::Ascii | Encoding::Utf8 => std::str::from_utf8(&bytes).ok().map(Cow::Borrowed),
        Encoding::Gbk => GBK.decode_without_bom_handling_and_without_replacement(&bytes),
    };
    let text = text.as_deref().map(|text| text.trim_end_matches(' ')).ok_or(Fault::BadText)?;
    match text {
        "" => Ok(Value::Missing(Quality::SensorError)),
        text => free_text(point.point, text).map(|()| Value::Text(text.into())),
    }
}

/// The registers that [`decode`] to `text`, filled up with NUL. `None` if there are none.
pub(super) fn encode(point: &RegisterPoint, text: &str) -> Option<Vec<u16>> {
    let bytes = match point.encoding {
        Encoding::Ascii | Encoding::Utf8 => Cow::Borrowed(text.as_bytes()),
        Encoding::Gbk => GBK.encode(text).0,
    };
    let per_word = if matches!(point.layout, Layout::Both | Layout::Swapped) { 2 } else { 1 };
    let mut words: Vec<u16> = bytes.chunks(per_word).map(|chunk| word(point.layout, chunk)).collect();
    words.resize(words.len().max(usize::from(point.length)), 0);
    let fits = words.len() == usize::from(point.length);
    (fits && decode(point, &words) == Ok(Value::Text(text.into()))).then_some(words)
}

/// Bits of a register that hold characters.
pub(super) fn mask(layout: Layout) -> u16 {
    match layout {
        Layout::Both | Layout::Swapped => 0xFFFF,
        Layout::High => 0xFF00,
        Layout::Low => 0x00FF,
    }
}

fn characters(layout: Layout, word: u16) -> impl Iterator<Item = u8> {
    let [high, low] = word.to_be_bytes();
    let (first, second) = match layout {
        Layout::Both => (high, Some(low)),
        Layout::Swapped => (low, Some(high)),
        Layout::High => (high, None),
        Layout::Low => (low, None),
    };
    [Some(first), second].into_iter().flatten()
}

fn word(layout: Layout, characters: &[u8]) -> u16 {
    let at = |at: usize| characters.get(at).copied().unwrap_or(0);
    u16::from_be_bytes(match layout {
        Layout::Both | Layout::High => [at(0), at(1)],
        Layout::Swapped => [at(1), at(0)],
        Layout::Low => [0, at(0)],
    })
}
