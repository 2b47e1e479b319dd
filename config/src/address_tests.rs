#![allow(clippy::unwrap_used)]

use super::*;

const SCHEMES: &[(&str, u16)] = &[("http", 80), ("https", 443)];

#[test]
fn addresses_are_taken_apart() {
    let cases = [
        ("http://host", ("http", "host", 80, "")),
        ("https://host:8086/", ("https", "host", 8086, "")),
        ("https://a.example.cn/base/path/", ("https", "a.example.cn", 443, "/base/path")),
        ("http://[::1]:8428", ("http", "::1", 8428, "")),
        ("http://[fe80::1]", ("http", "fe80::1", 80, "")),
        ("http://10.0.0.1:1", ("http", "10.0.0.1", 1, "")),
    ];
    for (text, expected) in cases {
        let url = url("k", text, SCHEMES).unwrap();
        assert_eq!((url.scheme.as_str(), url.host.as_str(), url.port, url.path.as_str()), expected, "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused() {
    let no = [
        "",
        "host",
        "host:80",
        "ftp://host",
        "http://",
        "http://:80",
        "http://host:0",
        "http://host:65536",
        "http://host:",
        "http://host:x",
        "http://[::1",
        "http://[::g]",
        "http://::1",
        "http://ho st",
        "http://u:p@host",
        "http://u@host/x",
        "http://host/?q",
        "http://host#f",
        "http://host?q",
        "HTTP://host",
        "http://[::1]80",
    ];
    for text in no {
        let fault = url("k", text, SCHEMES).unwrap_err();
        assert_eq!(fault.code, problem::BAD_ADDRESS, "{text}");
        assert!(!fault.message.contains("u:p"), "{}", fault.message);
    }
    assert!(host_and_port("k", "host", None).is_err());
    assert_eq!(host_and_port("k", "host:502", None).unwrap(), ("host".into(), 502));
}

#[test]
fn this_machine_is_known() {
    for (text, local) in
        [("http://localhost", true), ("http://127.1.2.3", true), ("http://[::1]", true), ("http://10.0.0.1", false), ("http://h", false)]
    {
        assert_eq!(url("k", text, SCHEMES).unwrap().is_local(), local, "{text}");
    }
}
