//! The raw bits of a number: out of registers and into them, and what they mean by their type. Pure, total.
//!
//! Texts and counts have no raw value and never come here.

use facility_config::profile::{ByteOrder, RegisterPoint, RegisterType};

/// Most registers a number takes.
const WORDS_MAX: usize = 4;

/// What raw bits mean, before scale and offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    /// Any whole number of 64 bits, signed or not.
    Whole(i128),
    /// Finite, always.
    Real(f64),
}

impl Raw {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            // Most fit, and the conversion of wider ones is slow.
            Self::Whole(whole) => i64::try_from(whole).map_or(whole as f64, |whole| whole as f64),
            Self::Real(real) => real,
        }
    }

    pub(super) fn is(self, code: i64) -> bool {
        match self {
            Self::Whole(whole) => whole == i128::from(code),
            Self::Real(real) => real == code as f64,
        }
    }
}

/// The raw bits in `words`, unsigned, as wide as the type.
pub(super) fn join(point: &RegisterPoint, words: &[u16]) -> u64 {
    let mut wire = [0; WORDS_MAX * 2];
    for (pair, word) in wire.chunks_exact_mut(2).zip(words) {
        pair.copy_from_slice(&word.to_be_bytes());
    }
    let (down, width) = lane(point.ty);
    point.order.join(&wire[..words.len().min(WORDS_MAX) * 2]) >> down & ones(width)
}

/// The registers that hold these raw bits, and 0 in bits that are not the type's.
pub(super) fn split(point: &RegisterPoint, bits: u64) -> Vec<u16> {
    let bytes = usize::from(point.length) * 2;
    let order = if point.order.len() == bytes { point.order } else { ByteOrder::big(bytes) };
    let (down, width) = lane(point.ty);
    order.split((bits & ones(width)) << down).chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// What the bits mean. `None` if they are no number: not finite, or a decimal digit above 9.
pub(super) fn read(point: &RegisterPoint, bits: u64) -> Option<Raw> {
    use RegisterType::{Bcd8, Bcd16, Bcd24, Bcd32, Bool, F16, F32, F64, I8Hi, I8Lo, I16, I24, I32, I64};
    let real = |real: f64| real.is_finite().then_some(Raw::Real(real));
    let masked = point.mask.map_or(bits, |mask| bits & mask);
    let shifted = masked.checked_shr(u32::from(point.shift)).unwrap_or(0);
    match point.ty {
        F16 => real(half(bits as u16)),
        F32 => real(f64::from(f32::from_bits(bits as u32))),
        F64 => real(f64::from_bits(bits)),
        Bool => Some(Raw::Whole(i128::from(masked != 0))),
        Bcd8 | Bcd16 | Bcd24 | Bcd32 => from_bcd(shifted).map(Raw::Whole),
        I8Hi | I8Lo | I16 | I24 | I32 | I64 if point.mask.is_none() => {
            Some(Raw::Whole(i128::from(signed(bits, point.ty)) >> point.shift.min(127)))
        }
        _ => Some(Raw::Whole(i128::from(shifted))),
    }
}

/// The bits that [`read`] as `raw`, zero where the mask lets nothing through. A type without fractions takes whole numbers only.
/// `None` if there are none.
pub(super) fn write(point: &RegisterPoint, raw: Raw) -> Option<u64> {
    use RegisterType::{Bcd8, Bcd16, Bcd24, Bcd32, Bool, F16, F32, F64};
    let bits = match (point.ty, raw) {
        (F16, _) => u64::from(to_half(raw.as_f64())),
        (F32, _) => u64::from((raw.as_f64() as f32).to_bits()),
        (F64, _) => raw.as_f64().to_bits(),
        // The lowest bit of the mask, or the lowest of all.
        (Bool, Raw::Whole(1)) => point.mask.map_or(1, |mask| mask & mask.wrapping_neg()),
        (Bcd8 | Bcd16 | Bcd24 | Bcd32, Raw::Whole(whole)) => into_bcd(whole)?.checked_shl(u32::from(point.shift))?,
        (_, Raw::Whole(whole)) => (whole as u64).checked_shl(u32::from(point.shift))?,
        (_, Raw::Real(_)) => return None,
    };
    let (_, width) = lane(point.ty);
    let bits = if is_real(point.ty) { bits } else { bits & ones(width) & point.mask.unwrap_or(u64::MAX) };
    // Reading it back is the test whether it fits; only of a fraction may the last digits be lost.
    let back = read(point, bits)?;
    let fits = matches!(raw, Raw::Real(_)) || back.as_f64() == raw.as_f64() && (is_real(point.ty) || back == raw);
    fits.then_some(bits)
}

/// Whether the type has fractions.
pub(super) fn is_real(ty: RegisterType) -> bool {
    matches!(ty, RegisterType::F16 | RegisterType::F32 | RegisterType::F64)
}

/// Where the bits of the type lie in its registers: places above the lowest, and how many.
fn lane(ty: RegisterType) -> (u32, u32) {
    use RegisterType::{Bcd8, Bcd24, I8Hi, I8Lo, I24, U8Hi, U8Lo, U24};
    match ty {
        U8Hi | I8Hi => (8, 8),
        U8Lo | I8Lo | Bcd8 => (0, 8),
        U24 | I24 | Bcd24 => (0, 24),
        _ => (0, 16 * u32::from(ty.width().unwrap_or(1))),
    }
}

fn ones(width: u32) -> u64 {
    u64::MAX >> (64 - width.clamp(1, 64))
}

fn signed(bits: u64, ty: RegisterType) -> i64 {
    let unused = 64 - lane(ty).1;
    (bits << unused) as i64 >> unused
}

fn from_bcd(bits: u64) -> Option<i128> {
    (0..16).rev().map(|place| bits >> (place * 4) & 0xF).try_fold(0, |number, digit| (digit <= 9).then(|| number * 10 + i128::from(digit)))
}

fn into_bcd(number: i128) -> Option<u64> {
    let mut rest = u64::try_from(number).ok().filter(|number| *number < 10_u64.pow(8))?;
    let mut bits = 0;
    for place in 0..8 {
        bits |= (rest % 10) << (place * 4);
        rest /= 10;
    }
    Some(bits)
}

/// IEEE 754 half: sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f64::from(bits & 0x3FF);
    sign * match i32::from(bits >> 10 & 0x1F) {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (fraction + 1024.0) * 2_f64.powi(exponent - 25),
    }
}

/// The nearest half, the even one of two; infinite beyond the greatest.
fn to_half(value: f64) -> u16 {
    const INFINITE: u32 = 0x7C00;
    let exponent = ((value.abs().to_bits() >> 52) as i32 - 1023).clamp(-14, 16);
    // From 1024 on the steps carry into the exponent by themselves, and below that it is 0, as the format wants it.
    let steps = (value.abs() / 2_f64.powi(exponent - 10)).round_ties_even().min(4096.0) as u32;
    let bits = if value.is_nan() { INFINITE + 1 } else { (steps + (((exponent + 14) as u32) << 10)).min(INFINITE) };
    u16::from(value.is_sign_negative()) << 15 | bits as u16
}

#[cfg(test)]
mod tests {
    use super::{half, to_half};

    #[test]
    fn every_half_goes_there_and_back() {
        for bits in 0..=u16::MAX {
            let value = half(bits);
            if value.is_nan() {
                assert!(half(to_half(value)).is_nan(), "{bits:04x}");
            } else {
                assert_eq!(to_half(value), bits, "{bits:04x} {value}");
            }
        }
    }

    #[test]
    fn halves_are_those_of_the_standard() {
        for (bits, value) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0400, 0.000_061_035_156_25),
            (0x0001, 0.000_000_059_604_644_775_390_63),
            (0x3555, 0.333_251_953_125),
            (0x7C00, f64::INFINITY),
            (0xFC00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        // Between two halves: the nearer one, of two as near the even one, and beyond the last one infinity.
        for (value, bits) in
            [(1.000_4, 0x3C00), (1.000_6, 0x3C01), (1.000_488_281_25, 0x3C00), (65519.9, 0x7BFF), (65520.0, 0x7C00), (1e300, 0x7C00)]
        {
            assert_eq!(to_half(value), bits, "{value}");
        }
    }
}
