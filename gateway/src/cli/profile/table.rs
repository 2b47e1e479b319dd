//! Columns for a terminal. Pure; the last column is not padded, empty columns are left out.

/// A table with a heading for each column.
pub(in crate::cli) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::cli) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    pub(in crate::cli) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, each behind this indent.
    pub(in crate::cli) fn render(&self, indent: &str) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(|at| self.width(at)).collect();
        let mut out = String::new();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
            let line: String = cells.map(|(cell, width)| format!("{cell}{}  ", " ".repeat(width.saturating_sub(shown(cell))))).collect();
            out.push_str(format!("{indent}{line}").trim_end());
            out.push('\n');
        }
        out
    }

    /// Width of a column; 0 if nothing is in it but its heading.
    fn width(&self, at: usize) -> usize {
        let cells = || self.rows.iter().filter_map(|row| row.get(at));
        if cells().skip(1).all(String::is_empty) { 0 } else { cells().map(|cell| shown(cell)).max().unwrap_or(0) }
    }
}

/// Columns a text takes: Chinese characters take two.
pub(super) fn shown(text: &str) -> usize {
    text.chars().map(|c| if matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}') { 2 } else { 1 }).sum()
}

/// The beginning of a text, with an ellipsis if that is not all of it.
pub(super) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
