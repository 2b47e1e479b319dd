//! RTU frames out of a stream of bytes that others exchange: nothing marks where one ends but its length and its checksum.
//! Pure. Holds back at most the longest frame; what belongs to no frame comes out as it is.

use crate::modbus::crc_is_right;
use crate::modbus::trace::Dir;

/// Longest RTU frame (Modbus over serial line V1.02, 2.5.1).
const FRAME_BYTES_MAX: usize = 256;
/// A question to read or to write one thing, and the answer to a write.
const SHORT_BYTES: usize = 8;
const REFUSAL_BYTES: usize = 5;

/// Takes bytes as they come and gives frames: a master's question as [`Dir::Out`], the answer as [`Dir::In`].
#[derive(Debug, Default)]
pub struct Splitter {
    held: Vec<u8>,
    junk: Vec<u8>,
    /// Unit and function of the question that has no answer yet.
    asked: Option<(u8, u8)>,
}

impl Splitter {
    /// Takes bytes and gives what is complete. A frame that may still grow waits for [`Splitter::flush`].
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<(Dir, Vec<u8>)> {
        self.held.extend_from_slice(bytes);
        self.take(false)
    }

    /// The line has been quiet: whatever is held is all there will be.
    pub fn flush(&mut self) -> Vec<(Dir, Vec<u8>)> {
        let mut frames = self.take(true);
        self.end_junk(&mut frames);
        frames
    }

    fn take(&mut self, quiet: bool) -> Vec<(Dir, Vec<u8>)> {
        let mut frames = Vec::new();
        while !self.held.is_empty() {
            match self.begins() {
                Some((dir, len)) => {
                    self.end_junk(&mut frames);
                    let frame: Vec<u8> = self.held.drain(..len).collect();
                    self.asked = (dir == Dir::Out).then(|| (frame[0], frame[1]));
                    frames.push((dir, frame));
                }
                None if quiet || self.held.len() >= FRAME_BYTES_MAX => self.junk.push(self.held.remove(0)),
                None => break,
            }
            if self.junk.len() >= FRAME_BYTES_MAX {
                self.end_junk(&mut frames);
            }
        }
        frames
    }

    fn end_junk(&mut self, frames: &mut Vec<(Dir, Vec<u8>)>) {
        if !self.junk.is_empty() {
            frames.push((Dir::In, std::mem::take(&mut self.junk)));
        }
    }

    /// The frame with which the held bytes begin. After a question, its answer is more likely than another question.
    fn begins(&self) -> Option<(Dir, usize)> {
        let [unit, function, rest @ ..] = self.held.as_slice() else { return None };
        let mut lengths = Vec::with_capacity(3);
        let data = |at: usize, around: usize| rest.get(at).map(|bytes| around + usize::from(*bytes));
        match function {
            1..=4 => lengths.extend([Some((Dir::Out, SHORT_BYTES)), data(0, 5).map(|len| (Dir::In, len))].into_iter().flatten()),
            5 | 6 => lengths.push((Dir::Out, SHORT_BYTES)),
            15 | 16 => lengths.extend([data(4, 9).map(|len| (Dir::Out, len)), Some((Dir::In, SHORT_BYTES))].into_iter().flatten()),
            0x80.. => lengths.push((Dir::In, REFUSAL_BYTES)),
            _ => {}
        }
        if self.asked == Some((*unit, *function)) {
            lengths.reverse();
        }
        let right = |(dir, len): &(Dir, usize)| self.held.get(..*len).is_some_and(crc_is_right).then_some((*dir, *len));
        let (dir, len) = lengths.iter().find_map(right)?;
        // The answer to a write of one thing is its question once more.
        let again = matches!(function, 5 | 6) && self.asked == Some((*unit, *function));
        Some((if again { Dir::In } else { dir }, len))
    }
}

/// Whether a piece is a frame: its checksum is right.
#[must_use]
pub fn is_frame(piece: &[u8]) -> bool {
    piece.len() >= 4 && crc_is_right(piece)
}

#[cfg(test)]
mod tests;
