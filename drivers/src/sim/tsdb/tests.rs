#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const WRITE: &str = "/api/v2/write?org=o&bucket=b&precision=ms";

fn start() -> Tsdb {
    let tsdb = Tsdb::start("127.0.0.1:0".parse().unwrap()).unwrap();
    tsdb.keep_all(true);
    tsdb
}

/// Status and answer; `None` if the connection was closed without a byte.
async fn post(tsdb: &Tsdb, path: &str, headers: &str, body: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(tsdb.addr()).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    let read =
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.expect("an answer or an end in time");
    if read.is_err() || answer.is_empty() {
        return None;
    }
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, answer.split_once("\r\n\r\n").unwrap().1.to_owned()))
}

async fn status(tsdb: &Tsdb, body: &str) -> Option<u16> {
    post(tsdb, WRITE, "", body.as_bytes()).await.map(|(status, _)| status)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(3));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn counts_repetitions_and_contradictions_whatever_the_order_of_tags() {
    let tsdb = start();
    assert_eq!(status(&tsdb, "cabinet,a=1,b=2 t=4.5,door=true 10\ncabinet,a=1,b=3 t=4.5 10").await, Some(204));
    assert_eq!(status(&tsdb, "cabinet,b=2,a=1 t=4.5 10").await, Some(204));
    assert_eq!(status(&tsdb, "cabinet,a=1,b=2 t=5 10").await, Some(204));
    let summary = tsdb.summary();
    assert_eq!((summary.lines, summary.points, summary.duplicates, summary.conflicts, summary.requests), (4, 5, 1, 1, 3));
    assert_eq!(summary.measurements.get("cabinet"), Some(&5));
    let key = ("cabinet,a=1,b=2".to_owned(), "t".to_owned(), 10);
    assert_eq!((tsdb.points().len(), tsdb.points()[&key].as_str()), (3, "5.0"));
}

#[tokio::test]
async fn recognises_repetitions_without_keeping_everything() {
    let tsdb = start();
    tsdb.keep_all(false);
    for line in ["m,a=1 v=1i 10", "m,a=1 v=1i 10", "m,a=1 v=2i 10", "m,a=1 v=2i 11"] {
        assert_eq!(status(&tsdb, line).await, Some(204));
    }
    let summary = tsdb.summary();
    assert_eq!((summary.points, summary.duplicates, summary.conflicts), (4, 1, 1));
    assert!(tsdb.points().is_empty() && tsdb.requests().is_empty());
}

#[tokio::test]
async fn every_precision_ends_in_milliseconds() {
    for (precision, at) in [("s", "7"), ("ms", "7000"), ("us", "7000000"), ("ns", "7000000000")] {
        let tsdb = start();
        let path = format!("/api/v2/write?org=o&bucket=b&precision={precision}");
        let answer = post(&tsdb, &path, "", format!("m v=1 {at}").as_bytes()).await;
        assert_eq!(answer.unwrap().0, 204, "{precision}");
        assert_eq!(tsdb.points().keys().next().unwrap().2, 7000, "{precision}");
    }
}

#[tokio::test]
async fn a_bad_line_refuses_the_whole_request() {
    for bad in ["m,a= v=1 1", "m v=NaN 1", "m v=\"open 1", "m v=1 1 1", "m 1", ",a=1 v=1 1", "m,a=1,a=2\\ v=1 1"] {
        let tsdb = start();
        let answer = post(&tsdb, WRITE, "", format!("good v=1 1\n{bad}\n").as_bytes()).await.unwrap();
        assert_eq!(answer.0, 400, "{bad}");
        assert!(answer.1.contains(r#""code":"invalid""#), "{bad}: {}", answer.1);
        assert_eq!(tsdb.summary().lines, 0, "{bad}");
    }
}

#[tokio::test]
async fn misbehaves_as_told() {
    let table = [
        (Mode::Up, Some(204), 1),
        (Mode::Down, Some(503), 0),
        (Mode::Status(429, Some(7)), Some(429), 0),
        (Mode::Drop, None, 0),
        (Mode::StoreThenDrop, None, 1),
        (Mode::Portal, Some(200), 0),
    ];
    for (mode, expected, lines) in table {
        let tsdb = start();
        tsdb.set_mode(mode);
        assert_eq!(status(&tsdb, "m v=1 1").await, expected, "{mode:?}");
        assert_eq!(tsdb.summary().lines, lines, "{mode:?}");
        assert_eq!(tsdb.requests().len(), 1, "{mode:?}");
    }
}

#[tokio::test]
async fn a_request_that_hangs_is_let_go_when_the_mode_changes() {
    let tsdb = start();
    tsdb.set_mode(Mode::Hang);
    let (answer, ()) = tokio::join!(status(&tsdb, "m v=1 1"), async {
        while tsdb.shared.mode.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        tsdb.set_mode(Mode::Up);
    });
    assert_eq!((answer, tsdb.summary().lines), (None, 0));
    assert_eq!(status(&tsdb, "m v=1 1").await, Some(204));
}

#[tokio::test]
async fn checks_what_it_is_told_to_check() {
    let tsdb = start();
    tsdb.require_token(Some("secret"));
    assert_eq!(status(&tsdb, "m v=1 1").await, Some(401));
    assert_eq!(post(&tsdb, WRITE, "authorization: Token secret\r\n", b"m v=1 1").await.unwrap().0, 204);
    tsdb.require_token(None);
    assert_eq!(post(&tsdb, "/api/v2/write?org=o", "", b"m v=1 1").await.unwrap().0, 404);
    tsdb.limit_body(Some(9));
    assert_eq!(status(&tsdb, "m v=1 1\nm v=1 2").await, Some(413));
    tsdb.limit_body(None);
    tsdb.refuse_lines_with("poison", 422);
    assert_eq!(status(&tsdb, "m v=1 1\npoison v=1 2").await, Some(422));
    assert_eq!(tsdb.summary().lines, 1);
}

#[tokio::test]
async fn unpacks_gzip_but_no_bomb() {
    let tsdb = start();
    let encoding = "content-encoding: gzip\r\n";
    assert_eq!(post(&tsdb, WRITE, encoding, &gzip(b"m v=1 1")).await.unwrap().0, 204);
    assert_eq!(post(&tsdb, WRITE, encoding, b"m v=1 1").await.unwrap().0, 400);
    assert_eq!(post(&tsdb, WRITE, encoding, &gzip(&vec![b'\n'; SIM_TSDB_BODY_BYTES_MAX + 1])).await.unwrap().0, 413);
    assert_eq!(tsdb.summary().lines, 1);
}

#[tokio::test]
async fn never_listens_beyond_loopback_and_frees_its_port() {
    assert_eq!(Tsdb::start("0.0.0.0:0".parse().unwrap()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    let tsdb = start();
    let addr = tsdb.addr();
    tsdb.stop().await;
    let again = Tsdb::start(addr).unwrap();
    assert_eq!(status(&again, "m v=1 1").await, Some(204));
}
