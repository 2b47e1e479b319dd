#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
pub(super) mod server;

use super::*;
use crate::status::sample;
use facility_config::limits::{API_CONNECTIONS_MAX, API_REQUEST_BYTES_MAX, STATUS_AGE_MS_MAX};
use server::{Answer, PATIENCE, Server};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn only_loopback_is_listened_on() {
    for addr in ["0.0.0.0:0", "[::]:0", "192.168.1.5:0", "[fe80::1]:0"] {
        let error = Api::bind(addr.parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{addr}");
        assert!(error.to_string().contains("ssh -L"), "{error}");
    }
    assert_ne!(Api::bind("127.0.0.1:0".parse().unwrap()).unwrap().addr().port(), 0);
}

#[test]
fn every_route_answers_with_its_type_and_the_headers() {
    let server = Server::showing(sample::busy(), 0);
    for (path, code, content_type) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/app.js", 200, "text/javascript; charset=utf-8"),
        ("/app.css", 200, "text/css; charset=utf-8"),
        ("/healthz", 200, "application/json"),
        ("/metrics", 200, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("/api/status", 200, "application/json"),
        ("/api/status?again", 200, "application/json"),
        ("/api/devices", 200, "application/json"),
        ("/api/devices/tj-aofengzhou-fz-02", 200, "application/json"),
        ("/chart.js", 200, "text/javascript; charset=utf-8"),
        ("/api/history?device=gl-junmen-em-01&point=energy.active_w", 200, "application/json"),
        ("/api/history", 400, "application/json"),
        ("/api/bus/nobody/trace", 404, "application/json"),
        ("/api/mqtt/nobody/tail", 404, "application/json"),
        ("/api/devices/nobody", 404, "application/json"),
        ("/api/devices/%ff", 400, "text/plain; charset=utf-8"),
        ("/api", 404, "application/json"),
        ("/../etc/passwd", 404, "application/json"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.code, answer.headers["content-type"].as_str()), (code, content_type), "{path}");
        for (header, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[header], value, "{path}");
        }
        assert!(answer.headers["content-security-policy"].starts_with("default-src 'self';"), "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
}

#[test]
fn the_snapshot_and_its_devices_are_shown_as_published() {
    let server = Server::showing(sample::busy(), 0);
    let status = server.get("/api/status").json();
    assert_eq!(status, serde_json::to_value(&**server.publish.borrow()).unwrap());
    assert_eq!(server.get("/api/devices").json(), status["devices"]);
    assert_eq!(server.get("/api/devices/gl-junmen-em-01").json(), status["devices"][2]);
    assert_eq!(server.get("/api/devices/nobody").json()["error"], "no such device");
    let mut next = sample::busy();
    next.gateway.uptime_s = 4711;
    server.publish.send(Arc::new(next)).unwrap();
    assert_eq!(server.get("/api/status").json()["gateway"]["uptime_s"], 4711);
}

#[test]
fn head_is_get_without_the_body() {
    let server = Server::showing(sample::busy(), 0);
    for path in ["/", "/healthz", "/app.js"] {
        let get = server.get(path);
        let head = server.ask(&format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        assert_eq!((head.code, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.headers["content-type"], get.headers["content-type"]);
    }
}

#[test]
fn only_this_machines_own_names_are_answered() {
    let server = Server::showing(sample::busy(), 0);
    let port = server.addr.port();
    let host = |host: &str| format!("GET /api/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let head = "GET /api/status HTTP/1.1\r\nConnection: close\r\n";
    for (request, code) in [
        (host("localhost"), 200),
        (host("LocalHost:8080"), 200),
        (host(&format!("127.0.0.1:{port}")), 200),
        (host("[::1]:9"), 200),
        (host("evil.example.cn"), 421),
        (host("localhost.evil.example.cn"), 421),
        (host("127.0.0.1.evil.example.cn"), 421),
        (host("192.168.1.5"), 421),
        (host("localhost@evil.example.cn"), 421),
        (host("evil.example.cn@localhost"), 421),
        (host("0.0.0.0"), 421),
        (host(""), 400),
        (format!("{head}\r\n"), 400),
        (format!("{head}Host: localhost\r\nHost: evil.example.cn\r\n\r\n"), 400),
        ("GET http://evil.example.cn/api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(), 421),
    ] {
        let answer = server.ask(&request);
        assert_eq!(answer.code, code, "{request}");
        assert_eq!(answer.body.contains("gw-gulou-01"), code == 200, "{request}");
    }
}

#[test]
fn nothing_can_be_changed() {
    let server = Server::showing(sample::busy(), 0);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let answer =
            server.ask(&format!("{method} /api/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        assert_eq!((answer.code, answer.headers["allow"].as_str()), (405, "GET, HEAD"), "{method}");
        assert_eq!(answer.json()["error"], "method not allowed");
    }
}

#[test]
fn health_is_ok_degraded_or_critical() {
    let mut full = sample::well();
    full.stores[0].fault = Some("no space left on device".into());
    let mut info = sample::well();
    info.rates.dropped_recent.insert("out_of_range", 1);
    for (case, status, age_ms, code, word, first) in [
        ("well", sample::well(), 0, 200, "ok", None),
        ("something to know", info.judged(), 0, 200, "ok", Some("GW-H032")),
        ("something to do", sample::busy(), 0, 200, "degraded", Some("GW-H012")),
        ("store cannot write", full.judged(), 0, 503, "critical", Some("GW-H001")),
        ("pipeline stands still", sample::well(), STATUS_AGE_MS_MAX + 5_000, 503, "critical", Some("GW-H002")),
    ] {
        let answer = Server::showing(status, age_ms).get("/healthz");
        let health = answer.json();
        assert_eq!((answer.code, &health["status"]), (code, &word.into()), "{case}");
        assert_eq!(health["reasons"][0]["code"].as_str(), first, "{case}");
    }
}

/// What a scraper understands of the text: name with labels, to value. Panics on any line that is neither a comment,
/// nor a sample of a family that was announced with help and type.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    let mut help = String::new();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.last(), Some(&"# EOF"));
    for line in &lines[..lines.len() - 1] {
        if let Some(rest) = line.strip_prefix("# ") {
            let [keyword, name, words] = rest.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            match keyword {
                "HELP" => help = name.to_owned(),
                "TYPE" => {
                    assert_eq!(help, name, "a type follows its help: {line}");
                    assert!(kinds.insert(name.to_owned(), words.to_owned()).is_none(), "announced twice: {line}");
                }
                "UNIT" => assert!(name.ends_with(words), "the unit ends the name: {line}"),
                other => panic!("{other}: {line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let (name, labels) = series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest.strip_suffix('}').unwrap()));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
        well_formed(labels);
        let family = ["_total", "_info"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        let kind = kinds.get(family).unwrap_or_else(|| panic!("not announced: {line}"));
        assert_eq!((name.ends_with("_total"), name.ends_with("_info")), (kind == "counter", kind == "info"), "{line}");
        assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
    }
    samples
}

/// `name="value",…` with `\`, `"` and line ends escaped in values.
fn well_formed(labels: &str) {
    let mut rest = labels;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{labels}"));
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{labels}");
        let mut escaped = false;
        let end = after.find(|c: char| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        rest = &after[end.unwrap_or_else(|| panic!("{labels}")) + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

#[test]
fn every_line_of_the_metrics_is_valid_and_the_account_balances_in_them() {
    let samples = parsed(&Server::showing(sample::busy(), 0).get("/metrics").body);
    for account in ["messages", "readings", "metrics"] {
        let term = |name: &str| samples[&format!("facility_gateway_account_{name}{{account=\"{account}\"}}")];
        let dropped: f64 = samples
            .iter()
            .filter(|(series, _)| series.starts_with(&format!("facility_gateway_account_dropped_total{{account=\"{account}\"")))
            .map(|(_, n)| n)
            .sum();
        assert_eq!(term("received_total"), term("delivered_total") + term("buffered") + dropped + term("dead_lettered_total"), "{account}");
        assert_eq!(term("missing"), 0.0);
    }
    for (series, value) in [
        (r#"build_info{version="0.1.0",gw_id="gw-gulou-01",site_id="junmen",district="350102"}"#, 1.0),
        (r#"account_dropped_total{account="messages",reason="unknown_device"}"#, 17.0),
        (r#"times_corrected_total{reason="clock_ahead"}"#, 12.0),
        (r#"store_disk_bytes{store="readings"}"#, 13_600_000.0),
        (r#"store_backlog_points{store="outbox"}"#, 400.0),
        (r#"store_writable{store="outbox"}"#, 1.0),
        ("card_capacity_bytes", 15_758_000_128.0),
        ("card_written_bytes_total", 597_917_696.0),
        ("card_written_bytes_per_day", 600_000_000.0),
        ("card_store_bytes_per_day", 450_000_000.0),
        ("card_projected_life_years", 36.0),
        ("card_life_used_ratio", 0.1),
        ("card_reserve_state", 1.0),
        (r#"link_up{kind="broker",link="local"}"#, 1.0),
        (r#"link_up{kind="bus",link="rs485-b"}"#, 0.0),
        (r#"link_faults_total{kind="bus",link="rs485-a",reason="timeout"}"#, 1_204.0),
        (r#"device_online{device_id="gl-junmen-lk-02",kind="locker"}"#, 0.0),
        (r#"alarm_active{device_id="tj-aofengzhou-fz-02",rule="frozen_high"}"#, 1.0),
        (r#"condition{code="GW-H012",subject="rs485-b"}"#, 1.0),
        (r#"forward_wire_bytes_total{destination="main"}"#, 201_344.0),
        (r#"dropped_values_total{device_id="cs-jinzhou-vm-03",place="/temps/air",reason="wrong_type"}"#, 12.0),
        (r#"strangers{link="local"}"#, 1.0),
        ("dead_letters", 3.0),
        ("uptime_seconds", 86_400.0),
    ] {
        assert_eq!(samples.get(&format!("facility_gateway_{series}")), Some(&value), "{series}");
    }
    assert!(!samples.keys().any(|series| series.contains("gl-junmen-cc-01\",rule")), "an alarm whose delay runs is not active");
    #[cfg(target_os = "linux")]
    assert!(samples["process_resident_memory_bytes"] > 1e6 && samples["process_cpu_seconds_total"] >= 0.0);
}

#[test]
fn odd_names_stay_inside_their_label() {
    let mut status = sample::busy();
    status.links[0].name = "a\"b\\c\nd} 1".into();
    let samples = parsed(&Server::showing(status, 0).get("/metrics").body);
    assert_eq!(samples[r#"facility_gateway_link_up{kind="broker",link="a\"b\\c\nd} 1"}"#], 1.0);
}

#[test]
fn a_gateway_that_has_only_just_started_is_shown_too() {
    let server = Server::showing(Status::starting(sample::busy().gateway), 0);
    assert_eq!(server.get("/healthz").json()["status"], "ok");
    assert_eq!(parsed(&server.get("/metrics").body)["facility_gateway_account_received_total{account=\"readings\"}"], 0.0);
    assert_eq!(server.get("/api/devices").json(), serde_json::json!([]));
}

#[test]
fn what_is_not_known_of_the_card_has_no_sample() {
    let card = |status: Status| -> Vec<String> {
        let samples = parsed(&Server::showing(status, 0).get("/metrics").body);
        samples.into_keys().filter_map(|series| series.strip_prefix("facility_gateway_card_").map(str::to_owned)).collect()
    };
    let mut young = sample::well();
    let wear = &mut young.wear;
    (wear.written_bytes_per_day, wear.store_bytes_per_day, wear.life_years, wear.life_used, wear.reserve) = (None, None, None, None, None);
    assert_eq!(card(young), ["capacity_bytes", "written_bytes_total"]);
    let without = crate::status::WearInfo::without(crate::wear::card::NoCard::NoDevice);
    assert_eq!(card(Status { wear: without, ..sample::well() }), Vec::<String>::new());
}

#[test]
fn one_connection_serves_many_requests() {
    let server = Server::showing(sample::busy(), 0);
    let mut stream = server.connect();
    let request = b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for _ in 0..API_REQUEST_BYTES_MAX / request.len() + 2 {
        stream.write_all(request).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert_eq!(Answer::parse(&String::from_utf8(head).unwrap()).code, 204);
    }
}

#[test]
fn a_request_without_end_is_cut_off() {
    let server = Server::showing(sample::busy(), 0);
    let mut stream = server.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ").unwrap();
    // Writing fails at some point, or all of it is taken by the kernel: either way nobody answers.
    let _ = stream.write_all(&vec![b'a'; API_REQUEST_BYTES_MAX * 4]);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains(" 200 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(server.get("/healthz").code, 200, "others are served");
}

#[test]
fn connections_over_the_limit_wait_for_a_place() {
    let server = Server::showing(sample::busy(), 0);
    let mut crowd: Vec<TcpStream> = (0..API_CONNECTIONS_MAX).map(|_| server.connect()).collect();
    for stream in &mut crowd {
        // Half a request, so that each surely has its place, in order.
        stream.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    }
    let mut late = server.connect();
    late.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    late.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(late.read(&mut [0]).is_err(), "answered though every place is taken");
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    for stream in &mut crowd {
        stream.write_all(b"Host: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(Answer::parse(&text).code, 200);
    }
    let mut text = String::new();
    late.read_to_string(&mut text).unwrap();
    assert_eq!(Answer::parse(&text).code, 200);
}

#[test]
fn told_to_stop_it_ends_though_a_connection_stays_open() {
    let server = Server::showing(sample::busy(), 0);
    let mut idle = server.connect();
    idle.write_all(b"GET / HT").unwrap();
    drop(server);
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest);
    assert!(rest.is_empty());
}
