//! Points as bytes: the body of a points frame, about five bytes per point (BUFFER §6).
//!
//! ```text
//! point: u8 tag | [varint origin] | [varint zigzag(at_ms − the previous point's; the first counts from 0)]
//!        | [varint metric] | value
//! tag:   bits 0-2 kind: 0-3 decimal with that many places, 4 raw float, 5 integer, 6 bool or no value, 7 text
//!        8 same origin   16 same time   32 true (kind 6)   64 float is 32 bits (kind 4), no value (kind 6), known text
//!        (kind 7)   128 the metric with the next number
//! value: decimal, integer: varint zigzag   raw float: f32 or f64   bool: in the tag   no value: u8 quality
//!        text: varint length, UTF-8   known text: varint, counted back from the newest of this frame's texts
//! flags: the tag 0x66 is no point; the byte after it holds the flags (record.rs) of the points from here on
//! ```
//! A float is written as a decimal only if that gives back the same bits. A message names its fields in one order, so
//! that their numbers mostly follow each other; a state is mostly one of a few words.

use super::bytes::{Input, put_text, put_varint, unzigzag, zigzag};
use super::format::Frame;
use super::record::Record;
use facility_drivers::{Quality, Value};
use std::sync::Arc;

const KIND: u8 = 7;
const RAW: u8 = 4;
const INT: u8 = 5;
const BOOL: u8 = 6;
const TEXT: u8 = 7;
const SAME_ORIGIN: u8 = 8;
const SAME_TIME: u8 = 16;
const TRUE: u8 = 32;
const SHORT: u8 = 64;
const NO_VALUE: u8 = 64;
const KNOWN: u8 = 64;
const NEXT_METRIC: u8 = 128;
/// A bool that is both true and missing: no value has this tag.
const FLAGS: u8 = BOOL | TRUE | NO_VALUE;
/// Texts of a frame that can be referred to: states are few, and looking one up must stay cheap.
const TEXTS_KNOWN_MAX: usize = 16;
const TENS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
/// Larger decimals take more bytes than the raw float.
const DECIMAL_MAX: f64 = (1u64 << 48) as f64;
/// Drivers send far less ([`TEXT_BYTES_MAX`](facility_config::limits::TEXT_BYTES_MAX)); a frame must hold what comes.
const TEXT_BYTES_MAX: usize = 4096;
/// No point is longer than this: tag, three varints, text.
pub(super) const POINT_BYTES_MAX: usize = TEXT_BYTES_MAX + 32;

/// The body being filled.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    pub(super) body: Vec<u8>,
    pub(super) count: u32,
    origin: Option<u32>,
    metric: Option<u32>,
    at_ms: i64,
    flags: u8,
    texts: Texts,
}

/// The newest different texts of a frame, oldest first.
#[derive(Debug, Default)]
struct Texts(Vec<Arc<str>>);

impl Encoder {
    pub(super) fn push(&mut self, origin: u32, metric: u32, at_ms: i64, flags: u8, value: &Value) {
        if self.flags != flags {
            self.body.extend_from_slice(&[FLAGS, flags]);
            self.flags = flags;
        }
        let tag_at = self.body.len();
        self.body.push(0);
        let mut tag = 0;
        if self.origin == Some(origin) {
            tag |= SAME_ORIGIN;
        } else {
            put_varint(&mut self.body, u64::from(origin));
        }
        if self.count > 0 && self.at_ms == at_ms {
            tag |= SAME_TIME;
        } else {
            put_varint(&mut self.body, zigzag(at_ms.wrapping_sub(self.at_ms)));
        }
        if next_metric(self.metric) == Some(metric) {
            tag |= NEXT_METRIC;
        } else {
            put_varint(&mut self.body, u64::from(metric));
        }
        tag |= self.put_value(value);
        self.body[tag_at] = tag;
        (self.origin, self.metric, self.at_ms) = (Some(origin), Some(metric), at_ms);
        self.count += 1;
    }

    pub(super) fn clear(&mut self) {
        self.body.clear();
        self.texts.0.clear();
        (self.count, self.origin, self.metric, self.at_ms, self.flags) = (0, None, None, 0, 0);
    }

    fn put_value(&mut self, value: &Value) -> u8 {
        match value {
            Value::Float(value) => put_float(&mut self.body, *value),
            Value::Int(value) => {
                put_varint(&mut self.body, zigzag(*value));
                INT
            }
            Value::Bool(value) => BOOL | if *value { TRUE } else { 0 },
            Value::Text(text) => self.put_known_text(text),
            Value::Missing(quality) => {
                self.body.push(*quality as u8);
                BOOL | NO_VALUE
            }
        }
    }

    fn put_known_text(&mut self, text: &Arc<str>) -> u8 {
        if let Some(back) = self.texts.back_to(text) {
            put_varint(&mut self.body, back);
            return TEXT | KNOWN;
        }
        let text = prefix(text, TEXT_BYTES_MAX);
        put_text(&mut self.body, text);
        self.texts.learn(&Arc::from(text));
        TEXT
    }
}

impl Texts {
    fn back_to(&self, text: &str) -> Option<u64> {
        self.0.iter().rev().position(|known| **known == *text).map(|back| back as u64)
    }

    fn at(&self, back: u64) -> Option<Arc<str>> {
        self.0.iter().rev().nth(usize::try_from(back).ok()?).cloned()
    }

    fn learn(&mut self, text: &Arc<str>) {
        if self.0.len() == TEXTS_KNOWN_MAX {
            self.0.remove(0);
        }
        self.0.push(text.clone());
    }
}

/// What the metric after this one mostly is.
fn next_metric(metric: Option<u32>) -> Option<u32> {
    metric?.checked_add(1)
}

fn put_float(out: &mut Vec<u8>, value: f64) -> u8 {
    for (places, ten) in TENS.iter().enumerate() {
        let scaled = (value * ten).round();
        if scaled.abs() < DECIMAL_MAX && ((scaled as i64) as f64 / ten).to_bits() == value.to_bits() {
            put_varint(out, zigzag(scaled as i64));
            return places as u8;
        }
    }
    let short = value as f32;
    if f64::from(short).to_bits() == value.to_bits() {
        out.extend_from_slice(&short.to_le_bytes());
        return RAW | SHORT;
    }
    out.extend_from_slice(&value.to_le_bytes());
    RAW
}

/// Longest prefix of at most `max` bytes that ends between two characters.
fn prefix(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The points of a frame, one by one; ends early if the body does not hold what the header promised.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    input: Input<'a>,
    left: u32,
    log_ms: i64,
    origin: Option<u32>,
    metric: Option<u32>,
    at_ms: i64,
    flags: u8,
    texts: Texts,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(frame: &Frame<'a>) -> Self {
        Self {
            input: Input(frame.body),
            left: frame.count,
            log_ms: frame.stamp.log_ms,
            origin: None,
            metric: None,
            at_ms: 0,
            flags: 0,
            texts: Texts::default(),
        }
    }

    /// Whether all promised points were there and nothing else.
    pub(super) fn is_complete(&self) -> bool {
        self.left == 0 && self.input.0.is_empty()
    }

    /// The next point that is wanted, by its origin and metric; the values of others are passed over.
    pub(super) fn next_of(&mut self, wanted: impl Fn(u32, u32) -> bool) -> Option<Record> {
        while self.left > 0 {
            let series = self.series()?;
            if wanted(series.1, series.2) {
                return self.point(series, |point| point);
            }
            self.pass_over(series.0)?;
            self.left -= 1;
        }
        None
    }

    /// Hands the next point over, as it is made; `None` at the end. For a `take` that only puts it down.
    #[inline]
    pub(super) fn next_to<T>(&mut self, take: impl FnOnce(Record) -> T) -> Option<T> {
        if self.left == 0 {
            return None;
        }
        let series = self.series()?;
        self.point(series, take)
    }

    /// Everything of a point but its value.
    #[inline]
    fn series(&mut self) -> Option<(u8, u32, u32)> {
        let mut tag = self.input.u8()?;
        while tag == FLAGS {
            self.flags = self.input.u8()?;
            tag = self.input.u8()?;
        }
        if tag & SAME_ORIGIN == 0 {
            self.origin = Some(u32::try_from(self.input.varint()?).ok()?);
        }
        if tag & SAME_TIME == 0 {
            self.at_ms = self.at_ms.wrapping_add(unzigzag(self.input.varint()?));
        }
        let metric = match tag & NEXT_METRIC {
            0 => u32::try_from(self.input.varint()?).ok()?,
            _ => next_metric(self.metric)?,
        };
        self.metric = Some(metric);
        Some((tag, self.origin?, metric))
    }

    fn pass_over(&mut self, tag: u8) -> Option<()> {
        match tag & KIND {
            RAW if tag & SHORT != 0 => drop(self.input.u32()?),
            RAW => drop(self.input.u64()?),
            BOOL if tag & NO_VALUE == 0 => {}
            BOOL => drop(self.input.u8()?),
            // A new text may be referred to later.
            TEXT if tag & KNOWN == 0 => drop(self.text(tag)?),
            _ => drop(self.input.varint()?),
        }
        Some(())
    }

    /// Each kind is handed over where it is made: a processor waits long for a whole that was just written in parts, and this is
    /// done three times for every point.
    #[inline]
    fn point<T>(&mut self, (tag, origin, metric): (u8, u32, u32), take: impl FnOnce(Record) -> T) -> Option<T> {
        let Self { input, flags, at_ms, log_ms, .. } = self;
        let (flags, at_ms, log_ms) = (*flags, *at_ms, *log_ms);
        let point = |value| Record { origin, metric, flags, at_ms, log_ms, value };
        let taken = match tag & KIND {
            RAW if tag & SHORT != 0 => take(point(Value::Float(f64::from(f32::from_bits(input.u32()?))))),
            RAW => take(point(Value::Float(f64::from_bits(input.u64()?)))),
            INT => take(point(Value::Int(unzigzag(input.varint()?)))),
            BOOL if tag & NO_VALUE != 0 => take(point(Value::Missing(Quality::from_code(input.u8()?)?))),
            BOOL => take(point(Value::Bool(tag & TRUE != 0))),
            TEXT => take(point(Value::Text(self.text(tag)?))),
            places => take(point(Value::Float(unzigzag(input.varint()?) as f64 / TENS[usize::from(places)]))),
        };
        self.left -= 1;
        Some(taken)
    }

    fn text(&mut self, tag: u8) -> Option<Arc<str>> {
        if tag & KNOWN != 0 {
            return self.texts.at(self.input.varint()?);
        }
        let text: Arc<str> = self.input.text()?.into();
        self.texts.learn(&text);
        Some(text)
    }
}

impl Iterator for Decoder<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.next_to(|point| point)
    }
}
