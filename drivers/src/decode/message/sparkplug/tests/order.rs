//! Whether what a birth said still holds: gaps, redelivery, last wills, and how much is remembered.

use super::{DBIRTH, DDATA, DDEATH, MS, NBIRTH, NDATA, NDEATH, bd_seq, born, by_alias, nodes, payload, values};
use crate::decode::message::sparkplug::payload::{METRICS_MAX, Metric, Raw};
use crate::decode::message::sparkplug::{Kind, NAMES_BYTES_MAX, Nodes};
use crate::fault::Fault;
use facility_config::limits::{BROKER_WINDOW_MAX, DEVICES_MAX};
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::json;

fn air(seq: impl Into<Option<u64>>) -> Vec<u8> {
    payload(seq, &[by_alias(10, Raw::Float(-18.0))])
}

/// What comes of each message: the data were understood, or not.
fn play(nodes: &mut Nodes, messages: &[(&str, Vec<u8>)]) -> Vec<bool> {
    messages.iter().map(|(topic, body)| nodes.read(topic, body).is_ok()).collect()
}

#[test]
fn a_gap_ends_what_is_known_until_the_next_birth() {
    let dbirth = |seq: u64| payload(seq, &[born("air", 10, 9, Raw::Float(1.0))]);
    let ndata = |seq: u64| payload(seq, &[]);
    let window = |from: u64| (from..from + u64::from(BROKER_WINDOW_MAX)).map(|number| (DDATA, air(number % 256)));
    let cases: [(&str, Vec<(&str, Vec<u8>)>, &[bool]); 11] = [
        ("in order", vec![(DDATA, air(2)), (NDATA, ndata(3)), (DDATA, air(4))], &[true, true, true]),
        ("one is missing", vec![(DDATA, air(3)), (DDATA, air(4)), (NDATA, ndata(5))], &[false, false, false]),
        ("a missing one of another device", vec![(DDATA, air(2)), (DDATA, air(4))], &[true, false]),
        ("the device says what it is once more", vec![(DDATA, air(3)), (DBIRTH, dbirth(4)), (DDATA, air(5))], &[false, true, true]),
        ("the node does, the device does not", vec![(DDATA, air(3)), (NBIRTH, ndata(0)), (DDATA, air(1))], &[false, true, false]),
        (
            "sent again after a reconnect",
            vec![(DDATA, air(2)), (DDATA, air(3)), (DDATA, air(2)), (DDATA, air(3)), (DDATA, air(4))],
            &[true; 5],
        ),
        ("a whole window sent again", window(2).chain(window(2)).collect(), &[true; 2 * BROKER_WINDOW_MAX as usize]),
        ("a birth in place of a missing message", vec![(DBIRTH, dbirth(9)), (DDATA, air(10))], &[true, true]),
        ("a number no node has", vec![(DDATA, air(256)), (DDATA, air(2))], &[false, false]),
        ("a node that says no number", vec![(DDATA, air(None)), (DDATA, air(1))], &[true, true]),
        ("gone and back", vec![(DDEATH, ndata(2)), (DDATA, air(3)), (DBIRTH, dbirth(4)), (DDATA, air(5))], &[true, false, true, true]),
    ];
    for (name, messages, expected) in cases {
        assert_eq!(play(&mut nodes(), &messages), expected, "{name}");
    }
}

#[test]
fn numbers_wrap() {
    let mut nodes = nodes();
    for number in 2..600_u64 {
        assert!(nodes.read(DDATA, &air(number % 256)).is_ok(), "{number}");
    }
    assert_eq!(nodes.read(DDATA, &air((601 % 256) as u64)), Err(Fault::NoBirth));
}

#[test]
fn data_before_any_birth_are_not_understood() {
    let mut fresh = Nodes::new();
    assert_eq!(fresh.read(DDATA, &air(5)), Err(Fault::NoBirth));
    assert_eq!(fresh.nodes.len(), 0, "who only sends data is not remembered");
    assert_eq!(fresh.read(DDEATH, &payload(6, &[])).map(|report| report.kind), Ok(Kind::Death));
    let mut known = nodes();
    known.forget();
    assert_eq!(known.read(DDATA, &air(2)), Err(Fault::NoBirth));
}

/// A broker may deliver the last will of a broken connection after the birth of the next.
#[test]
fn the_last_will_of_an_earlier_connection_says_nothing() {
    let will = |number: u64| payload(None, &[bd_seq(number)]);
    let mut alive = nodes();
    let stale = alive.read(NDEATH, &will(6)).unwrap();
    assert_eq!((stale.kind, stale.values, stale.time_ms), (Kind::Data, json!({}), Some(MS as i64)));
    assert!(alive.read(DDATA, &air(2)).is_ok());
    for will in [will(7), payload(None, &[])] {
        let mut dead = nodes();
        assert_eq!(dead.read(NDEATH, &will).map(|report| report.kind), Ok(Kind::Death));
        assert_eq!(dead.read(DDATA, &air(2)), Err(Fault::NoBirth));
    }
}

#[test]
fn a_birth_replaces_the_one_before() {
    let mut nodes = nodes();
    let birth = payload(2, &[born("evap", 10, 9, Raw::Float(-27.0))]);
    assert_eq!(values(nodes.read(DBIRTH, &birth)), Ok(json!({"evap": -27.0})));
    assert_eq!(values(nodes.read(DDATA, &air(3))), Ok(json!({"evap": -18.0})));
}

#[test]
fn what_is_remembered_is_bounded() {
    let birth = payload(0, &[born("air", 10, 9, Raw::Float(1.0))]);
    let mut nodes = nodes();
    for number in 0..DEVICES_MAX {
        nodes.read(&format!("spBv1.0/cold/NBIRTH/other-{number}"), &birth).unwrap();
        if number == DEVICES_MAX / 2 {
            assert!(nodes.read(DDATA, &air(2)).is_ok());
        }
    }
    assert_eq!(nodes.nodes.len(), DEVICES_MAX);
    assert!(nodes.read(DDATA, &air(3)).is_ok(), "heard in between");
    assert_eq!(nodes.read("spBv1.0/cold/NDATA/other-0", &air(1)), Err(Fault::NoBirth), "not heard for the longest time");

    let mut crowded = Nodes::new();
    for number in 0..2 * DEVICES_MAX as u64 + 1 {
        crowded.read(&format!("spBv1.0/cold/DBIRTH/edge/{number}"), &payload(number % 256, &[])).unwrap();
    }
    assert!(crowded.nodes.values().map(|node| node.len()).sum::<usize>() <= 2 * DEVICES_MAX);

    let long: Vec<Metric> = (0..METRICS_MAX as u64).map(|n| born(&format!("{n:050}"), n, 3, Raw::Int(1))).collect();
    let (birth, mut wordy) = (payload(0, &long), Nodes::new());
    for number in 0..30 {
        wordy.read(&format!("spBv1.0/cold/NBIRTH/{number}"), &birth).unwrap();
    }
    assert!(wordy.nodes.len() > 5 && wordy.nodes.values().map(super::super::births::Node::bytes).sum::<usize>() <= NAMES_BYTES_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_on_any_topic(messages in proptest::collection::vec((0..6_usize, proptest::collection::vec(any::<u8>(), 0..40)), 0..8)) {
        let mut nodes = nodes();
        for (topic, body) in messages {
            let _ = nodes.read([NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, DDEATH][topic], &body);
        }
    }

    #[test]
    fn any_values(types in proptest::collection::vec((any::<u64>(), 0..40_u32, any::<u64>(), "[a-c/]{0,6}"), 0..20)) {
        let metrics: Vec<_> = types.into_iter().enumerate().map(|(n, (raw, datatype, _, name))| born(&name, n as u64, datatype, Raw::Long(raw))).collect();
        assert!(Nodes::new().read(NBIRTH, &payload(0, &metrics)).is_ok());
    }
}
