//! Registers in a file, between two looks at a display.

use crate::cli::Exit;
use facility_drivers::scan::{Known, Registers};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Four tables of 65536 words are less.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    unit: u8,
    registers: Vec<Known>,
}

pub(super) fn write(path: &Path, unit: u8, registers: &Registers) -> Result<(), Exit> {
    let text = serde_json::to_string(&Kept { unit, registers: registers.runs() }).map_err(|error| Exit::Defect(error.to_string()))?;
    std::fs::write(path, text + "\n")
        .map_err(|error| Exit::Start { code: 74, message: format!("{} cannot be written: {error}", path.display()) })
}

pub(super) fn read(path: &Path) -> Result<Registers, Exit> {
    let wrong = |code: u8, why: String| Exit::Start { code, message: format!("{}: {why}", path.display()) };
    let size = std::fs::metadata(path).map_err(|error| wrong(66, error.to_string()))?.len();
    if size > BYTES_MAX {
        return Err(wrong(65, "too large for registers that `modbus guess --save` wrote".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(66, error.to_string()))?;
    let kept: Kept = serde_json::from_str(&text).map_err(|error| wrong(65, format!("not written by `modbus guess --save`: {error}")))?;
    Ok(kept.registers.into_iter().collect())
}
