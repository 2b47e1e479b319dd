//! Figures of a measurement with their goals, as a table for people or as one JSON object.

#![allow(clippy::print_stdout, reason = "measuring programs print")]

use serde_json::{Map, Value, json};

/// What is wanted of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// Nothing.
    None,
    /// That much or more.
    AtLeast(f64),
    /// Less than that.
    Below(f64),
}

impl Goal {
    /// Whether a value is as wanted.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(goal) => value >= goal,
            Self::Below(goal) => value < goal,
        }
    }

    /// As it stands in the table.
    #[must_use]
    pub fn shown(self) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(goal) => format!(">= {goal}"),
            Self::Below(goal) => format!("< {goal}"),
        }
    }
}

/// One figure.
#[derive(Debug)]
pub struct Figure {
    /// Name in the JSON.
    pub key: &'static str,
    /// For people; two spaces in front for a part of the figure above.
    pub what: &'static str,
    /// Of the value.
    pub unit: &'static str,
    /// What is wanted.
    pub goal: Goal,
}

/// What was measured, in order.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(&'static Figure, f64)>,
    /// Lines under the table.
    notes: Vec<String>,
}

impl Table {
    /// The next figure.
    pub fn add(&mut self, figure: &'static Figure, value: f64) {
        self.rows.push((figure, value));
    }

    /// A line under the table.
    pub fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// For people.
    pub fn print(&self) {
        println!("{:<54} {:>10} {:<4} {:>9}", "figure", "here", "", "goal");
        for (figure, value) in &self.rows {
            let mark = if figure.goal.holds(*value) { ' ' } else { '!' };
            println!("{:<54} {:>10} {:<4} {:>9}{mark}", figure.what, rounded(*value), figure.unit, figure.goal.shown());
        }
        for note in &self.notes {
            println!("{note}");
        }
    }

    /// For machines.
    pub fn print_json(&self) {
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

/// Least, middle and greatest of some values, of which there is at least one.
#[must_use]
pub fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}

/// Three digits that mean something.
#[must_use]
pub fn rounded(value: f64) -> String {
    let places = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.places$}")
}
