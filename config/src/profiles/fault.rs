//! What is wrong with a profile, and where its text says so.

use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// One line for the author of the profile; names the point, if it is about one.
    pub(crate) message: String,
    /// Bytes of the text it is about; empty at the start if it is about the whole.
    pub(crate) span: Range<usize>,
}

/// Everything that was found wrong, in the order of the text as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// Faults that have no place of their own get this one.
    #[must_use]
    pub(super) fn within(mut self, span: &Range<usize>) -> Self {
        self.0.iter_mut().filter(|fault| fault.span.is_empty()).for_each(|fault| fault.span = span.clone());
        self
    }
}

impl From<String> for Faults {
    fn from(message: String) -> Self {
        Self(vec![Fault { message, span: 0..0 }])
    }
}

impl From<toml::de::Error> for Faults {
    fn from(error: toml::de::Error) -> Self {
        Self(vec![Fault { message: error.message().to_owned(), span: error.span().unwrap_or(0..0) }])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<&str> = self.0.iter().map(|fault| fault.message.as_str()).collect();
        f.write_str(&messages.join("; "))
    }
}

/// Checks every item of a list, so that all faults are told at once, each at its own place.
pub(super) fn each<T, U, E: Into<Faults>>(items: Vec<Spanned<T>>, check: impl Fn(T) -> Result<U, E>) -> Result<Vec<U>, Faults> {
    let (mut good, mut bad) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        let span = item.span();
        match check(item.into_inner()) {
            Ok(checked) => good.push(checked),
            Err(fault) => bad.extend(fault.into().within(&span).0),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(Faults(bad)) }
}
