//! Reads everything a store holds and says what is damaged, and what it held.
//!
//! Goes by positions, so that every position between the oldest and the newest is either read or reported. Damage that
//! costs nothing yet, because a second copy is good, is reported too: it is how a card begins to die. Bounded: one block
//! in memory.

mod look;
mod ring;

use super::super::record::Seq;
use super::{Card, TRIES};
use look::Look;
use ring::Broken;
use serde::Serialize;

/// What kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// All points of a block: both copies of its head are bad, or its file cannot be read.
    Block,
    /// The points of one device in a block.
    Chunk,
    /// The points of a commit in the write-ahead ring.
    Frame,
    /// Points whose names are lost in both places.
    Names,
    /// Positions that no block and no frame holds.
    Missing,
    /// The position of a reader: it begins again at the oldest point.
    Cursor,
    /// One of the two copies of a block's header; the other was used.
    HeaderCopy,
    /// One of the two copies of a block's head; the other was used.
    HeadCopy,
    /// A frame of the ring that is not needed any more, or whose names stand elsewhere.
    FrameCopy,
    /// One of the two copies of a reader's position; the other was used.
    CursorCopy,
    /// The file `FORMAT`; it is made anew.
    Format,
    /// A file among the blocks that holds no block.
    Foreign,
}

impl What {
    /// Whether points are lost by it.
    #[must_use]
    pub fn loses_points(self) -> bool {
        matches!(self, Self::Block | Self::Chunk | Self::Frame | Self::Names | Self::Missing)
    }
}

/// Whether the readers of a store had points before they were damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// Every reader had all of them.
    All,
    /// Some reader had only some.
    Some,
    /// Some reader had none of them.
    None,
}

/// One place that is damaged, and what it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// What kind.
    pub what: What,
    /// File, from the folder of the store.
    pub file: String,
    /// Where in it, bytes.
    pub offset: u64,
    /// How much of it, bytes.
    pub bytes: u64,
    /// The medium does not give the bytes, as opposed to giving wrong ones.
    pub unreadable: bool,
    /// First position.
    pub first: Seq,
    /// One past the last position.
    pub end: Seq,
    /// Points lost.
    pub points: u64,
    /// Tags of the device, where they are known.
    pub tags: Option<String>,
    /// Earliest and latest time of a value in the whole block, Unix ms; theirs lie between.
    pub at_ms: Option<(i64, i64)>,
    /// They were committed no earlier than this, as far as what is around them tells, Unix ms.
    pub from_ms: Option<i64>,
    /// And no later than this, Unix ms.
    pub to_ms: Option<i64>,
    /// Whether the readers had them.
    pub taken: Taken,
}

/// What was read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Blocks.
    pub blocks: usize,
    /// Frames of the ring.
    pub frames: usize,
    /// Bytes.
    pub bytes: u64,
    /// Points that are good.
    pub points: u64,
    /// Points that are lost.
    pub lost: u64,
    /// Of those, points that some reader may not have had.
    pub lost_unread: u64,
    /// Places with damage that costs nothing.
    pub copies: usize,
}

/// A check under way.
#[derive(Debug)]
pub struct Check<'a> {
    card: &'a mut Card,
    at: Seq,
    end: Seq,
    begun: bool,
    tries: usize,
    /// Time of the newest commit before `at`.
    before_ms: Option<i64>,
    broken: Vec<Broken>,
    sum: Sum,
    /// Blocks and bytes there are to be read.
    total: (usize, u64),
}

impl Card {
    /// A check of everything the store holds now.
    pub fn check(&mut self) -> Check<'_> {
        let in_blocks: u64 = self.log.blocks.all().map(|(_, _, block)| u64::from(block.header.len)).sum();
        let in_frames: u64 = self.log.ring.frames().iter().map(|(_, frame)| u64::from(frame.len)).sum();
        let total = (self.log.blocks.all().count(), in_blocks + in_frames);
        let (at, end) = (self.start(), self.log.end);
        let broken = self.broken_frames();
        Check { card: self, at, end, begun: false, tries: 0, before_ms: None, broken, sum: Sum::default(), total }
    }

    fn taken(&self, first: Seq, end: Seq) -> Taken {
        let readers = super::super::Sink::ALL.into_iter().filter_map(|sink| self.cursor(sink));
        let read_to = readers.map(|reader| reader.next).min().unwrap_or(0);
        match (end <= read_to, first < read_to) {
            (true, _) => Taken::All,
            (false, true) => Taken::Some,
            (false, false) => Taken::None,
        }
    }
}

impl Check<'_> {
    /// What was read so far.
    #[must_use]
    pub fn sum(&self) -> Sum {
        self.sum
    }

    /// Blocks and bytes there were to be read at the beginning.
    #[must_use]
    pub fn total(&self) -> (usize, u64) {
        self.total
    }

    /// Reads on by one block or frame and says what is damaged in it; `None` at the end.
    pub fn step(&mut self) -> Option<Vec<Damage>> {
        if !self.begun {
            self.begun = true;
            let mut found = self.beside_the_points();
            while !found.is_empty() && self.tries < TRIES && self.card.is_overtaken() {
                self.list_again();
                found = self.beside_the_points();
            }
            self.sum.copies += found.len();
            return Some(found);
        }
        while self.at < self.end {
            let look = self.look();
            if !look.found.is_empty() && self.tries < TRIES && self.card.is_overtaken() {
                self.list_again();
                continue;
            }
            self.tries = 0;
            return Some(self.take(look));
        }
        None
    }

    fn list_again(&mut self) {
        self.tries += 1;
        self.card.list_again();
        self.broken = self.card.broken_frames();
        self.at = self.at.max(self.card.start());
    }

    fn take(&mut self, look: Look) -> Vec<Damage> {
        self.at = look.next.max(self.at + 1);
        self.before_ms = look.log_ms.or(self.before_ms);
        self.sum.blocks += usize::from(look.is_block);
        self.sum.frames += usize::from(look.is_frame);
        self.sum.bytes += look.bytes;
        self.sum.points += look.points;
        for damage in &look.found {
            self.sum.lost += damage.points;
            self.sum.lost_unread += if damage.taken == Taken::All { 0 } else { damage.points };
            self.sum.copies += usize::from(!damage.what.loses_points());
        }
        look.found
    }
}
