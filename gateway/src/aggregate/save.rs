//! How the fold's state becomes bytes and comes back: numbers one after the other, sealed with a version and a CRC.
//!
//! Never panics and never reserves memory on the word of damaged bytes: the seal is checked first, then every length.
//! Bounded by the state it saves.

use facility_config::Part;
use facility_config::limits::LANES_MAX;

const MAGIC: &[u8; 4] = b"FOLD";
/// Raise it with any change of a saved struct: an older snapshot is then refused and the log replayed.
const VERSION: u8 = 6;
const CRC_BYTES: usize = 4;

/// Something that can be part of a snapshot.
pub(crate) trait Save: Sized {
    fn save(&self, out: &mut Vec<u8>);
    fn load(input: &mut &[u8]) -> Option<Self>;
}

/// Saves a struct field by field, in the order given; leaving one out does not compile.
macro_rules! saved {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::aggregate::save::Save for $name {
            fn save(&self, out: &mut Vec<u8>) {
                $( $crate::aggregate::save::Save::save(&self.$field, out); )*
            }
            fn load(input: &mut &[u8]) -> Option<Self> {
                Some(Self { $( $field: $crate::aggregate::save::Save::load(input)?, )* })
            }
        }
    };
}
pub(crate) use saved;

/// Puts version and checksum around a body.
pub(super) fn seal(body: &[u8]) -> Vec<u8> {
    seal_as(MAGIC, VERSION, body)
}

/// The body, if version and checksum hold.
pub(super) fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    unseal_as(MAGIC, VERSION, sealed)
}

/// The same for a snapshot of another kind.
pub(crate) fn seal_as(magic: &[u8; 4], version: u8, body: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(body.len() + magic.len() + 1 + CRC_BYTES);
    sealed.extend_from_slice(magic);
    sealed.push(version);
    sealed.extend_from_slice(body);
    let crc = crc32c::crc32c(&sealed);
    sealed.extend_from_slice(&crc.to_le_bytes());
    sealed
}

/// The body of a snapshot of another kind.
pub(crate) fn unseal_as<'s>(magic: &[u8; 4], version: u8, sealed: &'s [u8]) -> Option<&'s [u8]> {
    let (rest, crc) = sealed.split_last_chunk::<CRC_BYTES>()?;
    if crc32c::crc32c(rest) != u32::from_le_bytes(*crc) {
        return None;
    }
    rest.strip_prefix(magic)?.strip_prefix(&[version])
}

impl Save for u64 {
    /// Seven bits a byte, lowest first: most of what is saved is small.
    fn save(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let mut value = 0_u64;
        for shift in (0..Self::BITS).step_by(7) {
            let (first, rest) = input.split_first()?;
            *input = rest;
            value |= u64::from(first & 0x7F) << shift;
            if first & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl Save for i64 {
    /// Sign in the lowest bit, so that small negative numbers stay short.
    fn save(&self, out: &mut Vec<u8>) {
        (((*self << 1) ^ (*self >> 63)) as u64).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let coded = u64::load(input)?;
        Some((coded >> 1) as Self ^ -((coded & 1) as Self))
    }
}

impl Save for f64 {
    /// Bit for bit: the figures after a restart must be the same bytes.
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_le_bytes());
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = input.split_first_chunk::<8>()?;
        *input = rest;
        Some(Self::from_bits(u64::from_le_bytes(*bytes)))
    }
}

impl Save for bool {
    fn save(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let (first, rest) = input.split_first()?;
        *input = rest;
        match first {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Save for Box<str> {
    fn save(&self, out: &mut Vec<u8>) {
        (self.len() as u64).save(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(u64::load(input)?).ok()?;
        let (text, rest) = input.split_at_checked(len)?;
        *input = rest;
        std::str::from_utf8(text).ok().map(Into::into)
    }
}

impl Save for Part {
    fn save(&self, out: &mut Vec<u8>) {
        Box::<str>::from(self.as_str()).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Self::new(&Box::<str>::load(input)?)
    }
}

impl<T: Save> Save for Option<T> {
    fn save(&self, out: &mut Vec<u8>) {
        self.is_some().save(out);
        if let Some(value) = self {
            value.save(out);
        }
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        if bool::load(input)? { T::load(input).map(Some) } else { Some(None) }
    }
}

impl<T: Save> Save for Box<T> {
    fn save(&self, out: &mut Vec<u8>) {
        (**self).save(out);
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        T::load(input).map(Self::new)
    }
}

impl<T: Save> Save for [T; 2] {
    fn save(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|value| value.save(out));
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        Some([T::load(input)?, T::load(input)?])
    }
}

impl<T: Save> Save for Vec<T> {
    fn save(&self, out: &mut Vec<u8>) {
        (self.len() as u64).save(out);
        self.iter().for_each(|value| value.save(out));
    }

    fn load(input: &mut &[u8]) -> Option<Self> {
        let len = u64::load(input)?;
        if len > LANES_MAX as u64 {
            return None;
        }
        (0..len).map(|_| T::load(input)).collect()
    }
}
