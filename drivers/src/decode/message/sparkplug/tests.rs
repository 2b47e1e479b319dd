//! Births, data and deaths of edge nodes, in order and out of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod order;

use super::payload::{METRICS_MAX, Metric, Payload, Raw};
use super::{Kind, Nodes, Report};
use crate::decode::message::body::tests::bytes;
use crate::decode::message::value::NOT_FINITE;
use crate::fault::Fault;
use facility_config::limits::JSON_DEPTH_MAX;
use prost::Message as _;
use serde_json::{Value, json};

const MS: u64 = 1_788_220_800_000;
const NBIRTH: &str = "spBv1.0/cold/NBIRTH/edge-1";
const NDATA: &str = "spBv1.0/cold/NDATA/edge-1";
const NDEATH: &str = "spBv1.0/cold/NDEATH/edge-1";
const DBIRTH: &str = "spBv1.0/cold/DBIRTH/edge-1/cabinet-7";
const DDATA: &str = "spBv1.0/cold/DDATA/edge-1/cabinet-7";
const DDEATH: &str = "spBv1.0/cold/DDEATH/edge-1/cabinet-7";

fn payload(seq: impl Into<Option<u64>>, metrics: &[Metric]) -> Vec<u8> {
    let metrics = metrics.iter().map(|metric| metric.encode_to_vec().into()).collect();
    Payload { timestamp: Some(MS), metrics, seq: seq.into() }.encode_to_vec()
}

/// A metric of a birth.
fn born(name: &str, alias: u64, datatype: u32, value: Raw) -> Metric {
    Metric { name: Some(name.into()), alias: Some(alias), datatype: Some(datatype), value: Some(value), ..Metric::default() }
}

fn by_alias(alias: u64, value: Raw) -> Metric {
    Metric { alias: Some(alias), value: Some(value), ..Metric::default() }
}

fn by_name(name: &str, value: Raw) -> Metric {
    Metric { name: Some(name.into()), value: Some(value), ..Metric::default() }
}

fn bd_seq(number: u64) -> Metric {
    Metric { name: Some("bdSeq".into()), datatype: Some(8), value: Some(Raw::Long(number)), ..Metric::default() }
}

/// A node and its cabinet, born with `seq` 0 and 1.
fn nodes() -> Nodes {
    let mut nodes = Nodes::new();
    nodes.read(NBIRTH, &payload(0, &[bd_seq(7), born("Node Control/Rebirth", 1, 11, Raw::Boolean(false))])).unwrap();
    nodes.read(DBIRTH, &payload(1, &[born("air", 10, 9, Raw::Float(-18.5)), born("door/open", 11, 11, Raw::Boolean(false))])).unwrap();
    nodes
}

fn values(report: Result<Report, Fault>) -> Result<Value, Fault> {
    report.map(|report| report.values)
}

#[test]
fn a_birth_names_what_data_mean() {
    let mut nodes = Nodes::new();
    let birth = nodes.read(NBIRTH, &payload(0, &[bd_seq(7), born("supply", 1, 10, Raw::Double(228.4))])).unwrap();
    let expected = Report { kind: Kind::Birth, values: json!({"supply": 228.4}), time_ms: Some(MS as i64), seq: Some(0), gone: Vec::new() };
    assert_eq!(birth, expected);
    let birth = nodes.read(DBIRTH, &payload(1, &[born("air", 10, 9, Raw::Float(-18.5)), born("door/open", 11, 11, Raw::Boolean(false))]));
    assert_eq!(values(birth), Ok(json!({"air": -18.5, "door": {"open": false}})));
    let data = nodes.read(DDATA, &payload(2, &[by_alias(11, Raw::Boolean(true)), by_name("air", Raw::Float(-17.25))])).unwrap();
    let expected = json!({"air": -17.25, "door": {"open": true}});
    assert_eq!(data, Report { kind: Kind::Data, values: expected, time_ms: Some(MS as i64), seq: Some(2), gone: Vec::new() });
    let data = nodes.read(NDATA, &payload(3, &[by_alias(1, Raw::Double(230.0))]));
    assert_eq!(values(data), Ok(json!({"supply": 230.0})));
    let death = nodes.read(DDEATH, &payload(4, &[])).unwrap();
    assert_eq!((death.kind, death.values), (Kind::Death, json!({})));
    assert_eq!(nodes.read(DDATA, &payload(5, &[by_alias(10, Raw::Float(1.0))])), Err(Fault::NoBirth));
}

/// Written down byte by byte from the field numbers of the specification.
#[test]
fn bytes_by_hand() {
    let birth = bytes(
        "08 80f88fd28534 \
         12 12 0a05 62645365 71 18 80f88fd28534 20 08 58 07 \
         12 0c 0a03 616972 10 0a 20 01 50 ee01 \
         18 00",
    );
    let mut nodes = Nodes::new();
    let report = nodes.read(NBIRTH, &birth).unwrap();
    assert_eq!((report.kind, report.seq, report.time_ms), (Kind::Birth, Some(0), Some(MS as i64)));
    assert_eq!(report.values, json!({"air": -18}));
    // A property set, a data set and fields that do not exist yet are passed over.
    let data = bytes("12 0f 10 0a 4a 02 0a00 50 f0ffffff0f 9206 00 12 04 8a01 01 00 18 01 28 05");
    let data = nodes.read(NDATA, &data);
    assert_eq!(data.map(|report| (report.values, report.time_ms)), Ok((json!({"air": -16}), None)));
}

#[test]
fn every_type_of_value() {
    let text = |text: &str| Raw::Text(text.into());
    let cases: [(&str, u32, Raw, Option<Value>); 35] = [
        ("Int8 as wide as itself", 1, Raw::Int(0xee), Some(json!(-18))),
        ("Int8 as wide as its field", 1, Raw::Int(0xffff_ffee), Some(json!(-18))),
        ("Int8 in a wider field", 1, Raw::Long(0xffff_ffff_ffff_ffee), Some(json!(-18))),
        ("Int8 that is too large", 1, Raw::Int(300), None),
        ("Int16", 2, Raw::Int(0x8000), Some(json!(-32768))),
        ("Int16 above zero", 2, Raw::Int(0x7fff), Some(json!(32767))),
        ("Int32", 3, Raw::Int(u32::MAX), Some(json!(-1))),
        ("Int32 in a wider field", 3, Raw::Long(u64::MAX), Some(json!(-1))),
        ("Int32, narrow in a wider field", 3, Raw::Long(0xffff_ffff), Some(json!(-1))),
        ("Int32 that is too large", 3, Raw::Long(1 << 40), None),
        ("Int64", 4, Raw::Long(u64::MAX), Some(json!(-1))),
        ("Int64, lowest", 4, Raw::Long(1 << 63), Some(json!(i64::MIN))),
        ("Int64 in a narrower field", 4, Raw::Int(u32::MAX), Some(json!(-1))),
        ("UInt8", 5, Raw::Int(255), Some(json!(255))),
        ("UInt8 that is too large", 5, Raw::Int(256), None),
        ("UInt16", 6, Raw::Int(65535), Some(json!(65535))),
        ("UInt32", 7, Raw::Int(u32::MAX), Some(json!(u32::MAX))),
        ("UInt32 in a wider field", 7, Raw::Long(u64::from(u32::MAX)), Some(json!(u32::MAX))),
        ("UInt64", 8, Raw::Long(u64::MAX), Some(json!(u64::MAX))),
        ("DateTime", 13, Raw::Long(MS), Some(json!(MS))),
        ("Float", 9, Raw::Float(4.5), Some(json!(4.5))),
        ("Float, not a number", 9, Raw::Float(f32::NAN), Some(json!(NOT_FINITE))),
        ("Double", 10, Raw::Double(-19.4), Some(json!(-19.4))),
        ("Double, infinite", 10, Raw::Double(f64::INFINITY), Some(json!(NOT_FINITE))),
        ("Boolean", 11, Raw::Boolean(true), Some(json!(true))),
        ("String", 12, text("cooling"), Some(json!("cooling"))),
        ("Text", 14, text("化霜"), Some(json!("化霜"))),
        ("UUID", 15, text("b5f1"), Some(json!("b5f1"))),
        ("a number that is a text", 3, text("5"), None),
        ("a text that is a number", 12, Raw::Int(5), None),
        ("a whole number that is a float", 3, Raw::Float(5.0), None),
        ("a data set", 16, Raw::Int(5), None),
        ("a template", 19, text("x"), None),
        ("an array", 22, text("x"), None),
        ("no type at all", 0, Raw::Int(5), None),
    ];
    for (name, datatype, raw, expected) in cases {
        let expected = expected.map_or(json!({}), |value| json!({"m": value}));
        let birth = payload(0, &[born("m", 1, datatype, raw.clone())]);
        assert_eq!(values(Nodes::new().read(NBIRTH, &birth)), Ok(expected.clone()), "{name}");
        // In data the type is the birth's.
        let mut nodes = Nodes::new();
        let null = Metric { value: None, is_null: Some(true), ..born("m", 1, datatype, raw.clone()) };
        assert_eq!(values(nodes.read(NBIRTH, &payload(0, &[null]))), Ok(json!({"m": null})), "{name}");
        assert_eq!(values(nodes.read(NDATA, &payload(1, &[by_alias(1, raw)]))), Ok(expected), "{name}");
    }
}

#[test]
fn what_has_no_place_is_left_out() {
    let mut nodes = nodes();
    let historical = Metric { is_historical: Some(true), ..by_alias(10, Raw::Float(5.0)) };
    let metrics = [historical, by_alias(99, Raw::Int(5)), by_name("unheard", Raw::Int(5)), by_alias(10, Raw::Float(6.0))];
    assert_eq!(values(nodes.read(DDATA, &payload(2, &metrics))), Ok(json!({"air": 6.0})));
    let twice = [by_alias(10, Raw::Float(6.0)), by_alias(10, Raw::Float(7.0))];
    assert_eq!(values(nodes.read(DDATA, &payload(3, &twice))), Ok(json!({"air": 7.0})));

    let deep = |levels: usize| vec!["a"; levels].join("/");
    let number = |name: &str, alias| born(name, alias, 3, Raw::Int(1));
    let cases: [(&str, &[Metric], Value); 4] = [
        ("in each other's way", &[number("a", 1), number("a/b", 2)], json!({"a": 1})),
        ("the other way round", &[number("a/b", 2), number("a", 1)], json!({"a": {"b": 1}})),
        ("slashes alone", &[number("/", 1), number("//", 2)], json!({"": {"": 1}})),
        ("too deep", &[number(&deep(JSON_DEPTH_MAX), 1), number("b", 2)], json!({"b": 1})),
    ];
    for (name, metrics, expected) in cases {
        assert_eq!(values(Nodes::new().read(NBIRTH, &payload(0, metrics))), Ok(expected), "{name}");
    }
}

#[test]
fn what_is_refused() {
    let birth = payload(0, &[born("m", 1, 3, Raw::Int(1))]);
    let topics = [
        "spBv1.0/STATE/scada-1",
        "STATE/scada-1",
        "spBv1.0/cold/NCMD/edge-1",
        "spBv1.0/cold/DCMD/edge-1/cabinet-7",
        "spBv1.0/cold/DBIRTH/edge-1",
        "spBv1.0/cold/NBIRTH/edge-1/cabinet-7",
        "spBv1.0/cold/DBIRTH/edge-1/",
        "spBv1.0/cold/DBIRTH/edge-1/a/b",
        "spBv1.0//NBIRTH/edge-1",
        "spBv1.0/cold/NBIRTH/",
        "spBv1.0/cold",
        "spAv1.0/cold/NBIRTH/edge-1",
        "",
    ];
    for topic in topics {
        assert_eq!(Nodes::new().read(topic, &birth), Err(Fault::UnknownMessage), "{topic}");
    }
    let many = |count: usize| [bytes("1200").repeat(count), bytes("1800")].concat();
    let cases: [(&str, Vec<u8>, Fault); 7] = [
        ("JSON", b"{\"timestamp\":1}".to_vec(), Fault::Undecodable),
        ("cut", birth[..birth.len() - 3].to_vec(), Fault::Undecodable),
        ("a length beyond the end", bytes("12ffffffff0f"), Fault::Undecodable),
        ("a name that is not UTF-8", bytes("12040a02fffe"), Fault::Undecodable),
        ("one alias for two", payload(0, &[born("a", 1, 3, Raw::Int(1)), born("b", 1, 3, Raw::Int(1))]), Fault::Undecodable),
        ("too many metrics", many(METRICS_MAX + 1), Fault::Oversize),
        ("as many as fit", many(120_000), Fault::Oversize),
    ];
    for (name, body, fault) in cases {
        assert_eq!(Nodes::new().read(NBIRTH, &body), Err(fault), "{name}");
    }
    assert!(Nodes::new().read(NBIRTH, &many(METRICS_MAX)).is_ok());
}
