#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_config::Point;
use facility_drivers::Quality;
use influxdb_line_protocol::{FieldValue, parse_lines};
use proptest::prelude::*;
use std::sync::Arc;

fn metric(name: &str, part: &str) -> MetricName {
    MetricName { name: name.into(), part: Part::new(part).unwrap(), point: Point::from_name(name) }
}

fn line(tags: &str, metric: &MetricName, value: &Value) -> String {
    let name = Name::of(metric).unwrap();
    let mut out = String::new();
    push_series(&mut out, &name, tags, metric.part);
    out.push(' ');
    push_field(&mut out, &name, value);
    out + " 1767225600000\n"
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn writes_each_type_and_escapes_what_ends_a_word() {
    let tags = "device_id=fz-01,gw_id=g";
    let table = [
        ("cabinet_5m.coverage", "", Value::Float(4.0), "cabinet_5m,device_id=fz-01,gw_id=g coverage=4.0 1767225600000\n"),
        ("cabinet_5m.coverage", "", Value::Float(1e30), "cabinet_5m,device_id=fz-01,gw_id=g coverage=1e30 1767225600000\n"),
        ("cabinet.air_c", "", Value::Float(-2.5e-7), "cabinet,device_id=fz-01,gw_id=g air_c=-2.5e-7 1767225600000\n"),
        // The table says float: an integer from a device never makes a second type.
        ("cabinet_5m.coverage", "", Value::Int(1), "cabinet_5m,device_id=fz-01,gw_id=g coverage=1.0 1767225600000\n"),
        ("vending_5m.vends", "", Value::Int(i64::MIN), "vending_5m,device_id=fz-01,gw_id=g vends=-9223372036854775808i 1767225600000\n"),
        ("device_health.online", "", Value::Bool(true), "device_health,device_id=fz-01,gw_id=g online=true 1767225600000\n"),
        ("locker.occupancy_source", "", text("sensor"), "locker,device_id=fz-01,gw_id=g occupancy_source=\"sensor\" 1767225600000\n"),
        (
            "alarm.active",
            "door=open, now",
            Value::Int(1),
            "alarm,device_id=fz-01,gw_id=g,rule=door\\=open\\,\\ now active=1i 1767225600000\n",
        ),
        // A point of another version keeps its words; a part needs no table to be told apart.
        ("old.x y", "a", Value::Int(1), "old,device_id=fz-01,gw_id=g,part=a x\\ y=1i 1767225600000\n"),
        ("alarm.retired", "a", Value::Int(1), "alarm,device_id=fz-01,gw_id=g,rule=a retired=1i 1767225600000\n"),
    ];
    for (name, part, value, expected) in table {
        assert_eq!(line(tags, &metric(name, part), &value), expected);
    }
    assert_eq!(line("", &metric("vending_5m.vends", ""), &Value::Int(1)), "vending_5m vends=1i 1767225600000\n");
}

#[test]
fn nasty_text_stays_inside_its_quotes() {
    let table = [
        ("C:\\dir\\", r#""C:\\dir\\""#),
        ("say \"hi\"", r#""say \"hi\"""#),
        ("a\nalarm,rule=fake active=1i", r#""a\\nalarm,rule=fake active=1i""#),
        ("\r\t\0", r#""\\r\\t\\u{0}""#),
        ("a,b=c d", r#""a,b=c d""#),
        ("", r#""""#),
        ("冷柜❄", r#""冷柜❄""#),
    ];
    for (value, expected) in table {
        let line = line("", &metric("locker.occupancy_source", ""), &text(value));
        assert_eq!(line, format!("locker occupancy_source={expected} 1767225600000\n"));
        assert_eq!(line.matches('\n').count(), 1);
    }
}

#[test]
fn tags_are_sorted_escaped_and_never_empty() {
    let table: [(&[(&str, &str)], &str); 5] = [
        (&[("site_id", "b"), ("device_id", "a")], "device_id=a,site_id=b"),
        (&[("a", ""), ("", "x"), ("b", "1")], "b=1"),
        (&[("k", "a b,c=d")], "k=a\\ b\\,c\\=d"),
        (&[("k", "dir\\")], "k=dir/"),
        (&[("k", "a\nb")], "k=a_b"),
    ];
    for (pairs, expected) in table {
        assert_eq!(tags(pairs.iter().copied()), expected);
    }
}

#[test]
fn nothing_is_written_for_what_is_no_value() {
    for value in [Value::Float(f64::NAN), Value::Float(f64::INFINITY), Value::Float(f64::NEG_INFINITY), Value::Missing(Quality::CommError)]
    {
        assert!(!has_value(&value), "{value:?}");
    }
    for name in ["", "nodot", ".field", "measurement."] {
        assert_eq!(Name::of(&metric(name, "")), None, "{name}");
    }
}

/// Shown text: what a reader of the database sees of a text.
fn shown(value: &str) -> String {
    value.chars().map(|char| if char.is_control() { char.escape_default().to_string() } else { char.to_string() }).collect()
}

/// Shown tag value.
fn shown_tag(value: &str) -> String {
    value
        .chars()
        .map(|char| {
            if char == '\\' {
                '/'
            } else if char.is_control() {
                '_'
            } else {
                char
            }
        })
        .collect()
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::Float),
        any::<i64>().prop_map(Value::Int),
        any::<bool>().prop_map(Value::Bool),
        any::<String>().prop_map(|text| Value::Text(text.into())),
        r#"[\\"\n ,=a]{0,12}"#.prop_map(|text| Value::Text(text.into())),
    ]
}

/// What is sent of a number: four places of a figure, seven digits of what was said in 32 bits, otherwise all of it.
fn as_sent(number: f64, class: Class) -> f64 {
    let number = if class == Class::Metric && number.abs() < 2.8e10 { (number * 1e4).round() / 1e4 + 0.0 } else { number };
    let short = number as f32;
    let has_few_places = (number * 1e4).round() / 1e4 == number && number.abs() < 2.8e10;
    if !has_few_places && f64::from(short).to_bits() == number.to_bits() { short.to_string().parse().unwrap() } else { number }
}

proptest! {
    #[test]
    fn the_parser_reads_back_what_was_written(
        value in any_value(),
        tag in r#"([\\"\n ,=a#]|\PC){1,12}"#,
        part in r#"[\\" ,=a#冷]{0,7}"#,
        point in prop::sample::select(Point::ALL.to_vec()),
    ) {
        let metric = MetricName { name: point.info().name.into(), part: Part::new(&part).unwrap(), point: Some(point) };
        let tags: Arc<str> = tags([("device_id", tag.as_str()), ("a", "b")]).into();
        // The second line shows that the first one ended where it should.
        let request = line(&tags, &metric, &value) + "next ok=true 2\n";
        let lines: Vec<_> = parse_lines(&request).collect::<Result<_, _>>().map_err(|error| TestCaseError::fail(format!("{error}: {request}")))?;
        prop_assert_eq!(lines.len(), 2, "{}", request);
        prop_assert_eq!(request.lines().count(), 2);
        let info = point.measurement().info();
        let read = &lines[0];
        prop_assert_eq!(read.series.measurement.as_str(), info.name);
        let mut expected = vec![("a".to_owned(), "b".to_owned()), ("device_id".to_owned(), shown_tag(&tag))];
        if !part.is_empty() {
            expected.push((info.part_tag.unwrap_or("part").to_owned(), shown_tag(&part)));
        }
        let got: Vec<_> = read.series.tag_set.iter().flatten().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        prop_assert_eq!(got, expected);
        prop_assert_eq!(read.timestamp, Some(1_767_225_600_000));
        prop_assert_eq!(read.field_set.len(), 1);
        let same = match (&value, &read.field_set[0].1) {
            (Value::Float(sent), FieldValue::F64(read)) => as_sent(*sent, info.class).to_bits() == read.to_bits(),
            (Value::Int(sent), FieldValue::F64(read)) => point.info().ty == Type::Float && *sent as f64 == *read,
            (Value::Int(sent), FieldValue::I64(read)) => point.info().ty != Type::Float && sent == read,
            (Value::Bool(sent), FieldValue::Boolean(read)) => sent == read,
            (Value::Text(sent), FieldValue::String(read)) => shown(sent) == read.as_str(),
            _ => false,
        };
        prop_assert!(same, "{:?} was read as {:?}", value, read.field_set[0].1);
    }
}

/// The quick way of a number with few decimal places gives what the general one gives.
#[test]
fn a_float_is_written_in_its_shortest_form() {
    let mut rng = fastrand::Rng::with_seed(9);
    let ten = [1.0, 10.0, 100.0, 1000.0, 1e4, 1e7];
    let special =
        [0.0, -0.0, 0.1 + 0.2, 1e15, -1e16, 1e22, 281_474_976_710_655.0, 281_474_976_710_656.5, f64::MIN_POSITIVE, f64::MAX, 1.0 / 3.0];
    let random = (0..20_000).map(|_| match rng.u8(..3) {
        0 => f64::from(rng.i32(..)) / ten[rng.usize(..ten.len())],
        1 => rng.i64(-(1 << 50)..1 << 50) as f64 / ten[rng.usize(..ten.len())],
        _ => f64::from_bits(rng.u64(..)),
    });
    for number in special.into_iter().chain(random).filter(|number| number.is_finite()) {
        let mut out = String::new();
        push_float(&mut out, number);
        assert_eq!(out, ryu::Buffer::new().format_finite(as_sent(number, Class::Reading)));
    }
    let told = [(234.6_f32, "234.6"), (0.1, "0.1"), (16_777_216.0, "16777216.0"), (1.0 / 3.0, "0.33333334")];
    for (number, text) in told {
        let mut out = String::new();
        push_float(&mut out, f64::from(number));
        assert_eq!(out, text);
    }
}

#[test]
fn a_figure_has_four_places() {
    let table = [(0.853_333_333, "0.8533"), (-18.000_04, "-18.0"), (-0.000_01, "0.0"), (3.0e11, "300000000000.0"), (51.32, "51.32")];
    for (number, text) in table {
        let figure = metric("cabinet_5m.air_mean_c", "");
        assert_eq!(line("a=b", &figure, &Value::Float(number)), format!("cabinet_5m,a=b air_mean_c={text} 1767225600000\n"));
    }
}
