//! How many messages of a device are taken, and what becomes of those that a broker had kept.

use super::dialect::{TOPIC, everything, site_with, telemetry};
use crate::decode::message::fixture::{EVENT_TOPIC, EXAMPLE_MS, STATUS_TOPIC, field, site};
use crate::decode::message::{Arrival, MessageDecoder};
use crate::fault::Fault;
use facility_config::limits::MESSAGES_BURST;
use facility_config::profile::{Message, MessageKind};
use facility_config::site::Retained;
use facility_config::{DeviceIx, Point};

const PAYLOAD: &[u8] = br#"{"level":1}"#;

#[test]
fn one_flooding_device_is_cut_down_and_the_others_are_not() {
    let mut decoder = MessageDecoder::new(&site_with(everything(), 2), 0);
    let mut passed = |topic, now_ms, messages: u32| {
        let arrival = Arrival { topic, payload: PAYLOAD, retained: false, now_ms };
        let taken = (0..messages).filter(|_| {
            let batch = decoder.decode(&arrival);
            assert!(batch.device.is_some() && batch.refused.is_none_or(|fault| fault == Fault::RateLimited));
            batch.refused.is_none()
        });
        taken.count()
    };
    let burst = MESSAGES_BURST as usize;
    assert_eq!(passed(TOPIC, EXAMPLE_MS, MESSAGES_BURST + 500), burst, "a week's messages at once, and no more");
    assert_eq!(passed("up/vm-2/data", EXAMPLE_MS, 10), 10, "the other device has room of its own");
    assert_eq!(passed(TOPIC, EXAMPLE_MS + 1_000, 100), 50, "50 a second on average");
    // A clock that steps back gives nothing and takes nothing, and time goes on from there.
    assert_eq!(passed(TOPIC, EXAMPLE_MS - 3_600_000, 10), 0);
    assert_eq!(passed(TOPIC, EXAMPLE_MS - 3_599_000, 100), 50);
    assert_eq!(passed(TOPIC, i64::MAX, MESSAGES_BURST + 500), burst);
    assert_eq!(passed(TOPIC, i64::MIN, 10), 0);
}

#[test]
fn a_flooding_device_can_still_go() {
    let mut decoder = MessageDecoder::new(&site(), 0);
    let mut refused = |topic, payload| decoder.decode(&Arrival { topic, payload, retained: false, now_ms: EXAMPLE_MS }).refused;
    let limited = (0..=MESSAGES_BURST).filter(|_| refused(EVENT_TOPIC, b"{}") == Some(Fault::RateLimited)).count();
    assert_eq!((limited, refused(STATUS_TOPIC, b"offline")), (1, None));
}

#[test]
fn a_time_of_a_status_is_not_its_own() {
    for (kind, device_ms) in [(MessageKind::Status, None), (MessageKind::Telemetry, Some(EXAMPLE_MS - 1))] {
        let fields = vec![field("/on", Point::HealthOnline)];
        let message = Message { time: Some("/t".into()), fields, ..Message::plain(kind, "up/{device}/data") };
        let payload = format!(r#"{{"t":{},"on":false}}"#, EXAMPLE_MS - 1);
        let arrival = Arrival { topic: TOPIC, payload: payload.as_bytes(), retained: false, now_ms: EXAMPLE_MS };
        let batch = MessageDecoder::new(&site_with(vec![message], 1), 0).decode(&arrival);
        assert_eq!((batch.refused, batch.device_ms, batch.readings.len()), (None, device_ms, 1), "{kind:?}");
    }
}

#[test]
fn kept_messages_are_taken_as_the_broker_is_declared() {
    const MINUTE: i64 = 60_000;
    let message = Message { time: Some("/t".into()), ..telemetry("up/{device}/data", vec![field("/a", Point::CabinetAir)]) };
    let stamped = |age_ms: i64| format!(r#"{{"t":{},"a":1}}"#, EXAMPLE_MS - age_ms);
    let timeless = r#"{"a":1}"#.to_owned();
    let rows: &[(Retained, bool, String, bool)] = &[
        (Retained::Fresh, true, stamped(2 * MINUTE), true),
        (Retained::Fresh, true, stamped(2 * MINUTE + 1), false),
        (Retained::Fresh, true, stamped(-2 * MINUTE - 1), false),
        (Retained::Fresh, true, timeless.clone(), false),
        (Retained::Fresh, false, timeless.clone(), true),
        (Retained::Fresh, false, stamped(60 * MINUTE), true),
        (Retained::Take, true, timeless, true),
        (Retained::Take, true, stamped(60 * MINUTE), true),
        (Retained::Drop, true, stamped(0), false),
        (Retained::Drop, false, stamped(0), true),
    ];
    for (policy, retained, payload, taken) in rows {
        let mut site = site_with(vec![message.clone()], 1);
        site.brokers[0].retained = *policy;
        let arrival = Arrival { topic: TOPIC, payload: payload.as_bytes(), retained: *retained, now_ms: EXAMPLE_MS };
        let batch = MessageDecoder::new(&site, 0).decode(&arrival);
        let expected = (Some(DeviceIx(1)), (!taken).then_some(Fault::Retained), usize::from(*taken));
        assert_eq!((batch.device, batch.refused, batch.readings.len()), expected, "{policy:?} {retained} {payload}");
    }
    for policy in [Retained::Fresh, Retained::Take, Retained::Drop] {
        let mut site = site();
        site.brokers[0].retained = policy;
        let arrival = Arrival { topic: STATUS_TOPIC, payload: b"offline", retained: true, now_ms: EXAMPLE_MS };
        assert_eq!(MessageDecoder::new(&site, 0).decode(&arrival).refused, None, "a last will, {policy:?}");
    }
}
