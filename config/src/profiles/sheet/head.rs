//! Rows above the points: `#key` in the first cell, values in the cells behind it. A row that begins with `# ` is a note.

use super::cells::{self, Translate, free, number, range, whole, word};
use super::read::{Lines, Row};
use crate::keys::nearest;

/// Where a row belongs in TOML; written in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Above all tables.
    Profile,
    /// In `[modbus]`.
    Map,
    /// In tables below it.
    Lists,
}

/// Every key, where it belongs and how its value is read.
const KEYS: [(&str, Section, Translate); 20] = [
    ("id", Section::Profile, |cell, _| free(cell.trim())),
    ("kind", Section::Profile, |cell, _| word(cell)),
    ("maker", Section::Profile, |cell, _| free(cell)),
    ("model", Section::Profile, |cell, _| free(cell)),
    ("origin", Section::Profile, |cell, _| free(cell)),
    ("interval_s", Section::Profile, |cell, _| whole(cell)),
    ("registers_max", Section::Map, |cell, _| whole(cell)),
    ("bits_max", Section::Map, |cell, _| whole(cell)),
    ("gap_max", Section::Map, |cell, _| whole(cell)),
    ("timeout_ms", Section::Map, |cell, _| whole(cell)),
    ("turnaround_ms", Section::Map, |cell, _| whole(cell)),
    ("slow_s", Section::Map, |cell, _| whole(cell)),
    ("address_base", Section::Map, |cell, _| whole(cell)),
    ("quirks", Section::Map, |cell, _| free(cell)),
    ("baud", Section::Map, |cell, _| whole(cell)),
    ("parity", Section::Map, |cell, _| word(cell)),
    ("stop_bits", Section::Map, |cell, _| whole(cell)),
    ("unreadable", Section::Lists, |cell, _| whole(cell)),
    ("fingerprint", Section::Lists, number),
    ("golden", Section::Lists, |cell, _| free(cell)),
];

/// Writes a row, if it belongs in this section. Unknown keys are told once, in the first.
pub(super) fn translate<'r>(lines: &mut Lines<'r>, row: &'r Row, section: Section) {
    let first = row.cells.first().map_or("", |cell| cell.trim());
    let Some(key) = first.strip_prefix('#') else {
        if section == Section::Profile && !first.to_ascii_lowercase().starts_with("sep=") {
            lines.fault(row, Some(0), "rows above the column names begin with #: #id, #maker, or # and a note");
        }
        return;
    };
    if key.is_empty() || key.starts_with([' ', '#']) {
        return;
    }
    let known = KEYS.iter().find(|(name, ..)| key.eq_ignore_ascii_case(name));
    let Some((name, of, translate)) = known else {
        if section == Section::Profile {
            let near = nearest(key, KEYS.map(|(name, ..)| name));
            let hint = near.map_or_else(|| "put a blank behind # if it is a note".to_owned(), |near| format!("did you mean `#{near}`?"));
            lines.fault(row, Some(0), &format!("there is no `#{key}`; {hint}"));
        }
        return;
    };
    match *name {
        _ if *of != section => {}
        "unreadable" => unreadable(lines, row),
        "fingerprint" => fingerprint(lines, row),
        "golden" => golden(lines, row),
        "baud" | "parity" | "stop_bits" => lines.field(row, 1, &format!("serial.{name}"), *translate),
        name => lines.field(row, 1, name, *translate),
    }
}

/// `#unreadable, holding, 256, 300`
fn unreadable<'r>(lines: &mut Lines<'r>, row: &'r Row) {
    lines.table("[[modbus.unreadable]]", row);
    filled(lines, row, &[("table", |cell, _| word(cell)), ("first", |cell, _| whole(cell)), ("last", |cell, _| whole(cell))]);
}

/// `#fingerprint, holding, 2010, 1, u16, AB, 100..300` or `#fingerprint, holding, 256, 2, , , refused 3`
fn fingerprint<'r>(lines: &mut Lines<'r>, row: &'r Row) {
    lines.table("[[modbus.fingerprint]]", row);
    let fields: [(&str, Translate); 5] = [
        ("table", |cell, _| word(cell)),
        ("address", |cell, _| whole(cell)),
        ("count", |cell, _| whole(cell)),
        ("type", |cell, _| word(cell)),
        ("order", cells::of_field("order")),
    ];
    filled(lines, row, &fields);
    match row.cells.get(6).map(|cell| cell.trim().to_ascii_lowercase()) {
        Some(cell) if cell.starts_with("refused") => {
            lines.field(row, 6, "refused", |cell, _| whole(cell.trim().get("refused".len()..).unwrap_or("")));
        }
        _ => filled_at(lines, row, 6, "range", range),
    }
}

/// `#golden, question, answer, origin, point=value, point#part=value …`
fn golden<'r>(lines: &mut Lines<'r>, row: &'r Row) {
    lines.table("[[modbus.golden]]", row);
    filled(lines, row, &[("question", |cell, _| free(cell)), ("answer", |cell, _| free(cell)), ("origin", |cell, _| free(cell))]);
    for (at, cell) in row.cells.iter().enumerate().skip(4).filter(|(_, cell)| !cell.trim().is_empty()) {
        match cell.strip_prefix('\'').unwrap_or(cell).split_once('=') {
            Some((point, value)) => {
                let (point, value) = (super::super::fields::quoted(point.trim()), super::super::fields::quoted(value));
                lines.line(row, Some(at), format!("values.{point} = {value}"));
            }
            None => lines.fault(row, Some(at), "what an answer says is point=value, like energy.voltage_v=230.2"),
        }
    }
}

/// The cells behind the key, as far as they are filled.
fn filled<'r>(lines: &mut Lines<'r>, row: &'r Row, fields: &[(&str, Translate)]) {
    fields.iter().enumerate().for_each(|(at, (field, translate))| filled_at(lines, row, at + 1, field, *translate));
}

fn filled_at<'r>(lines: &mut Lines<'r>, row: &'r Row, at: usize, field: &str, translate: Translate) {
    if row.cells.get(at).is_some_and(|cell| !cell.trim().is_empty()) {
        lines.field(row, at, field, translate);
    }
}
