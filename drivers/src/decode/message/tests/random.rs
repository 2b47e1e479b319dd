//! Whatever comes, there is exactly one answer and no panic.

use super::decode;
use super::dialect::{SHARED, TOPIC, decoder, everything};
use crate::decode::message::Arrival;
use crate::decode::message::fixture::{
    CABINET_EXAMPLE, CABINET_TOPIC, EVENT_EXAMPLE, EVENT_TOPIC, LOCKER_EXAMPLE, LOCKER_TOPIC, STATUS_TOPIC, VENDING_EXAMPLE, VENDING_TOPIC,
};
use crate::fault::Fault;
use crate::reading::{Batch, Value};
use facility_config::limits::{DROPPED_PLACES_MAX, LETTER_BYTES_MAX, READINGS_PER_MESSAGE_MAX, STRANGERS_MAX};
use proptest::prelude::{ProptestConfig, any, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy};

pub(super) const EXAMPLES: [(&str, &str); 4] =
    [(LOCKER_TOPIC, LOCKER_EXAMPLE), (CABINET_TOPIC, CABINET_EXAMPLE), (VENDING_TOPIC, VENDING_EXAMPLE), (EVENT_TOPIC, EVENT_EXAMPLE)];

/// What holds for every batch.
fn assert_sound(batch: &Batch) {
    assert!(batch.readings.len() <= READINGS_PER_MESSAGE_MAX);
    assert!(batch.ack.is_none());
    if batch.refused.is_some() {
        assert!(batch.readings.is_empty() && batch.faults.is_empty());
    }
    assert!(batch.faults.len() <= facility_config::limits::PAYLOAD_BYTES_MAX);
    for reading in &batch.readings {
        assert!(!matches!(reading.value, Value::Float(number) if !number.is_finite()));
    }
}

/// A message on its way through everything that looks at it.
fn handle(topic: &str, payload: &[u8]) {
    let mut decoder = decoder(everything());
    let arrival = Arrival { topic, payload, retained: false, now_ms: 1_788_220_800_000 };
    let batch = decoder.decode(&arrival);
    assert_sound(&batch);
    let (explained, story) = decoder.explain(&arrival);
    assert_sound(&explained);
    assert_eq!((batch.refused, batch.readings, batch.faults), (explained.refused, explained.readings, explained.faults));
    assert!(story.steps.len() <= READINGS_PER_MESSAGE_MAX);
    let (letter, is_whole) = decoder.redact(&arrival);
    assert!(letter.len() <= LETTER_BYTES_MAX);
    assert!(!is_whole || letter.as_bytes() == payload);
    if let Some(heard) = decoder.heard() {
        assert!(heard.strangers.len() <= STRANGERS_MAX && heard.places.len() <= 2 * DROPPED_PLACES_MAX);
    }
}

/// Pieces of JSON, so that random texts get past the first byte.
fn pieces() -> impl Strategy<Value = String> {
    const WORDS: &[&str] =
        &["{", "}", "[", "]", ",", ":", "\"", "\"temps\":", "\"air\":", "\"lanes\":[", "\"no\":", "\"quality\":{", "\"by_size\":{"];
    const VALUES: &[&str] =
        &["1", "-0", "1e400", "NaN", "null", "true", "\"s\"", "\"\\ud800\"", "\\", "温", "\u{0}", "{}", "\"id\":\"x\","];
    let piece = prop_oneof![proptest::sample::select(WORDS), proptest::sample::select(VALUES)];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Pieces of the made-up dialect.
fn dialect_pieces() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "\"machine\":\"vm-1\",",
        "\"machine\":7,",
        "\"method\":\"heartbeat\",",
        "\"method\":4,",
        "\"t\":",
        "\"n\":",
        "\"rssi\":",
        "\"data\":\"{\\\"air\\\":1}\",",
        "\"data\":\"",
        "\"lanes\":[{",
        "\"no\":\"A\",",
        "\"state\":",
        "\"type\":\"x\",",
        "\"waybill\":",
        "1",
        "13900000000",
        "\"1390 000\"",
        "null",
        "NaN",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\\",
        "\"",
        "温",
        "[],",
        "{},",
        "\"x\"",
    ];
    proptest::collection::vec(proptest::sample::select(WORDS), 0..30)
        .prop_map(|pieces| format!("{{\"machine\":\"vm-1\",\"method\":\"heartbeat\",{}}}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        for topic in [LOCKER_TOPIC, CABINET_TOPIC, VENDING_TOPIC, EVENT_TOPIC, STATUS_TOPIC] {
            assert_sound(&decode(topic, &payload));
        }
    }

    #[test]
    fn any_bytes_on_any_topic(payload in proptest::collection::vec(any::<u8>(), 0..200), topic in ".{0,40}") {
        for topic in [SHARED, TOPIC, "up/new/data", &topic] {
            handle(topic, &payload);
        }
    }

    #[test]
    fn almost_the_dialect(payload in dialect_pieces()) {
        for topic in [SHARED, TOPIC, "up/new/data"] {
            handle(topic, payload.as_bytes());
        }
    }

    #[test]
    fn almost_json(payload in pieces(), topic in ".{0,40}") {
        for topic in [LOCKER_TOPIC, CABINET_TOPIC, VENDING_TOPIC, EVENT_TOPIC, &topic] {
            assert_sound(&decode(topic, &payload));
        }
    }

    #[test]
    fn an_example_with_one_byte_changed(example in 0..EXAMPLES.len(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let (topic, text) = EXAMPLES[example];
        let mut payload = text.as_bytes().to_vec();
        let at = at.index(payload.len());
        payload[at] = byte;
        assert_sound(&decode(topic, &payload));
    }

    #[test]
    fn an_example_with_a_piece_inside(example in 0..EXAMPLES.len(), at in any::<proptest::sample::Index>(), piece in prop_oneof![pieces(), Just(String::new())]) {
        let (topic, text) = EXAMPLES[example];
        let at = at.index(text.len());
        if text.is_char_boundary(at) {
            assert_sound(&decode(topic, [&text[..at], &piece, &text[at..]].concat()));
        }
    }
}

#[test]
fn every_beginning_of_an_example_is_undecodable() {
    for (topic, text) in EXAMPLES {
        for end in 0..text.len() {
            assert_eq!(decode(topic, &text.as_bytes()[..end]).refused, Some(Fault::Undecodable), "{topic} {end}");
        }
    }
}
