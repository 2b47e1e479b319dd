//! An export goes to a database.

use super::*;
use facility_drivers::sim::tsdb::{Mode, Tsdb};
use std::net::SocketAddr;

async fn send(file: &Path, url: &str) -> u8 {
    run_apart(&["import", file.to_str().unwrap(), "--url", url, "--org", "o", "--bucket", "b"]).await
}

#[tokio::test]
async fn a_database_is_given_the_same_by_both_formats_and_twice() {
    let (_dir, data) = data().await;
    let tsdb = Tsdb::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    tsdb.keep_all(true);
    let (rows, lines) = (data.join("card.jsonl"), data.join("card.lp.gz"));
    std::fs::write(&rows, exported(&data, &[])).unwrap();
    assert_eq!(run(&["export", data.to_str().unwrap(), "--format", "lp", "--out", lines.to_str().unwrap()]), 0);
    assert_eq!(send(&rows, &tsdb.url()).await, 0);
    let points = tsdb.points();
    assert!(points.len() > BATCHES);
    assert_eq!(send(&lines, &tsdb.url()).await, 0);
    assert_eq!(send(&rows, &tsdb.url()).await, 0);
    assert_eq!(tsdb.points(), points);
    assert_eq!(tsdb.summary().conflicts, 0);
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&lines).unwrap()).read_to_string(&mut text).unwrap();
    let fields: usize = influxdb_line_protocol::parse_lines(&text).map(|line| line.unwrap().field_set.len()).sum();
    assert!(fields >= points.len());
}

#[tokio::test]
async fn a_database_that_refuses_the_token_ends_the_command() {
    let (_dir, data) = data().await;
    let rows = data.join("card.jsonl");
    std::fs::write(&rows, exported(&data, &[])).unwrap();
    let tsdb = Tsdb::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    tsdb.set_mode(Mode::Status(401, None));
    assert_eq!(send(&rows, &tsdb.url()).await, 78);
    assert_eq!(send(&rows, "ftp://127.0.0.1").await, 78);
}
