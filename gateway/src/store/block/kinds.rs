//! Values as integers, and back to the same bits.
//!
//! A sensor says short decimals: 21.7 is 217 with one place. A device that counts in 32-bit floats says the float
//! nearest to a short decimal, or noise. So the floats of a metric are written in the one [`Form`] that fits nearly all
//! of them; the others are of a kind of their own, their 64 bits.

/// What is written of a value, and in which stream of its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A float in the form of its column.
    Float = 0,
    /// Any float: its bits.
    Raw = 1,
    Int = 2,
    Bool = 3,
    /// Number of a text in the dictionary of the block, plus one; 0 for one that follows.
    Text = 4,
    /// Why there is no value.
    Missing = 5,
}

/// All kinds, by number.
pub(super) const KINDS: [Kind; 6] = [Kind::Float, Kind::Raw, Kind::Int, Kind::Bool, Kind::Text, Kind::Missing];

/// How the floats of a column became integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// Times ten to this power, 0 to [`PLACES_MAX`].
    Decimal(u8),
    /// The 32-bit float nearest to a decimal, 1 to [`SHORT_PLACES_MAX`] places.
    Short(u8),
    /// The bits of a 32-bit float, in its order.
    Bits32,
}

const PLACES_MAX: u8 = 6;
const SHORT_PLACES_MAX: u8 = 3;
/// Number of no form.
const RAW: u8 = 11;
const TENS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
/// Larger numbers have gaps between them.
const EXACT_MAX: f64 = (1u64 << 52) as f64;

impl Form {
    /// Its number in the file, less than 16.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Decimal(places) => places,
            Self::Bits32 => 7,
            Self::Short(places) => 7 + places,
        }
    }

    /// From its number in the file.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        match code {
            0..=PLACES_MAX => Some(Self::Decimal(code)),
            7 => Some(Self::Bits32),
            8..=10 => Some(Self::Short(code - 7)),
            _ => None,
        }
    }

    /// The integer that gives back exactly this float.
    pub(super) fn to_int(self, value: f64) -> Option<i64> {
        let int = match self {
            Self::Decimal(places) | Self::Short(places) => {
                let scaled = value * TENS[usize::from(places)];
                if scaled.abs() >= EXACT_MAX {
                    return None;
                }
                // Half away from zero; a wrong guess is seen below.
                (scaled + 0.5f64.copysign(scaled)) as i64
            }
            Self::Bits32 => ordered32(value as f32),
        };
        (self.to_float(int).to_bits() == value.to_bits()).then_some(int)
    }

    /// Inverse of [`Form::to_int`].
    pub(super) fn to_float(self, int: i64) -> f64 {
        match self {
            Self::Decimal(places) => int as f64 / TENS[usize::from(places)],
            Self::Short(places) => f64::from((int as f64 / TENS[usize::from(places)]) as f32),
            Self::Bits32 => f64::from(f32::from_bits(unordered32(int))),
        }
    }
}

/// Bits of a float as a number that is larger for a larger float.
fn ordered32(value: f32) -> i64 {
    let bits = value.to_bits() as i32;
    i64::from(bits ^ ((bits >> 31) & i32::MAX))
}

fn unordered32(int: i64) -> u32 {
    let bits = int as i32;
    (bits ^ ((bits >> 31) & i32::MAX)) as u32
}

/// [`ordered32`] for all 64 bits; its own inverse.
pub(super) fn ordered64(bits: i64) -> i64 {
    bits ^ ((bits >> 63) & i64::MAX)
}

/// The shortest way to write a float, as far as one value tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Form(Form),
    Raw,
}

impl Fit {
    /// Looks at a float. `like` is what the last one of its metric was.
    pub(super) fn of(value: f64, like: Self) -> Self {
        let is_short = f64::from(value as f32).to_bits() == value.to_bits();
        let fits = |form: Form| form.to_int(value).is_some();
        // What fits a form fits those with more places too, so that one look at the form before is enough.
        let is_like = match like {
            Self::Form(form @ Form::Decimal(0)) => fits(form),
            Self::Form(form @ Form::Decimal(places)) => fits(form) && !fits(Form::Decimal(places - 1)),
            Self::Form(Form::Bits32) => is_short && !fits(Form::Decimal(SHORT_PLACES_MAX)) && !fits(Form::Short(SHORT_PLACES_MAX)),
            _ => false,
        };
        if is_like {
            return like;
        }
        let decimals = (0..=if is_short { SHORT_PLACES_MAX } else { PLACES_MAX }).map(Form::Decimal);
        let shorts = (1..=SHORT_PLACES_MAX).map(Form::Short).chain([Form::Bits32]).filter(|_| is_short);
        decimals.chain(shorts).find(|form| fits(*form)).map_or(Self::Raw, Self::Form)
    }

    /// As a small number.
    pub(super) fn hint(self) -> u32 {
        match self {
            Self::Form(form) => u32::from(form.code()),
            Self::Raw => u32::from(RAW),
        }
    }

    /// From [`Fit::hint`]; any other number is as good as none.
    pub(super) fn from_hint(hint: u32) -> Self {
        u8::try_from(hint).ok().and_then(Form::from_code).map_or(Self::Raw, Self::Form)
    }
}

/// How the floats of one metric look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fits([u32; 12]);

impl Fits {
    pub(super) fn add(&mut self, fit: Fit) {
        self.0[fit.hint() as usize] += 1;
    }

    /// The form that fits nearly all of them; what does not fit takes eight bytes each.
    pub(super) fn form(&self) -> Form {
        let total: u32 = self.0.iter().sum();
        let up_to = |places: u8| self.0[..=usize::from(places)].iter().sum::<u32>();
        let short = |places: u8| up_to(places) + self.0[8..=usize::from(7 + places)].iter().sum::<u32>();
        let decimals = (0..=PLACES_MAX).map(|places| (Form::Decimal(places), up_to(places)));
        let shorts = (1..=SHORT_PLACES_MAX).map(|places| (Form::Short(places), short(places)));
        let nearly_all = total - total / 32;
        decimals.chain(shorts).find(|(_, fit)| *fit >= nearly_all).map_or(Form::Bits32, |(form, _)| form)
    }
}
