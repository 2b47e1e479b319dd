//! A spreadsheet of registers to a profile: translated line by line into the TOML of profiles, which has the rules.
//!
//! So a spreadsheet can say what TOML can and no more, and every fault is told once, in one place; here it only gets its
//! row and column back. Bounded by the size of the file; each cell becomes at most one line.

use super::super::fault::{Fault, Faults};
use super::super::fields::{FIELDS, ORIGIN};
use super::cells::{self, Translate};
use super::head::{self, Section};
use crate::keys::nearest;
use crate::profile::Profile;
use std::ops::Range;

/// What may stand between cells.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Most columns: every field, and as many notes as anybody keeps.
const COLUMNS_MAX: usize = 200;

/// A row that is not empty.
pub(super) struct Row {
    /// As the spreadsheet numbers it.
    number: usize,
    /// Its first line in the text.
    span: Range<usize>,
    pub(super) cells: Vec<String>,
}

/// TOML made of cells, with the cell of every line.
pub(super) struct Lines<'r> {
    lines: Vec<(String, Option<(&'r Row, Option<usize>)>)>,
    faults: Vec<Fault>,
    /// Whether numbers may have a decimal comma.
    pub(super) comma: bool,
}

/// Reads a spreadsheet. Faults name row and column.
pub(crate) fn from_sheet(text: &str) -> Result<Profile, Faults> {
    let (rows, separator) = rows_of(text)?;
    let header = rows.iter().position(|row| is_header(&row.cells));
    let Some((head, [header, points @ ..])) = header.map(|at| rows.split_at(at)) else { return Err(no_header()) };
    let mut lines = Lines { lines: Vec::new(), faults: Vec::new(), comma: separator != b',' };
    for section in [Section::Profile, Section::Map, Section::Lists] {
        if section == Section::Map {
            lines.lines.push(("[modbus]".to_owned(), None));
        }
        head.iter().for_each(|row| head::translate(&mut lines, row, section));
    }
    if header.cells.len() > COLUMNS_MAX {
        return Err(Faults::from(format!("there are {} columns; {COLUMNS_MAX} are read", header.cells.len())));
    }
    let columns = columns(&mut lines, header);
    for row in points.iter().filter(|row| !row.cells.first().is_some_and(|cell| cell.starts_with('#'))) {
        lines.table("[[modbus.point]]", row);
        for at in (0..row.cells.len()).filter(|at| !row.cells[*at].trim().is_empty()) {
            match columns.get(at).copied().flatten() {
                Some(field) => lines.field(row, at, field, cells::of_field(field)),
                None if header.cells.get(at).is_none_or(|name| name.trim().is_empty()) => {
                    lines.fault(row, Some(at), "a value without the name of its column");
                }
                None => {}
            }
        }
    }
    lines.read()
}

impl<'r> Lines<'r> {
    /// Opens a table.
    pub(super) fn table(&mut self, name: &str, row: &'r Row) {
        self.lines.push((name.to_owned(), Some((row, None))));
    }

    /// `field = value`, if the cell can be translated.
    pub(super) fn field(&mut self, row: &'r Row, at: usize, field: &str, translate: Translate) {
        let Some(cell) = row.cells.get(at) else { return };
        match translate(cell.strip_prefix('\'').unwrap_or(cell), self.comma) {
            Ok(value) => self.lines.push((format!("{field} = {value}"), Some((row, Some(at))))),
            Err(why) => self.fault(row, Some(at), &why),
        }
    }

    /// A line that is TOML already.
    pub(super) fn line(&mut self, row: &'r Row, at: Option<usize>, line: String) {
        self.lines.push((line, Some((row, at))));
    }

    pub(super) fn fault(&mut self, row: &Row, column: Option<usize>, why: &str) {
        self.faults.push(Fault { message: format!("{}: {why}", place(row, column)), span: row.span.clone() });
    }

    /// Lets the reader of TOML judge, and gives its faults their cells back.
    fn read(self) -> Result<Profile, Faults> {
        if !self.faults.is_empty() {
            return Err(Faults(self.faults));
        }
        let mut text = String::new();
        let mut starts = Vec::with_capacity(self.lines.len());
        for (line, _) in &self.lines {
            starts.push(text.len());
            text.push_str(line);
            text.push('\n');
        }
        let to_cell = |fault: Fault| {
            let line = starts.partition_point(|start| *start <= fault.span.start).saturating_sub(1);
            match self.lines.get(line).and_then(|(_, cell)| *cell).filter(|_| !fault.span.is_empty()) {
                Some((row, column)) => Fault { message: format!("{}: {}", place(row, column), fault.message), span: row.span.clone() },
                None => Fault { span: 0..0, ..fault },
            }
        };
        super::super::read(&text).map_err(|faults| Faults(faults.0.into_iter().map(to_cell).collect()))
    }
}

/// The rows, read with the separator that makes a header of one of them.
fn rows_of(text: &str) -> Result<(Vec<Row>, u8), Faults> {
    for separator in SEPARATORS {
        let rows = rows_with(text, separator)?;
        if rows.iter().any(|row| is_header(&row.cells)) {
            return Ok((rows, separator));
        }
    }
    Err(no_header())
}

fn rows_with(text: &str, separator: u8) -> Result<Vec<Row>, Faults> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let (mut rows, mut number, mut before, mut inside) = (Vec::new(), 1, 0, 0);
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let read_from = record.position().map_or(0, |position| position.byte() as usize);
        // Empty lines are passed over while a record is looked for.
        let start = read_from + text.get(read_from..).map_or(0, |rest| rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        // Lines that end inside a cell are no rows, lines that are empty are.
        number += line_feeds(text.get(before..start).unwrap_or("")).saturating_sub(inside);
        (before, inside) = (start, record.iter().map(line_feeds).sum());
        let cells: Vec<String> = record.iter().map(|cell| cell.replace("\r\n", "\n")).collect();
        let end = text.get(start..).and_then(|rest| rest.find(['\r', '\n'])).map_or(text.len(), |len| start + len);
        if cells.iter().any(|cell| !cell.trim().is_empty()) {
            rows.push(Row { number, span: start..end.max(start + 1), cells });
        }
    }
    Ok(rows)
}

fn line_feeds(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

fn is_header(cells: &[String]) -> bool {
    ["point", "address", "type"].iter().all(|name| cells.iter().any(|cell| cell.trim().eq_ignore_ascii_case(name)))
}

fn no_header() -> Faults {
    Faults::from(String::from("there is no row of column names: it has at least point, address and type"))
}

/// The field of every column; `None` for notes and for names that were complained about.
fn columns<'r>(lines: &mut Lines<'r>, header: &'r Row) -> Vec<Option<&'static str>> {
    let mut columns: Vec<Option<&'static str>> = Vec::new();
    for (at, cell) in header.cells.iter().enumerate() {
        let name = cell.trim().to_ascii_lowercase();
        let field = FIELDS.into_iter().chain([ORIGIN]).find(|field| *field == name);
        if field.is_none() && !name.is_empty() && !name.starts_with('#') {
            let near = nearest(&name, FIELDS)
                .map_or_else(|| "write # in front of it if it is a note".to_owned(), |near| format!("did you mean `{near}`?"));
            lines.fault(header, Some(at), &format!("there is no column `{name}`; {near}"));
        }
        if field.is_some() && columns.contains(&field) {
            lines.fault(header, Some(at), &format!("the column `{name}` is there twice"));
        }
        columns.push(field);
    }
    columns
}

/// `row 7, column D`, as a spreadsheet shows it.
fn place(row: &Row, column: Option<usize>) -> String {
    let Some(mut at) = column else { return format!("row {}", row.number) };
    let mut letters = Vec::new();
    loop {
        letters.insert(0, char::from(b'A' + (at % 26) as u8));
        if at < 26 {
            break;
        }
        at = at / 26 - 1;
    }
    format!("row {}, column {}", row.number, letters.into_iter().collect::<String>())
}
