//! A bus against simulated and misbehaving devices. Every register holds its own address, so that a value under the
//! wrong name shows itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bus;
mod lab;
mod late;
mod rounds;
mod ways;
mod wrong;

use std::path::Path;

/// Every line of the crate, tests left out.
fn source(folder: &Path, lines: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            source(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            lines.extend(std::fs::read_to_string(&path).unwrap().lines().map(|line| format!("{}: {line}", path.display())));
        }
    }
}

#[test]
fn no_write_request_exists_in_the_crate() {
    let mut lines = Vec::new();
    source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut lines);
    assert!(lines.iter().any(|line| line.contains("FunctionCode::ReadHoldingRegisters")), "the search must see the questions");
    let forbidden = [
        "WriteSingle",
        "WriteMultiple",
        "MaskWrite",
        "ReadWriteMultiple",
        "write_single_",
        "write_multiple_",
        "masked_write",
        "FunctionCode::Custom",
        "FunctionCode::new",
    ];
    let found: Vec<&String> = lines.iter().filter(|line| forbidden.iter().any(|word| line.contains(word))).collect();
    assert!(found.is_empty(), "{found:#?}");
}
