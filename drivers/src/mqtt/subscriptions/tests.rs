//! What is asked for, and what an answer is worth.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{ANSWER_WITHIN, ASK_AGAIN_AFTER, Subscriptions};
use crate::decode::message::topic::Filter;
use rumqttc::{Packet, QoS, SubAck, Subscribe, SubscribeReasonCode};
use tokio::time::advance;

const ONE: SubscribeReasonCode = SubscribeReasonCode::Success(QoS::AtLeastOnce);
const ZERO: SubscribeReasonCode = SubscribeReasonCode::Success(QoS::AtMostOnce);
const NO: SubscribeReasonCode = SubscribeReasonCode::Failure;

fn wanted() -> Subscriptions {
    let wanted = [("a/+", 1), ("b", 0), ("c/#", 1)];
    Subscriptions::new(wanted.map(|(filter, qos)| Filter { filter: filter.to_owned(), qos }).into(), vec!["old/#".to_owned()])
}

fn asked(subscriptions: &mut Subscriptions) -> Subscribe {
    match subscriptions.ask() {
        Some(Packet::Subscribe(subscribe)) => subscribe,
        other => panic!("{other:?} instead of a SUBSCRIBE"),
    }
}

#[test]
fn every_filter_is_asked_for_with_its_own_level_of_service() {
    let mut subscriptions = wanted();
    subscriptions.connected(0, false);
    let subscribe = asked(&mut subscriptions);
    let asked: Vec<_> = subscribe.filters.iter().map(|filter| (filter.path.as_str(), filter.qos)).collect();
    assert_eq!(asked, [("a/+", QoS::AtLeastOnce), ("b", QoS::AtMostOnce), ("c/#", QoS::AtLeastOnce)]);
    assert_ne!(subscribe.pkid, 0);
    assert!(subscriptions.ask().is_none(), "one at a time");
}

#[test]
fn what_an_answer_is_worth() {
    // Codes of the answer; whether all is granted; what is complained about, and what not.
    let cases: [(&[SubscribeReasonCode], bool, &[&str], &[&str]); 6] = [
        (&[ONE, ZERO, ONE], true, &[], &[]),
        (&[ONE, ONE, ONE], true, &[], &[]),
        (&[ZERO, ZERO, ONE], true, &["`a/+`", "QoS 0"], &["`b`", "`c/#`"]),
        (&[ONE, NO, NO], false, &["`b`", "`c/#`", "gw-1"], &["`a/+`"]),
        (&[ONE], false, &["`b`", "`c/#`"], &["`a/+`"]),
        (&[ONE, ZERO, ONE, NO], true, &[], &[]),
    ];
    for (codes, complete, said, unsaid) in cases {
        let mut subscriptions = wanted();
        subscriptions.connected(0, false);
        let subscribe = asked(&mut subscriptions);
        assert!(!subscriptions.answered(&SubAck::new(subscribe.pkid.wrapping_add(1), codes.to_vec())), "not to this question");
        assert!(subscriptions.complaint("gw-1").is_none(), "there is no answer yet");
        assert!(subscriptions.answered(&SubAck::new(subscribe.pkid, codes.to_vec())));
        assert_eq!(subscriptions.is_complete(), complete, "{codes:?}");
        let complaint = subscriptions.complaint("gw-1").unwrap_or_default();
        assert_eq!(complaint.is_empty(), said.is_empty(), "{codes:?}: {complaint}");
        assert!(said.iter().all(|words| complaint.contains(words)), "{codes:?}: {complaint}");
        assert!(!unsaid.iter().any(|words| complaint.contains(words)), "{codes:?}: {complaint}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_asked_for_again_and_an_answer_is_not_waited_for_for_ever() {
    let mut subscriptions = wanted();
    subscriptions.connected(0, false);
    let subscribe = asked(&mut subscriptions);
    subscriptions.answered(&SubAck::new(subscribe.pkid, vec![ONE, NO, ONE]));
    assert!(!subscriptions.is_due());
    advance(ASK_AGAIN_AFTER).await;
    assert!(subscriptions.is_due());
    let again = asked(&mut subscriptions);
    assert_eq!(again.filters.iter().map(|filter| filter.path.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(!subscriptions.is_due() && !subscriptions.is_overdue());
    advance(ANSWER_WITHIN).await;
    assert!(subscriptions.is_overdue());
    subscriptions.connected(0, true);
    assert!(!subscriptions.is_overdue(), "a new connection owes nothing");
}

#[test]
fn what_a_session_remembers() {
    // Where the next connection goes, whether its session was there, and how many filters are asked for then.
    for (place, session_present, missing) in [(0, true, 0), (0, false, 3), (1, true, 3), (1, false, 3)] {
        let mut subscriptions = wanted();
        subscriptions.connected(0, true);
        let subscribe = asked(&mut subscriptions);
        assert_eq!(subscribe.filters.len(), 3, "whatever the session holds, the configuration may be new");
        subscriptions.answered(&SubAck::new(subscribe.pkid, vec![ONE, ZERO, ONE]));
        subscriptions.connected(place, session_present);
        let asked = match subscriptions.ask() {
            Some(Packet::Subscribe(subscribe)) => subscribe.filters.len(),
            _ => 0,
        };
        assert_eq!(asked, missing, "at {place}, session {session_present}");
    }
}

#[test]
fn nothing_is_asked_for_nobody() {
    let mut subscriptions = Subscriptions::new(Vec::new(), Vec::new());
    subscriptions.connected(0, false);
    assert!(subscriptions.is_complete() && subscriptions.ask().is_none() && subscriptions.complaint("gw-1").is_none());
}

#[test]
fn filters_of_an_earlier_configuration_are_given_back_where_a_session_stands() {
    for (session_present, expected) in [(false, None), (true, Some(vec!["old/#".to_owned()]))] {
        let mut subscriptions = wanted();
        subscriptions.connected(0, session_present);
        let given_back = subscriptions.give_back(session_present).map(|packet| match packet {
            Packet::Unsubscribe(unsubscribe) => unsubscribe,
            other => panic!("{other:?} instead of an UNSUBSCRIBE"),
        });
        assert_eq!(given_back.as_ref().map(|packet| packet.topics.clone()), expected);
        let subscribe = asked(&mut subscriptions);
        assert!(given_back.is_none_or(|packet| packet.pkid != 0 && packet.pkid != subscribe.pkid), "two questions, two numbers");
    }
}
