//! The figures as a table for people, or as one JSON object.

use crate::figures::{Figure, Goal};
use serde_json::{Map, Value, json};

/// What was measured, in order.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(&'static Figure, f64)>,
    /// Lines under the table.
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn add(&mut self, figure: &'static Figure, value: f64) {
        self.rows.push((figure, value));
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    pub(crate) fn print(&self) {
        println!("{:<54} {:>10} {:<4} {:>9}", "figure", "here", "", "goal");
        for (figure, value) in &self.rows {
            let mark = if figure.goal.holds(*value) { ' ' } else { '!' };
            println!("{:<54} {:>10} {:<4} {:>9}{mark}", figure.what, rounded(*value), figure.unit, figure.goal.shown());
        }
        for note in &self.notes {
            println!("{note}");
        }
    }

    pub(crate) fn print_json(&self) {
        let row = |(figure, value): &(&Figure, f64)| {
            let holds = (!matches!(figure.goal, Goal::None)).then(|| figure.goal.holds(*value));
            let what = figure.what.trim_start();
            (
                figure.key.to_owned(),
                json!({ "value": value, "unit": figure.unit, "what": what, "goal": figure.goal.shown(), "holds": holds }),
            )
        };
        println!("{}", json!({ "figures": self.rows.iter().map(row).collect::<Map<String, Value>>(), "notes": self.notes }));
    }
}

/// Least, middle and greatest of some values.
pub(crate) fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}

/// Three digits that mean something.
pub(crate) fn rounded(value: f64) -> String {
    let places = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.places$}")
}
