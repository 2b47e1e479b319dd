//! A recording played back: to each question what was answered to it, byte for byte, however wrong that was.
//!
//! A question that was asked more than once gets its answers in their order, then the last one again and again; one that
//! was not answered gets silence. On Modbus TCP the transactions are the asker's. A question that was never asked gets
//! silence and is counted.

use super::asked::Asked;
use super::play::{Act, Play};
use crate::modbus::trace::{Dir, Recording};
use facility_config::site::Framing;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When the answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tempo {
    /// At once.
    AtOnce,
    /// As long after their question as they came then.
    Recorded,
}

/// A recording that answers. Cheap to clone; all clones are at the same place.
#[derive(Debug, Clone)]
pub struct Replay(Arc<Mutex<Inside>>);

#[derive(Debug)]
struct Inside {
    framing: Framing,
    tempo: Tempo,
    /// By question, without its transaction.
    tracks: BTreeMap<Vec<u8>, Track>,
    unknown: u64,
}

#[derive(Debug, Default)]
struct Track {
    rounds: Vec<Round>,
    at: usize,
}

/// One question and what was heard until the next.
#[derive(Debug, Clone, Default)]
struct Round {
    transaction: u16,
    answer: Vec<(Duration, Vec<u8>)>,
}

impl Replay {
    /// Takes a recording, whose frames lie in this way.
    #[must_use]
    pub fn new(recording: &Recording, framing: Framing, tempo: Tempo) -> Self {
        let mut tracks: BTreeMap<Vec<u8>, Track> = BTreeMap::new();
        let mut wires = recording.wires.iter().peekable();
        while let Some(question) = wires.next() {
            if question.dir == Dir::In {
                // Heard before anything was asked.
                continue;
            }
            let mut round = Round { transaction: transaction(&question.bytes), answer: Vec::new() };
            while let Some(heard) = wires.next_if(|wire| wire.dir == Dir::In) {
                let after = Duration::from_micros(heard.at_us.saturating_sub(question.at_us));
                round.answer.push((after, heard.bytes.clone()));
            }
            tracks.entry(key(framing, &question.bytes).to_vec()).or_default().rounds.push(round);
        }
        Self(Arc::new(Mutex::new(Inside { framing, tempo, tracks, unknown: 0 })))
    }

    /// Questions so far that the recording does not know.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.inside().unknown
    }

    /// First byte and length of a recorded question with which the bytes begin, Modbus or not.
    pub(super) fn known(&self, heard: &[u8]) -> Option<(u8, usize)> {
        let inside = self.inside();
        let question = inside.tracks.keys().find(|question| heard.starts_with(question))?;
        Some((*question.first()?, question.len()))
    }

    /// What was done then.
    pub(super) fn play(&self, asked: &Asked) -> Play {
        let inside = &mut *self.inside();
        let Some(track) = inside.tracks.get_mut(key(inside.framing, &asked.wire)) else {
            inside.unknown = inside.unknown.saturating_add(1);
            return Play::new();
        };
        let mut round = track.rounds.get(track.at).cloned().unwrap_or_default();
        track.at = (track.at + 1).min(track.rounds.len().saturating_sub(1));
        if inside.framing == Framing::Tcp {
            shift(&mut round.answer, transaction(&asked.wire).wrapping_sub(round.transaction));
        }
        let after = |after| if inside.tempo == Tempo::AtOnce { Duration::ZERO } else { after };
        round.answer.into_iter().map(|(at, bytes)| (after(at), Act::Send(bytes))).collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What makes a question the same question.
fn key(framing: Framing, wire: &[u8]) -> &[u8] {
    if framing == Framing::Tcp { wire.get(2..).unwrap_or_default() } else { wire }
}

fn transaction(wire: &[u8]) -> u16 {
    wire.first_chunk::<2>().map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

/// Moves the transactions of all frames by as much as the question's: an answer to an older question stays one.
fn shift(answer: &mut [(Duration, Vec<u8>)], by: u16) {
    let mut bytes: Vec<&mut u8> = answer.iter_mut().flat_map(|(_, bytes)| bytes.iter_mut()).collect();
    let mut at = 0;
    while let Some([t0, t1, _, _, l0, l1]) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<6>()) {
        [**t0, **t1] = u16::from_be_bytes([**t0, **t1]).wrapping_add(by).to_be_bytes();
        at += 6 + usize::from(u16::from_be_bytes([**l0, **l1]));
    }
}

#[cfg(test)]
mod tests;
