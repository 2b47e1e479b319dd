//! One field of a profile, compiled: a scalar or the length of a list to one value, or to the reason why not.
//!
//! Pure; allocates only for free texts.

use super::personal::{self, NUMBER_DIGITS_MAX, part_named};
use super::value::{NOT_FINITE, Scalar};
use crate::fault::Fault;
use crate::reading::{Metric, Quality, Value};
use facility_config::limits::FREE_TEXT_DIGITS_MAX;
use facility_config::profile::{Format, ListUse, Mapped, MessageField};
use facility_config::series::Type;
use facility_config::{Part, Point};
use std::sync::Arc;

/// How far a scaled integer may be from a whole number: a yuan amount with two decimals becomes fen exactly.
const WHOLE_TOLERANCE: f64 = 1e-6;
/// Integers beyond it are not exact as floats.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

const OUT_OF_RANGE: Value = Value::Missing(Quality::OutOfRange);

/// How a value becomes a reading.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) point: Point,
    pub(super) ty: Type,
    /// The part it is about, if the profile names it.
    pub(super) part: Part,
    pub(super) list: Option<ListUse>,
    /// Numbers may be texts, yes and no numbers or words.
    pub(super) loose: bool,
    scale: f64,
    offset: f64,
    range: Option<(f64, f64)>,
    /// Shared with every reading that holds one of them.
    words: Vec<Arc<str>>,
    values: Vec<(Box<str>, Value)>,
    silent: Vec<Box<str>>,
}

impl Leaf {
    /// Compiles a field. The only value of a plain-text body can be nothing but text.
    pub(super) fn new(field: &MessageField, format: Format) -> Self {
        let ty = field.point.info().ty;
        let constant = field.part.as_deref().filter(|_| !field.pointer.contains('*'));
        Self {
            point: field.point,
            ty,
            part: constant.and_then(part_named).unwrap_or(Part::WHOLE),
            list: field.list,
            loose: field.loose || format == Format::Plain,
            scale: field.scale,
            offset: field.offset,
            range: field.range,
            words: field.words.iter().map(|word| Arc::from(&**word)).collect(),
            values: field.values.iter().map(|(raw, mapped)| (raw.clone(), value(ty, mapped))).collect(),
            silent: field.silent.clone(),
        }
    }

    pub(super) fn metric(&self) -> Metric {
        Metric { point: self.point, part: self.part }
    }

    /// Writes the value; false for a code that says nothing about this point. Out of range is a value that is missing, not a
    /// fault: one value counts once.
    ///
    /// Where it belongs, at once: of ten values that are handed on from function to function, the copies cost more than the
    /// values.
    pub(super) fn read(&self, scalar: Scalar<'_>, value: &mut Value) -> Result<bool, Fault> {
        if matches!(scalar, Scalar::Text(NOT_FINITE)) {
            return Err(Fault::NotFinite);
        }
        if !(self.values.is_empty() && self.silent.is_empty())
            && let Some(known) = self.mapped(scalar)
        {
            let Some(known) = known? else { return Ok(false) };
            *value = known;
            return Ok(true);
        }
        let scalar = if self.loose { self.loosened(scalar) } else { scalar };
        *value = match (self.ty, scalar) {
            _ if self.list.is_some() && !matches!(scalar, Scalar::Null) => return Err(Fault::WrongType),
            (_, Scalar::Null) => Value::Missing(Quality::SensorError),
            (Type::Bool, Scalar::Bool(yes)) => Value::Bool(yes),
            (Type::Text, Scalar::Text(text)) => Value::Text(self.word(text)?),
            (Type::Text, Scalar::Int(_)) if self.loose => {
                Value::Text(scalar.as_text(&mut [0; 40]).ok_or(Fault::WrongType).and_then(|text| self.word(text))?)
            }
            (Type::Float, number) => self.float(number)?.map_or(OUT_OF_RANGE, Value::Float),
            (Type::Int, number) => self.integer(number)?.map_or(OUT_OF_RANGE, Value::Int),
            (Type::Bool | Type::Text, _) => return Err(Fault::WrongType),
        };
        Ok(true)
    }

    /// What is made of a list of that many elements.
    pub(super) fn of_list(&self, elements: i64) -> Result<Value, Fault> {
        match (self.list, self.ty) {
            (Some(ListUse::Any), Type::Bool) => Ok(Value::Bool(elements > 0)),
            (Some(ListUse::Count), _) => Ok(self.integer(Scalar::Int(elements))?.map_or(OUT_OF_RANGE, Value::Int)),
            _ => Err(Fault::WrongType),
        }
    }

    /// Whether a text may stand here for people to read: one of the profile's words, or a number where numbers may be texts.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.words.iter().any(|word| **word == *text)
            || self.values.iter().any(|(raw, _)| **raw == *text)
            || self.silent.iter().any(|raw| **raw == *text)
            || (self.loose && Scalar::of_number(text.trim()).is_some() && self.believes_number(text.trim()))
    }

    /// Whether a number may stand here for people to read: short, or one that becomes a reading. A telephone number is out of
    /// the range of most fields, and too long for those without one.
    pub(super) fn believes_number(&self, text: &str) -> bool {
        let whole = text.split(['.', 'e', 'E']).next().unwrap_or_default();
        let is_long = |digits: &str, most: usize| digits.bytes().filter(u8::is_ascii_digit).count() > most;
        let is_reading = || {
            let mut value = OUT_OF_RANGE;
            Scalar::of_number(text).is_some_and(|number| self.read(number, &mut value).is_ok()) && !matches!(value, Value::Missing(_))
        };
        !is_long(text, FREE_TEXT_DIGITS_MAX) || (!is_long(whole, NUMBER_DIGITS_MAX) && is_reading())
    }

    /// What the profile says about this very word or code; `None` if the value is to be taken as it is.
    fn mapped(&self, scalar: Scalar<'_>) -> Option<Result<Option<Value>, Fault>> {
        let mut digits = [0; 40];
        let raw = match scalar {
            Scalar::Null => return None,
            scalar => scalar.as_text(&mut digits),
        };
        let raw = raw.map(|raw| if self.loose { raw.trim() } else { raw });
        let is = |known: &str| raw == Some(known);
        if self.silent.iter().any(|known| is(known)) {
            return Some(Ok(None));
        }
        let value = self.values.iter().find(|(known, _)| is(known)).map(|(_, value)| value.clone());
        (!self.values.is_empty()).then(|| value.map(Some).ok_or(Fault::BadText))
    }

    /// What a text or a number stands for where makers are not strict.
    fn loosened<'s>(&self, scalar: Scalar<'s>) -> Scalar<'s> {
        let scalar = match scalar {
            Scalar::Text(text) => Scalar::Text(text.trim()),
            scalar => scalar,
        };
        let scalar = match (self.ty, scalar) {
            (Type::Float | Type::Int, Scalar::Text(text)) => Scalar::of_number(text).unwrap_or(scalar),
            _ => scalar,
        };
        match (self.ty, scalar) {
            // Languages with one kind of number (Lua, JavaScript by way of a float) write 41 as 41.0.
            (Type::Int, Scalar::Float(n)) if n.fract() == 0.0 && n.abs() <= WHOLE_MAX => Scalar::Int(n as i64),

            (Type::Bool, Scalar::Int(n @ (0 | 1))) => Scalar::Bool(n == 1),
            (Type::Bool, Scalar::Text(text)) => yes_or_no(text).map_or(scalar, Scalar::Bool),
            _ => scalar,
        }
    }

    /// `None` for what is out of range.
    fn float(&self, scalar: Scalar<'_>) -> Result<Option<f64>, Fault> {
        let number = scalar.number().ok_or_else(|| not_a_number(scalar))? * self.scale + self.offset;
        if !number.is_finite() {
            return Err(Fault::NotFinite);
        }
        // Adding zero turns −0 into 0, so that equal values have equal bytes.
        Ok(self.believes(number).then_some(number + 0.0))
    }

    /// `None` for what is out of range.
    fn integer(&self, scalar: Scalar<'_>) -> Result<Option<i64>, Fault> {
        #[expect(clippy::float_cmp, reason = "a scale of exactly 1 and an offset of exactly 0 mean no scaling")]
        if self.scale != 1.0 || self.offset != 0.0 {
            return self.scaled_integer(scalar);
        }
        match scalar {
            Scalar::Int(n) => Ok(self.believes(n as f64).then_some(n)),
            Scalar::Huge(_) => Ok(None),
            // `-0` is the one integer that serde_json reports as a float.
            Scalar::Float(n) if n == 0.0 && n.is_sign_negative() => Ok(Some(0)),
            // A count that comes as 2.6 or 2.0 is another quantity than the profile says, or a broken device.
            other => Err(not_a_number(other)),
        }
    }

    fn scaled_integer(&self, scalar: Scalar<'_>) -> Result<Option<i64>, Fault> {
        let number = scalar.number().ok_or_else(|| not_a_number(scalar))? * self.scale + self.offset;
        if !number.is_finite() {
            return Err(Fault::NotFinite);
        }
        if (number - number.round()).abs() > WHOLE_TOLERANCE {
            return Err(Fault::WrongType);
        }
        let fits = number.abs() <= WHOLE_MAX && self.believes(number);
        Ok(fits.then_some(number.round() as i64))
    }

    fn believes(&self, number: f64) -> bool {
        self.range.is_none_or(|(low, high)| (low..=high).contains(&number))
    }

    fn word(&self, text: &str) -> Result<Arc<str>, Fault> {
        if self.words.is_empty() {
            return personal::code(self.point, text).map(|()| text.into());
        }
        self.words.iter().find(|word| ***word == *text).cloned().ok_or(Fault::BadText)
    }
}

fn value(ty: Type, mapped: &Mapped) -> Value {
    match mapped {
        Mapped::Bool(yes) => Value::Bool(*yes),
        Mapped::Int(n) if ty == Type::Float => Value::Float(*n as f64),
        Mapped::Int(n) => Value::Int(*n),
        Mapped::Float(n) => Value::Float(*n),
        Mapped::Text(word) => Value::Text(Arc::from(&**word)),
    }
}

fn yes_or_no(text: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["1", "on", "true", "yes"]) {
        return Some(true);
    }
    is(["0", "off", "false", "no"]).then_some(false)
}

/// Words for "no number" (`"NaN"`, `"-inf"`) are not finite; any other text is of the wrong type.
fn not_a_number(scalar: Scalar<'_>) -> Fault {
    match scalar {
        Scalar::Text(text) if text.parse::<f64>().is_ok_and(|n| !n.is_finite()) => Fault::NotFinite,
        _ => Fault::WrongType,
    }
}
