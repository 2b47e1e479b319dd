//! The examples of RFC 8949 (appendix A) and what is wrong with others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::body::tests::bytes;
use super::{JSON_DEPTH_MAX, NOT_FINITE, VALUES_MAX, read};
use crate::fault::Fault;
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::{Value, json};

#[test]
fn examples_of_the_standard() {
    let cases: [(&str, Value); 34] = [
        ("00", json!(0)),
        ("1818", json!(24)),
        ("1bffffffffffffffff", json!(18_446_744_073_709_551_615_u64)),
        ("3903e7", json!(-1000)),
        ("3b7fffffffffffffff", json!(i64::MIN)),
        // −2⁶⁴ and 2⁶⁴: nothing JSON could hold.
        ("3bffffffffffffffff", json!(NOT_FINITE)),
        ("c249010000000000000000", json!(NOT_FINITE)),
        ("c349010000000000000000", json!(NOT_FINITE)),
        ("c25820 0100000000000000000000000000000000000000000000000000000000000000", json!(NOT_FINITE)),
        // A big number that is none.
        ("c24101", json!(1)),
        ("c34101", json!(-2)),
        ("f90000", json!(0.0)),
        ("f93e00", json!(1.5)),
        ("fa47c35000", json!(100_000.0)),
        ("fbc010666666666666", json!(-4.1)),
        ("f97c00", json!(NOT_FINITE)),
        ("f97e00", json!(NOT_FINITE)),
        ("fbfff0000000000000", json!(NOT_FINITE)),
        ("f4", json!(false)),
        ("f5", json!(true)),
        ("f6", Value::Null),
        ("f7", Value::Null),
        ("c074323031332d30332d32315432303a30343a30305a", json!("2013-03-21T20:04:00Z")),
        ("c11a514b67b0", json!(1_363_896_240)),
        ("c1fb41d452d9ec200000", json!(1_363_896_240.5)),
        ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", json!("http://www.example.com")),
        ("4401020304", json!({})),
        ("5f42010243030405ff", json!({})),
        ("6449455446", json!("IETF")),
        ("7f657374726561646d696e67ff", json!("streaming")),
        ("8301820203820405", json!([1, [2, 3], [4, 5]])),
        ("a201020304", json!({"1": 2, "3": 4})),
        ("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]})),
        ("a220616160f6", json!({"-1": "a", "": null})),
    ];
    for (hex, value) in cases {
        assert_eq!(read(&bytes(hex)), Ok(value), "{hex}");
    }
}

#[test]
fn what_is_not_taken() {
    let long = |count: usize| [bytes("9f"), vec![0; count], bytes("ff")].concat();
    let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();
    let cases: [(&str, Vec<u8>, Result<(), Fault>); 18] = [
        ("nothing", Vec::new(), Err(Fault::Undecodable)),
        ("cut", bytes("a161"), Err(Fault::Undecodable)),
        ("two items", bytes("0000"), Err(Fault::Undecodable)),
        ("JSON", b"{\"v\":1}".to_vec(), Err(Fault::Undecodable)),
        ("a name twice", bytes("a2616101616102"), Err(Fault::Undecodable)),
        ("a name twice, as number and text", bytes("a20101613102"), Err(Fault::Undecodable)),
        ("a list as a name", bytes("a18001"), Err(Fault::Undecodable)),
        ("bytes as a name", bytes("a1410101"), Err(Fault::Undecodable)),
        ("a text that is not UTF-8", bytes("61ff"), Err(Fault::Undecodable)),
        ("a simple value nobody knows", bytes("f0"), Err(Fault::Undecodable)),
        ("a break alone", bytes("ff"), Err(Fault::Undecodable)),
        ("a list of 2⁶⁴ − 1, of which none came", bytes("9bffffffffffffffff"), Err(Fault::Undecodable)),
        ("a text of 2⁶³", bytes("7b8000000000000000"), Err(Fault::Undecodable)),
        ("bytes of 2³²", bytes("5affffffff00"), Err(Fault::Undecodable)),
        ("as many values as may be", long(VALUES_MAX - 1), Ok(())),
        ("one value too many", long(VALUES_MAX), Err(Fault::Oversize)),
        ("as deep as may be", nested(JSON_DEPTH_MAX), Ok(())),
        ("one too deep", nested(JSON_DEPTH_MAX + 1), Err(Fault::Undecodable)),
    ];
    for (name, body, verdict) in cases {
        assert_eq!(read(&body).map(drop), verdict, "{name}");
    }
    assert_eq!(read(&vec![0xc1; 100_000]), Err(Fault::Undecodable), "only tags");
    assert_eq!(read(&vec![0x9f; 100_000]), Err(Fault::Undecodable), "100 000 lists");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&body);
    }

    #[test]
    fn what_ciborium_writes_is_read(numbers in proptest::collection::btree_map(".{0,8}", any::<i64>(), 0..20), real in any::<f64>()) {
        let mut body = Vec::new();
        ciborium::into_writer(&(&numbers, real), &mut body).unwrap();
        let real = if real.is_finite() { json!(real) } else { json!(NOT_FINITE) };
        assert_eq!(read(&body), Ok(json!([numbers, real])));
    }
}
