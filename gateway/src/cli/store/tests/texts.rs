//! Moments, tags and single points, as they are written and read.

use super::super::export::rows::Rows;
use super::super::import::point::{Imported, parse};
use super::super::span::{self, Moment, between};
use super::super::words;
use super::*;
use crate::forward::line;
use crate::store::record::{KEEP, MetricName, Names, Origin, PROVISIONAL, Page, Record};
use std::sync::Arc;

/// Rows and cells of a table.
pub(super) fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            char => cell.push(char),
        }
    }
    rows
}

#[test]
fn moments_are_read_as_a_person_writes_them() {
    let cases = [
        ("2026-11-25T08:00:00+08:00", Some(Moment::At(1_795_564_800_000))),
        ("2026-11-25T00:00:00.250Z", Some(Moment::At(1_795_564_800_250))),
        ("2026-11-25", Some(Moment::At(1_795_564_800_000))),
        ("2026-11-25T00:00", Some(Moment::At(1_795_564_800_000))),
        ("1795564800000", Some(Moment::At(1_795_564_800_000))),
        ("-24h", Some(Moment::Ago(86_400_000))),
        ("-90s", Some(Moment::Ago(90_000))),
        ("-3d", Some(Moment::Ago(259_200_000))),
        ("yesterday", None),
        ("-", None),
        ("", None),
        ("-5y", None),
        ("2026-13-01", None),
    ];
    for (text, expected) in cases {
        assert_eq!(span::parse(text).ok(), expected, "{text:?}");
    }
    assert_eq!(between(Some(Moment::Ago(10)), Some(Moment::At(5)), 7), -3..=4);
    assert_eq!(between(None, None, 0), i64::MIN..=i64::MAX);
}

#[test]
fn tags_come_back_as_they_went_in() {
    let texts = ["fz-01", "a,b", "c=d", "e f", "制冷", "x,=,= y", "a/b"];
    for key in texts {
        for value in texts {
            let stored = line::tags([(key, value), ("z", "1")]);
            let mut expected = vec![(key.to_owned(), value.to_owned()), ("z".to_owned(), "1".to_owned())];
            expected.sort();
            assert_eq!(words::tags(&stored), expected, "{stored}");
        }
    }
    assert_eq!(words::tags("nonsense"), []);
    assert_eq!(words::device("a=1,device_id=fz\\ 1").as_deref(), Some("fz 1"));
}

fn written(tags: &str, metric: MetricName, record: Record) -> String {
    let names = Names { origins: vec![Origin { tags: tags.into(), device: None }], metrics: vec![metric] };
    let page = Page { first: 0, next: 1, lost: 0, records: vec![record], names: Arc::new(names) };
    let mut rows = Rows::default();
    let mut out = Vec::new();
    rows.write(&page, |_| true, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_row_holds_everything_that_was_recorded() {
    let values = [
        Value::Float(-18.5),
        Value::Float(5.0),
        Value::Float(-0.0),
        Value::Float(1e300),
        Value::Float(0.1 + 0.2),
        Value::Float(f64::INFINITY),
        Value::Int(i64::MIN),
        Value::Bool(false),
        Value::Text("a \"b\"\n制冷".into()),
        Value::Missing(Quality::Uncertain),
    ];
    for value in values {
        for (name, part, flags) in [("cabinet.air_c", "", 0), ("new.thing", "A1", KEEP), ("lane.level", "b c", KEEP | PROVISIONAL)] {
            let metric = MetricName { name: name.into(), part: Part::new(part).unwrap(), point: Point::from_name(name) };
            let tags = line::tags([("device_id", "fz, 1"), ("site_id", "一")]);
            let record = Record { origin: 0, metric: 0, flags, at_ms: -5, log_ms: NOW_MS, value: value.clone() };
            let text = written(&tags, metric.clone(), record);
            let expected = Imported { at_ms: -5, tags, metric, flags, value: value.clone() };
            let read = parse(text.trim_end()).unwrap();
            assert_eq!(read, expected, "{text}");
            // Equality takes -0.0 for 0.0.
            assert_eq!(format!("{:?}", read.value), format!("{value:?}"));
        }
    }
}

#[test]
fn no_text_can_end_a_line() {
    let metric = MetricName { name: "cabinet.air_c".into(), part: Part::WHOLE, point: Some(Point::CabinetAir) };
    let record = Record { origin: 0, metric: 0, flags: 0, at_ms: 1, log_ms: 1, value: Value::Int(1) };
    let text = written("device_id=a x=1\nevil,a=b c=2 3", metric, record);
    assert_eq!(text.lines().count(), 1);
    let tags = parse(text.trim_end()).unwrap().tags;
    assert_eq!(tags, line::tags([("device_id", "a x=1\nevil"), ("a", "b c=2 3")]));
    assert!(!tags.contains('\n'));
}
