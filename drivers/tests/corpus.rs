//! Runs what the fuzzers have found worth keeping through the decoders: nothing panics, and every bound holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../../tests/fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

/// Largest committed input, bytes, and how many a target may have.
const INPUT_BYTES_MAX: usize = 4096;
const INPUTS_MAX: usize = 40;

#[test]
fn every_committed_input_is_harmless() {
    let all: [(&str, fn(&[u8])); 6] = [
        ("topic", targets::topic),
        ("payload", targets::payload),
        ("body", targets::body),
        ("cbor", targets::cbor),
        ("dts", targets::dts),
        ("sparkplug", targets::sparkplug),
    ];
    for (name, target) in all {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(name);
        let inputs: Vec<_> = std::fs::read_dir(&corpus).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!((1..=INPUTS_MAX).contains(&inputs.len()), "{name}: {} inputs", inputs.len());
        for input in inputs {
            assert!(input.len() <= INPUT_BYTES_MAX, "{name}: {} bytes", input.len());
            target(&input);
        }
    }
}
