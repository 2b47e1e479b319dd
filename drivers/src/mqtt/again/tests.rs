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
    assert_eq!(again.see(&message(7, "one", false), 1), Seen::New);
    assert_eq!(again.see(&message(7, "one", true), 1), Seen::Waiting, "sent again on one connection");
    assert_eq!(again.see(&message(7, "one", true), 2), Seen::New, "not durable yet: it may have to be stored after all");
    again.durable(&released(1, 7));
    assert_eq!(again.see(&message(7, "one", true), 3), Seen::New, "that was the promise for the first of the two");
    again.durable(&released(3, 7));
    for (what, pkid, body, dup, seen) in [
        ("sent again", 7, "one", true, Seen::Durable),
        ("and once more", 7, "one", true, Seen::Durable),
        ("under another number", 8, "one", true, Seen::New),
        ("whose place another has taken", 8 + KNOWN_MAX, "one", false, Seen::New),
        ("and is not known any more", 8, "one", true, Seen::New),
        ("not marked as sent before", 7, "one", false, Seen::New),
    ] {
        assert_eq!(again.see(&message(pkid, body, dup), 4), seen, "{what}");
    }
    again.durable(&released(4, 7));
    assert_eq!(again.see(&message(7, "two", true), 5), Seen::New, "another message under this number");
    again.durable(&released(5, 7));
    again.forget();
    assert_eq!(again.see(&message(7, "two", true), 6), Seen::New, "another session");
}

#[test]
fn every_byte_of_topic_and_body_counts() {
    let marks = |bodies: &[&str]| bodies.iter().map(|body| mark(&message(1, body, false))).collect::<std::collections::HashSet<_>>();
    let bodies = ["", "\0", "\0\0", "12345678", "123456789", "123456780", "1234567812345678", "1234567912345678"];
    assert_eq!(marks(&bodies).len(), bodies.len());
    let moved = Publish { topic: "ab".into(), ..message(1, "c", false) };
    assert_ne!(mark(&moved), mark(&Publish { topic: "a".into(), ..message(1, "bc", false) }));
}
