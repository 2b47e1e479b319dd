//! The order in which the bytes of a value travel.

use std::fmt;

/// Longest value with an order, bytes.
const BYTES_MAX: usize = 8;

/// A permutation of two to eight bytes, written as letters in the order of the wire: `A` is the most significant byte.
/// `ABCD` is Modbus' own habit, `CDAB` has the low word first, `BADC` the bytes of each word swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteOrder {
    /// For each byte on the wire, its place in the value: 0 is the most significant.
    places: [u8; BYTES_MAX],
    len: u8,
}

impl ByteOrder {
    /// Most significant byte first, for a value of that many bytes (at most eight).
    #[must_use]
    pub fn big(bytes: usize) -> Self {
        let len = bytes.min(BYTES_MAX);
        let mut places = [0; BYTES_MAX];
        // Places behind the end stay 0, as `parse` leaves them: equal orders are equal.
        places.iter_mut().take(len).enumerate().for_each(|(at, place)| *place = at as u8);
        Self { places, len: len as u8 }
    }

    /// Reads `CDAB`. `None` unless it is the first two, four, six or eight letters in some order.
    #[must_use]
    pub fn parse(letters: &str) -> Option<Self> {
        let len = letters.len();
        let mut order = Self { places: [0; BYTES_MAX], len: u8::try_from(len).ok()? };
        let mut seen = [false; BYTES_MAX];
        if !matches!(len, 2 | 4 | 6 | 8) {
            return None;
        }
        for (place, letter) in order.places.iter_mut().zip(letters.bytes()) {
            *place = letter.to_ascii_uppercase().checked_sub(b'A')?;
            let seen = seen[..len].get_mut(usize::from(*place))?;
            if std::mem::replace(seen, true) {
                return None;
            }
        }
        Some(order)
    }

    /// Bytes it orders.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        usize::from(self.len)
    }

    /// The value of as many bytes as it orders; of other lengths, the bytes as they come.
    #[must_use]
    pub fn join(self, wire: &[u8]) -> u64 {
        let mut value = [0; BYTES_MAX];
        let len = wire.len().min(BYTES_MAX);
        for (at, byte) in wire.iter().take(len).enumerate() {
            let place = if len == self.len() { usize::from(self.places[at]) } else { at };
            value[BYTES_MAX - len + place] = *byte;
        }
        u64::from_be_bytes(value)
    }

    /// The bytes on the wire: the opposite of [`ByteOrder::join`].
    #[must_use]
    pub fn split(self, value: u64) -> Vec<u8> {
        let bytes = value.to_be_bytes();
        let first = BYTES_MAX - self.len();
        self.places[..self.len()].iter().map(|place| bytes[first + usize::from(*place)]).collect()
    }

    /// Every order that makers are known to use for values of that many bytes; the usual one first.
    #[must_use]
    pub fn usual(bytes: usize) -> Vec<Self> {
        let letters: &[&str] = match bytes {
            2 => &["AB", "BA"],
            4 => &["ABCD", "CDAB", "BADC", "DCBA"],
            8 => &["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "CDABGHEF", "EFGHABCD"],
            _ => &[],
        };
        letters.iter().filter_map(|letters| Self::parse(letters)).collect()
    }
}

impl fmt::Display for ByteOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.places[..self.len()].iter().try_for_each(|place| write!(f, "{}", char::from(b'A' + *place)))
    }
}
