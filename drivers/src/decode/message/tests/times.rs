//! Time stamps in every way they are written, and whose clock is believed (RELIABILITY F18).

use super::dialect::{TOPIC, site_with, telemetry};
use crate::decode::message::MessageDecoder;
use crate::decode::message::fixture::{EXAMPLE_MS, arrival, field};
use crate::fault::Fault;
use facility_config::Point;
use facility_config::device::Ingest;
use facility_config::profile::{Message, TimeFormat};

fn decoder(time_format: TimeFormat, ingest: Ingest) -> MessageDecoder {
    let message = Message { time: Some("/t".into()), time_format, ..telemetry("up/{device}/data", vec![field("/a", Point::CabinetAir)]) };
    let mut site = site_with(vec![message], 1);
    site.devices[1].ingest = ingest;
    MessageDecoder::new(&site, 0)
}

fn pattern(pattern: &str, zone: &str) -> TimeFormat {
    TimeFormat::Pattern { pattern: pattern.into(), zone: zone.into() }
}

#[test]
fn every_way_to_write_a_time() {
    let long = "%Y-%m-%d %H:%M:%S";
    let here = || pattern(long, "Asia/Shanghai");
    let rows: Vec<(TimeFormat, &str, bool)> = vec![
        (TimeFormat::Auto, "1788220800", true),
        (TimeFormat::Auto, "1788220800.0", true),
        (TimeFormat::Auto, "1788220800000", true),
        (TimeFormat::Auto, "1788220800000000", true),
        (TimeFormat::Auto, "1788220800000000000", true),
        (TimeFormat::Auto, r#""1788220800""#, true),
        (TimeFormat::Auto, r#"" 1788220800000 ""#, true),
        (TimeFormat::Auto, r#""2026-09-01T08:00:00+08:00""#, true),
        (TimeFormat::Auto, r#""2026-09-01T00:00:00Z""#, true),
        (TimeFormat::Auto, r#""2026-09-01 08:00:00""#, false),
        (TimeFormat::Auto, "1e20", false),
        (TimeFormat::Auto, "-1", false),
        (TimeFormat::Auto, "true", false),
        (TimeFormat::Auto, r#""NaN""#, false),
        (TimeFormat::Seconds, "1788220800", true),
        (TimeFormat::Seconds, r#""1788220800""#, true),
        (TimeFormat::Seconds, "1788220800000", false),
        (TimeFormat::Seconds, r#""2026-09-01T00:00:00Z""#, false),
        (TimeFormat::Millis, "1788220800000", true),
        (TimeFormat::Micros, "1788220800000000", true),
        (TimeFormat::Nanos, "1788220800000000000", true),
        (here(), r#""2026-09-01 08:00:00""#, true),
        (pattern(long, "+08:00"), r#""2026-09-01 08:00:00""#, true),
        (pattern(long, "+0800"), r#""2026-09-01 08:00:00""#, true),
        (pattern(long, "-03:30"), r#""2026-08-31 20:30:00""#, true),
        (pattern(long, "UTC"), r#""2026-09-01 00:00:00""#, true),
        (pattern(long, "Nowhere/Land"), r#""2026-09-01 08:00:00""#, false),
        (pattern("%Y%m%d%H%M%S", "+08:00"), "20260901080000", true),
        (pattern("%d/%m/%y %H:%M", "+08:00"), r#""01/09/26 08:00""#, true),
        // The text's own zone goes before the profile's.
        (pattern("%Y-%m-%d %H:%M:%S %z", "+08:00"), r#""2026-09-01 01:00:00 +0100""#, true),
        (here(), r#""2026-09-31 08:00:00""#, false),
        (here(), r#""yesterday""#, false),
        (here(), "{}", false),
        (here(), "true", false),
    ];
    for (format, time, good) in rows {
        let batch = decoder(format.clone(), Ingest::default()).decode(&arrival(TOPIC, format!(r#"{{"t":{time},"a":1}}"#).as_bytes()));
        let expected = if good { (Some(EXAMPLE_MS), &[][..]) } else { (None, &[Fault::WrongType][..]) };
        assert_eq!((batch.device_ms, &*batch.faults), expected, "{format:?} {time}");
        assert_eq!((batch.refused, batch.readings.len()), (None, 1));
    }
    for format in [TimeFormat::Auto, TimeFormat::Nanos, here()] {
        let batch = decoder(format, Ingest::default()).decode(&arrival(TOPIC, br#"{"t":null,"a":1}"#));
        assert_eq!((batch.device_ms, &*batch.faults), (None, &[][..]));
    }
}

#[test]
fn the_declaration_decides_about_the_clock() {
    let rows = [(true, 0, Some(EXAMPLE_MS)), (true, 28_800_000, Some(EXAMPLE_MS - 28_800_000)), (false, 0, None), (false, 5, None)];
    for (own_clock, clock_offset_ms, expected) in rows {
        let ingest = Ingest { own_clock, clock_offset_ms, ..Ingest::default() };
        let payload = format!(r#"{{"t":{EXAMPLE_MS},"a":1}}"#);
        assert_eq!(decoder(TimeFormat::Auto, ingest).decode(&arrival(TOPIC, payload.as_bytes())).device_ms, expected);
    }
}
