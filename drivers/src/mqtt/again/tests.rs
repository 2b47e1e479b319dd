//! What counts as the same message, and what does not.

use super::*;
use rumqttc::QoS;

fn message(pkid: u16, body: &str, dup: bool) -> Publish {
    Publish { pkid, dup, ..Publish::new("scf/v1/gl-junmen/locker/lk-1/telemetry", QoS::AtLeastOnce, body) }
}

fn released(generation: u64, packet_id: u16) -> Released {
    Released { generation, packet_id }
}

#[test]
fn only_what_is_durable_and_the_same_is_known() {
    let mut again = Again::default();
    assert!(!again.is_known(&message(7, "one", false), 1));
    assert!(!again.is_known(&message(7, "one", true), 2), "not durable yet: it may have to be stored after all");
    again.durable(&released(1, 7));
    assert!(!again.is_known(&message(7, "one", true), 2), "that was the promise for the first of the two");
    again.durable(&released(2, 7));
    for (what, pkid, body, dup, known) in [
        ("sent again", 7, "one", true, true),
        ("and once more", 7, "one", true, true),
        ("under another number", 8, "one", true, false),
        ("not marked as sent before", 7, "one", false, false),
    ] {
        assert_eq!(again.is_known(&message(pkid, body, dup), 3), known, "{what}");
    }
    again.durable(&released(3, 7));
    assert!(!again.is_known(&message(7, "two", true), 4), "another message under this number");
    again.durable(&released(4, 7));
    again.forget();
    assert!(!again.is_known(&message(7, "two", true), 5), "another session");
}

#[test]
fn every_byte_of_topic_and_body_counts() {
    let marks = |bodies: &[&str]| bodies.iter().map(|body| mark(&message(1, body, false))).collect::<std::collections::HashSet<_>>();
    let bodies = ["", "\0", "\0\0", "12345678", "123456789", "123456780", "1234567812345678", "1234567912345678"];
    assert_eq!(marks(&bodies).len(), bodies.len());
    let moved = Publish { topic: "ab".into(), ..message(1, "c", false) };
    assert_ne!(mark(&moved), mark(&Publish { topic: "a".into(), ..message(1, "bc", false) }));
}
