//! What a platform gets: every value as it was, whatever stands in a name, on the topic that access rules expect.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::forward::line::{Name, push_field, push_series, tags};
use facility_config::Part;
use facility_drivers::Value;
use influxdb_line_protocol::{FieldValue, parse_lines};
use proptest::prelude::*;

fn line(measurement: &str, tag: &str, field: &str, value: &Value, at_ms: i64) -> String {
    let name = Name { measurement, part_tag: "part", field, class: None, ty: None };
    let mut out = String::new();
    push_series(&mut out, &name, &tags([("device_id", tag), ("kind", "locker")]), Part::WHOLE);
    out.push(' ');
    push_field(&mut out, &name, value);
    out.push_str(&format!(" {at_ms}\n"));
    out
}

fn shown(messages: &[Message]) -> Vec<(&str, &str)> {
    messages.iter().map(|message| (&*message.topic, std::str::from_utf8(&message.payload).unwrap())).collect()
}

#[test]
fn lines_of_one_topic_travel_together_and_keep_their_order() {
    let lines = "a,device_id=x v=1 1\nb,device_id=x v=2i 2\na,device_id=y v=3 3\n";
    let all = |topic: &str, bytes_max| messages(lines, topic, Format::Line, bytes_max);
    assert_eq!(
        shown(&all("t/{measurement}", 1000)),
        [("t/a", "a,device_id=x v=1 1\na,device_id=y v=3 3\n"), ("t/b", "b,device_id=x v=2i 2\n")]
    );
    assert_eq!(shown(&all("t", 1000)), [("t", lines)]);
    assert_eq!(shown(&all("{device}/{kind}", 1000)).iter().map(|(topic, _)| *topic).collect::<Vec<_>>(), ["x/_", "y/_"]);
    // A line that is larger than a message may be goes alone.
    assert_eq!(shown(&all("t", 5)).len(), 3);
    assert_eq!(shown(&all("t", 42)).len(), 2);
}

#[test]
fn a_json_object_has_everything_of_its_line() {
    let text = "door\\ 1,device_id=l\\,k\\=1,kind=locker a=1.5,b=-7i,c=true,d=\"say \\\"5i\\\", \\\\n\",e=1e30 1790000000000\n";
    let found = messages(text, "t", Format::Json, 10_000);
    let expected = r#"{"measurement":"door 1","tags":{"device_id":"l,k=1","kind":"locker"},"fields":{"a":1.5,"b":-7,"c":true,"d":"say \"5i\", \\n","e":1e30},"time":1790000000000}"#;
    assert_eq!(shown(&found), [("t", &*format!("{expected}\n"))]);
}

#[test]
fn no_name_makes_another_level_or_a_wildcard() {
    let text = line("m", "a/b+#{kind}", "v", &Value::Int(1), 5);
    assert_eq!(messages(&text, "p/{device}/{kind}", Format::Line, 1000)[0].topic, "p/a_b___kind_/locker");
    let long = line("m", &"道".repeat(500), "v", &Value::Int(1), 5);
    assert!(messages(&long, "p/{device}", Format::Line, 10_000)[0].topic.len() < UPLINK_TOPIC_BYTES_MAX);
}

#[test]
fn what_is_no_line_is_handed_on_as_it_is() {
    for text in ["", "\n", "x\n", "a,b c\n", "a v=1 now\n", "a,b=1 v 1\n", "a,\\"] {
        let found = messages(text, "t/{device}", Format::Json, 1000);
        assert_eq!(found.iter().map(|message| message.payload.len()).sum::<usize>(), text.len(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn the_parts_are_those_that_the_databases_parser_sees(
        measurement in "[a-z][a-z0-9 ,\"\\\\]{0,8}",
        tag in "[^\\p{C}]{1,12}",
        text in any::<String>(),
        number in any::<i64>(),
        float in any::<f64>().prop_filter("finite", |float| float.is_finite()),
        at_ms in any::<i64>(),
    ) {
        for value in [Value::Text(text.into()), Value::Int(number), Value::Float(float), Value::Bool(true)] {
            let line = line(&measurement, &tag, "field", &value, at_ms);
            let parsed = parse_lines(&line).next().unwrap().unwrap();
            let parts = Parts::of(line.trim_end_matches('\n')).unwrap();
            prop_assert_eq!(&*parts.measurement, parsed.series.measurement.as_str());
            prop_assert_eq!(parts.tag("device_id"), parsed.tag_value("device_id").unwrap().as_str());
            let json: serde_json::Value = serde_json::from_str(&parts.json()).unwrap();
            prop_assert_eq!(json["time"].as_i64(), Some(at_ms));
            let found = &json["fields"]["field"];
            match parsed.field_value("field").unwrap() {
                FieldValue::I64(number) => prop_assert_eq!(found.as_i64(), Some(*number)),
                FieldValue::F64(number) => prop_assert!((found.as_f64().unwrap() - number).abs() <= number.abs() * 1e-15),
                FieldValue::Boolean(yes) => prop_assert_eq!(found.as_bool(), Some(*yes)),
                FieldValue::String(text) => prop_assert_eq!(found.as_str(), Some(text.as_str())),
                FieldValue::U64(_) => prop_assert!(false),
            }
        }
    }
}
