//! One cell of a spreadsheet as a value of TOML. Lenient about what spreadsheets do (a decimal comma, capitals, blanks),
//! strict about everything else.

use super::super::fields::quoted;

/// Turns a cell into a value, or says why it cannot; `true` allows a decimal comma.
pub(super) type Translate = fn(&str, bool) -> Result<String, String>;

/// How the cells of a column are read.
pub(super) fn of_field(field: &str) -> Translate {
    match field {
        "part" | "origin" => |cell, _| free(cell),
        "address" => |cell, _| address(cell),
        "order" => |cell, _| Ok(quoted(cell.trim())),
        "length" | "bits" | "bit" | "mask" | "shift" | "round" => |cell, _| whole(cell),
        "scale" | "divisor" | "offset" => number,
        "invalid" | "yes" => |cell, _| list(cell),
        "map" => |cell, _| map(cell),
        "range" => range,
        "status" => |cell, _| status(cell),
        _ => |cell, _| word(cell),
    }
}

/// Text as it is.
pub(super) fn free(cell: &str) -> Result<String, String> {
    Ok(quoted(cell))
}

/// A word of this language.
pub(super) fn word(cell: &str) -> Result<String, String> {
    Ok(quoted(&cell.trim().to_ascii_lowercase()))
}

/// A whole number, decimal or after `0x`.
pub(super) fn whole(cell: &str) -> Result<String, String> {
    let cell = cell.trim();
    let parsed = match cell.strip_prefix("0x").or_else(|| cell.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(i128::from),
        None => cell.parse::<i128>().ok().filter(|number| i64::try_from(*number).is_ok() || u64::try_from(*number).is_ok()),
    };
    parsed.map(|number| number.to_string()).ok_or_else(|| format!("`{cell}` is no whole number"))
}

/// A number; with a decimal comma only where that cannot be meant otherwise.
pub(super) fn number(cell: &str, comma: bool) -> Result<String, String> {
    let cell = cell.trim();
    if let Ok(number) = whole(cell) {
        return Ok(number);
    }
    let with_point = match cell.split_once(',') {
        Some((whole, rest)) if comma && rest.len() != 3 && !rest.contains([',', '.']) => format!("{whole}.{rest}"),
        Some(_) => return Err(format!("`{cell}`: write the decimals behind a full stop, and no marks between thousands")),
        None => cell.to_owned(),
    };
    let number = with_point.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(|number| format!("{number:?}")).ok_or_else(|| format!("`{cell}` is no number"))
}

/// An address as a number or in PLC notation. A spreadsheet makes 256.1 of 256.10, so bits are not read from it.
fn address(cell: &str) -> Result<String, String> {
    let cell = cell.trim();
    if cell.contains(['.', ',']) {
        return Err(format!("`{cell}`: put the bit into the column `bit`; a spreadsheet makes 256.1 of 256.10"));
    }
    match cell.len() >= 5 && cell.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(quoted(cell)),
        false => whole(cell),
    }
}

/// `1|2|3`.
fn list(cell: &str) -> Result<String, String> {
    let numbers: Vec<String> = cell.split('|').map(whole).collect::<Result<_, _>>()?;
    Ok(format!("[{}]", numbers.join(", ")))
}

/// `-60..80`.
pub(super) fn range(cell: &str, comma: bool) -> Result<String, String> {
    let Some((low, high)) = cell.trim().split_once("..") else { return Err(format!("`{cell}`: a range is two numbers, like -60..80")) };
    Ok(format!("[{}, {}]", number(low, comma)?, number(high, comma)?))
}

/// `257&3=3`: address, mask, and what is bad.
fn status(cell: &str) -> Result<String, String> {
    let parts = cell.split_once('&').and_then(|(address, rest)| Some((address, rest.split_once('=')?)));
    let Some((address, (mask, bad))) = parts else {
        return Err(format!("`{cell}`: a status is address&mask=bad, like 257&3=3"));
    };
    Ok(format!("{{ address = {}, mask = {}, bad = {} }}", whole(address)?, whole(mask)?, whole(bad)?))
}

/// `0=cooling|1=idle`; a `|` inside a word is written `\|`.
fn map(cell: &str) -> Result<String, String> {
    let mut words = Vec::new();
    for entry in entries(cell) {
        let Some((raw, text)) = entry.split_once('=') else {
            return Err(format!("`{entry}`: a map is number=word, with | in between, like 0=cooling|1=idle"));
        };
        words.push(format!("{} = {}", whole(raw)?, quoted(text.trim())));
    }
    Ok(format!("{{ {} }}", words.join(", ")))
}

fn entries(cell: &str) -> Vec<String> {
    let mut entries = vec![String::new()];
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match c {
            '|' => entries.push(String::new()),
            '\\' => entries.last_mut().into_iter().for_each(|entry| entry.extend(chars.next())),
            c => entries.last_mut().into_iter().for_each(|entry| entry.push(c)),
        }
    }
    entries
}
