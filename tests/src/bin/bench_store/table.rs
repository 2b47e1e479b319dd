//! The figures as a table for people, or as one JSON object.

use crate::figures::Figure;
use serde_json::{Value, json};

/// What was measured, in order.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(&'static Figure, f64)>,
    /// Sentences under the table.
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn add(&mut self, figure: &'static Figure, value: f64) {
        self.rows.push((figure, value));
    }

    /// A figure that may be impossible here.
    pub(crate) fn add_if(&mut self, figure: &'static Figure, value: Option<f64>) {
        self.rows.extend(value.map(|value| (figure, value)));
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    pub(crate) fn print(&self) {
        println!("{:<54} {:>10} {:<4} {:>8}  others", "figure", "here", "", "goal");
        for (figure, value) in &self.rows {
            let goal = figure.goal.map_or_else(String::new, |goal| format!("<= {goal}"));
            let mark = if figure.goal.is_some_and(|goal| *value > goal) { '!' } else { ' ' };
            println!("{:<54} {:>10} {:<4} {goal:>8}{mark} {}", figure.what, rounded(*value), figure.unit, figure.others);
        }
        for note in &self.notes {
            println!("{note}");
        }
    }

    pub(crate) fn print_json(&self) {
        let row = |(figure, value): &(&Figure, f64)| {
            let value = json!({
                "value": value, "unit": figure.unit, "what": figure.what.trim_start(),
                "goal": figure.goal, "holds": figure.goal.map(|goal| *value <= goal), "others": figure.others,
            });
            (figure.key.to_owned(), value)
        };
        println!("{}", json!({ "figures": self.rows.iter().map(row).collect::<serde_json::Map<String, Value>>(), "notes": self.notes }));
    }
}

/// Three digits that mean something.
fn rounded(value: f64) -> String {
    let places = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.places$}")
}
