//! Collects what is wrong, with the place where each setting was written.
//!
//! Never judges. At most [`PROBLEMS_MAX`] problems and as many warnings are kept, the rest is counted: a flood of
//! warnings hides no problem.

use crate::limits::PROBLEMS_MAX;
use crate::problem::{self, Place, Problem, Problems};
use crate::text::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Where a setting comes from.
#[derive(Debug, Clone)]
pub(crate) enum Spot {
    /// Written in a file.
    File { file: usize, key: Range<usize>, value: Range<usize> },
    /// Given by an environment variable of that name.
    Variable(String),
}

/// What a problem says.
#[derive(Debug, Clone)]
pub(crate) struct Complaint {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Complaint {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// File and byte, so that problems are listed in the order of the files; without a place they come last.
type Order = (usize, usize);

/// The collection. Problems and warnings share it until the end.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) texts: Vec<Text>,
    spots: BTreeMap<String, Spot>,
    bad: BTreeSet<String>,
    found: Vec<(Order, Problem)>,
    errors: usize,
    warnings: usize,
}

impl Report {
    pub(crate) fn new(texts: Vec<Text>) -> Self {
        Self { texts, ..Self::default() }
    }

    /// Remembers where a setting is written; a later layer replaces an earlier one. Returns what it replaced.
    pub(crate) fn remember(&mut self, path: &str, spot: Spot) -> Option<Spot> {
        self.bad.remove(path);
        self.spots.insert(path.to_owned(), spot)
    }

    /// Where a setting is written.
    pub(crate) fn spot(&self, path: &str) -> Option<&Spot> {
        self.spots.get(path)
    }

    /// Complains about the value of a setting and remembers that it is not to be used.
    pub(crate) fn value(&mut self, path: &str, complaint: Complaint) {
        self.bad.insert(path.to_owned());
        self.add(path, complaint, |key, value| if value.is_empty() { key } else { value });
    }

    /// Complains about a setting as such. If it is not written anywhere, its table is pointed at.
    pub(crate) fn key(&mut self, path: &str, complaint: Complaint) {
        self.add(path, complaint, |key, _| key);
    }

    /// Complains about a table as a whole and remembers that it is not to be used.
    pub(crate) fn table(&mut self, path: &str, complaint: Complaint) {
        self.bad.insert(path.to_owned());
        self.key(path, complaint);
    }

    /// Complains about a key that should not be there; its value is not shown, it may be a secret.
    pub(crate) fn stranger(&mut self, path: &str, complaint: Complaint) {
        self.bad.insert(path.to_owned());
        let before = self.found.len();
        self.key(path, complaint);
        if let Some((_, Problem { place: Some(place), .. })) = self.found.get_mut(before) {
            hide_value(place);
        }
    }

    /// Complains about a span of a file.
    pub(crate) fn span(&mut self, file: usize, span: Range<usize>, complaint: Complaint) {
        let place = self.texts.get(file).map(|text| text.place(span.clone()));
        self.push((file, span.start), "", place, complaint);
    }

    /// Complains about something that stands nowhere.
    pub(crate) fn nowhere(&mut self, path: &str, complaint: Complaint) {
        self.push((usize::MAX, 0), path, None, complaint);
    }

    /// Whether a setting was already complained about.
    pub(crate) fn is_bad(&self, path: &str) -> bool {
        self.bad.contains(path)
    }

    /// Problems so far, warnings left out.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Whether the configuration can not be used.
    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// The problems, or the warnings if there are no problems.
    pub(crate) fn finish(mut self) -> Result<Vec<Problem>, Problems> {
        self.found.sort_by_key(|(order, _)| *order);
        let (failed, errors_and_warnings) = (self.has_errors(), self.errors.saturating_add(self.warnings));
        let mut all: Vec<Problem> = self.found.into_iter().map(|(_, problem)| problem).collect();
        let unlisted = errors_and_warnings.saturating_sub(all.len());
        if unlisted > 0 {
            let message = format!("{unlisted} more are not listed");
            let hint = Some("correct the ones above and check again".to_owned());
            all.push(Problem { code: problem::NOT_LISTED, key: String::new(), place: None, message, hint });
        }
        if failed { Err(Problems(all)) } else { Ok(all) }
    }

    fn add(&mut self, path: &str, mut complaint: Complaint, part: impl Fn(Range<usize>, Range<usize>) -> Range<usize>) {
        match self.nearest_spot(path) {
            Some(Spot::File { file, key, value }) => {
                let span = part(key, value);
                let place = self.texts.get(file).map(|text| text.place(span.clone()));
                self.push((file, span.start), path, place, complaint);
            }
            Some(Spot::Variable(name)) => {
                complaint.message = format!("{} (environment variable {name})", complaint.message);
                self.push((usize::MAX, 0), path, None, complaint);
            }
            None => {
                let place = self.texts.first().map(|text| text.place(0..0));
                self.push((0, 0), path, place, complaint);
            }
        }
    }

    /// Where a setting is written, or else the table it belongs in.
    fn nearest_spot(&self, path: &str) -> Option<Spot> {
        let mut path = path;
        loop {
            if let Some(spot) = self.spots.get(path) {
                return Some(spot.clone());
            }
            path = path.rsplit_once('.')?.0;
        }
    }

    fn push(&mut self, order: Order, path: &str, place: Option<Place>, complaint: Complaint) {
        let Complaint { code, message, hint } = complaint;
        let problem = Problem { code, key: path.to_owned(), place, message, hint };
        let count = if problem.is_warning() { &mut self.warnings } else { &mut self.errors };
        *count = count.saturating_add(1);
        if *count <= PROBLEMS_MAX {
            self.found.push((order, problem));
        }
    }
}

/// Path of a key below a path, written as TOML would.
pub(crate) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn hide_value(place: &mut Place) {
    let end = place.column.saturating_sub(1).saturating_add(place.len);
    let (mut shown, rest): (String, String) = (place.text.chars().take(end).collect(), place.text.chars().skip(end).collect());
    if rest.trim_start().starts_with('=') {
        shown.push_str(" = …");
        place.text = shown;
    }
}
