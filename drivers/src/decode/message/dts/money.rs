//! Amounts of an audit file in fen. EVA-DTS writes them as whole numbers with the decimals that ID401 says.

use serde_json::{Map, Value};

/// Decimals of fen.
const FEN: u8 = 2;
/// Most decimals that mean anything.
const DECIMALS_MAX: u8 = 6;

/// Segments that hold amounts, and where: in every position from the first given, in steps of the second. The positions
/// between are numbers of sales.
const AMOUNTS: [(&str, usize, usize); 12] = [
    ("VA1", 1, 2),
    ("VA2", 1, 2),
    ("VA3", 1, 2),
    ("CA2", 1, 2),
    ("CA3", 1, 1),
    ("CA4", 1, 1),
    ("DA2", 1, 2),
    ("DB2", 1, 2),
    // Its one amount: the price.
    ("PA1", 2, 99),
    ("PA2", 2, 2),
    ("PA3", 2, 2),
    ("PA4", 2, 2),
];

/// Brings every amount to fen. One that is not a whole number of fen, or with decimals nobody knows, is taken out. A machine
/// that does not say its decimals has two.
pub(super) fn to_fen(segments: &mut Map<String, Value>, decimals: Option<u8>) {
    if decimals.unwrap_or(FEN) == FEN {
        return;
    }
    for (id, first, step) in AMOUNTS {
        let Some(Value::Object(segment)) = segments.get_mut(id) else { continue };
        if id.starts_with("PA") {
            segment.values_mut().filter_map(Value::as_object_mut).for_each(|selection| scale(selection, first, step, decimals));
        } else {
            scale(segment, first, step, decimals);
        }
    }
}

fn scale(elements: &mut Map<String, Value>, first: usize, step: usize, decimals: Option<u8>) {
    for position in (first..=99).step_by(step) {
        let position = format!("{position:02}");
        let Some(amount) = elements.get(&position).and_then(Value::as_u64) else { continue };
        match in_fen(amount, decimals.unwrap_or(FEN)) {
            Some(fen) => drop(elements.insert(position, fen.into())),
            None => drop(elements.remove(&position)),
        }
    }
}

fn in_fen(amount: u64, decimals: u8) -> Option<u64> {
    if decimals > DECIMALS_MAX {
        return None;
    }
    let factor = 10_u64.pow(u32::from(decimals.abs_diff(FEN)));
    if decimals < FEN { amount.checked_mul(factor) } else { amount.is_multiple_of(factor).then(|| amount / factor) }
}
