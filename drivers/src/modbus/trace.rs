//! A recording of a bus as text: what went out and what came in, when, byte for byte. Pure.
//!
//! JSON Lines: `{"at_us":1500,"dir":"out","hex":"01 04 00 00 00 02 71 CB"}`. A first line `{"bus":"hall","framing":"rtu"}`
//! says what was recorded. Bytes of one line are bounded; how long a recording is, is the reader's to bound.

use facility_config::limits::MODBUS_HEARD_BYTES_MAX;
use facility_config::site::Framing;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dir {
    /// From the gateway: questions.
    Out,
    /// To the gateway: answers, and whatever else was heard.
    In,
}

/// Bytes that were written, or heard, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// When, µs since the recording began.
    pub at_us: u64,
    /// Which way.
    pub dir: Dir,
    /// What.
    pub bytes: Vec<u8>,
}

/// First line of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Name of the bus.
    pub bus: Box<str>,
    /// How its frames lie.
    pub framing: Framing,
}

/// Everything that was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    /// Of what; `None` if the first line does not say.
    pub head: Option<Head>,
    /// In order of time.
    pub wires: Vec<Wire>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWire {
    at_us: u64,
    dir: Dir,
    hex: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHead {
    bus: Box<str>,
    framing: Box<str>,
}

/// Framings, as a recording names them.
const FRAMINGS: [(Framing, &str); 3] = [(Framing::Tcp, "tcp"), (Framing::Rtu, "rtu"), (Framing::Ascii, "ascii")];

impl Wire {
    /// One line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Numbers, a word and hexadecimal digits always have a JSON text.
        serde_json::to_string(&RawWire { at_us: self.at_us, dir: self.dir, hex: hex(&self.bytes) }).unwrap_or_default()
    }

    /// Reads one line.
    ///
    /// # Errors
    /// One line for whoever wrote it, if it is not such a line, or has more bytes than a bus is listened to at a time.
    pub fn from_line(line: &str) -> Result<Self, String> {
        let raw: RawWire = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let bytes = unhex(&raw.hex).ok_or_else(|| format!("hex: not pairs of digits, 1 to {MODBUS_HEARD_BYTES_MAX} bytes"))?;
        Ok(Self { at_us: raw.at_us, dir: raw.dir, bytes })
    }
}

impl Head {
    /// One line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let framing = FRAMINGS.iter().find(|(framing, _)| *framing == self.framing).map_or("", |(_, word)| word);
        // Two texts always have a JSON text.
        serde_json::to_string(&RawHead { bus: self.bus.clone(), framing: framing.into() }).unwrap_or_default()
    }

    /// Reads a first line.
    ///
    /// # Errors
    /// One line for whoever wrote it.
    pub fn from_line(line: &str) -> Result<Self, String> {
        let raw: RawHead = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let framing = FRAMINGS.iter().find(|(_, word)| **word == *raw.framing);
        let (framing, _) = framing.ok_or_else(|| format!("framing `{}`: is none of tcp, rtu, ascii", raw.framing))?;
        Ok(Self { bus: raw.bus, framing: *framing })
    }
}

impl Recording {
    /// Reads a recording; empty lines are skipped.
    ///
    /// # Errors
    /// `line N: …` for the first line that cannot be read, or lies before the one above it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut recording = Self::default();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let of_line = |error: String| format!("line {}: {error}", at + 1);
            if recording.head.is_none() && recording.wires.is_empty() && line.contains("\"framing\"") {
                recording.head = Some(Head::from_line(line).map_err(of_line)?);
                continue;
            }
            let wire = Wire::from_line(line).map_err(of_line)?;
            if recording.wires.last().is_some_and(|last| last.at_us > wire.at_us) {
                return Err(of_line("is earlier than the line before".into()));
            }
            recording.wires.push(wire);
        }
        Ok(recording)
    }

    /// The text that [`Recording::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.head.iter().map(Head::to_line).chain(self.wires.iter().map(Wire::to_line));
        lines.fold(String::new(), |text, line| text + &line + "\n")
    }
}

/// Pairs of hexadecimal digits, upper case, with blanks in between.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (at, byte) in bytes.iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = write!(text, "{}{byte:02X}", if at > 0 { " " } else { "" });
    }
    text
}

/// The bytes of such a text, with or without blanks.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| match *pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    (2..=MODBUS_HEARD_BYTES_MAX * 2).contains(&digits.len()).then(|| digits.chunks(2).map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests;
