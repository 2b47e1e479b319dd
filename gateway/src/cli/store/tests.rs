//! A store is written, taken out, filtered and put into another one; every command as it is typed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod post;
mod texts;

use super::StoreCommand;
use crate::cli::Exit;
use crate::forward::batch::{Bounds, Packer};
use crate::store::card::Card;
use crate::store::{self, Append, Options, Overflow, RealDisk, Sink};
use clap::Parser;
use facility_config::series::{Class, Type};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Batch, Clock, Metric, Quality, Subject, Value};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

const NOW_MS: i64 = 1_790_000_000_000;
const BATCHES: usize = 400;

#[derive(Parser)]
struct Typed {
    #[command(subcommand)]
    command: StoreCommand,
}

/// Does what somebody types behind `facility-gateway store`; the exit code.
fn run(words: &[&str]) -> u8 {
    let typed = Typed::try_parse_from(std::iter::once("store").chain(words.iter().copied())).unwrap();
    match super::act(&typed.command) {
        Exit::Done => 0,
        Exit::Found(code) | Exit::Start { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn options(dir: &Path, sinks: &[Sink]) -> Options {
    let tags = |nth: usize| crate::forward::line::tags([("device_id", &*format!("fz, {nth}")), ("district", "350102"), ("kind", "a=b")]);
    Options {
        dir: dir.to_owned(),
        name: "test",
        commit_delay: Duration::from_millis(5),
        bytes_max: 1 << 30,
        free_bytes_min: 0,
        overflow: Overflow::DropOldest,
        early_acks: 1,
        origins: (0..3).map(tags).collect(),
        sinks: sinks.to_vec(),
        destinations: Vec::new(),
    }
}

/// Appends to a store and closes it in order.
async fn append(options: Options, batches: Vec<Batch>, cursor: Option<u64>) {
    let opened = store::open(options, Clock::manual(NOW_MS), RealDisk).unwrap();
    for batch in batches {
        opened.store.append(Append { batches: vec![batch], mark: None }).await.unwrap();
    }
    let mut durable = opened.store.durable();
    durable.wait_for(|durable| durable.taken > 0 && durable.pending == 0).await.unwrap();
    if let Some(next) = cursor {
        opened.store.advance(Sink::Forward, store::Cursor { next, delivered: next, ..store::Cursor::default() }).await.unwrap();
    }
    opened.store.close().await.unwrap();
    drop(opened.store);
    opened.thread.join().unwrap();
}

fn batches() -> Vec<Batch> {
    let mut rng = fastrand::Rng::with_seed(3);
    (0..BATCHES as i64).map(|nth| random_batch(&mut rng, NOW_MS + nth * 1000)).collect()
}

fn random_batch(rng: &mut fastrand::Rng, at_ms: i64) -> Batch {
    let points = [Point::CabinetAir, Point::CabinetMode, Point::CabinetDoor, Point::VendingSales, Point::LaneLevel, Point::EventCode];
    let mut batch = Batch::new(DeviceIx(rng.u16(..3)), Subject::Telemetry, at_ms);
    batch.keep = rng.u8(..4) == 0;
    for _ in 0..rng.usize(1..6) {
        let point = points[rng.usize(..points.len())];
        let part = if rng.bool() { Part::WHOLE } else { Part::new(["A 1", "b,c=d", "Ä"][rng.usize(..3)]).unwrap() };
        let value = match (rng.u8(..6), point.info().ty) {
            (0, _) => Value::Missing([Quality::Stale, Quality::SensorError][rng.usize(..2)]),
            (1, Type::Float) => Value::Float([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE][rng.usize(..5)]),
            (2, Type::Float) => Value::Int(rng.i64(-9..9)),
            (_, Type::Float) => Value::Float(f64::from(rng.i32(-400..400)) / 10.0),
            (_, Type::Int) => Value::Int([i64::MIN, i64::MAX, 0][rng.usize(..3)]),
            (_, Type::Bool) => Value::Bool(rng.bool()),
            (_, Type::Text) => Value::Text(["", "制冷", "a \"b\", c\\d", "line\nbreak"][rng.usize(..4)].into()),
        };
        if batch.readings.iter().any(|reading| reading.metric == (Metric { point, part })) {
            continue;
        }
        batch.push(Metric { point, part }, value);
    }
    batch
}

/// A data folder with a store that has all of [`batches`].
async fn data() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let outbox = dir.path().join("outbox");
    append(options(&outbox, &[Sink::Forward]), batches(), Some(100)).await;
    let path = dir.path().to_owned();
    (dir, path)
}

fn exported(data: &Path, more: &[&str]) -> String {
    let out = data.join("out");
    let mut words = vec!["export", data.to_str().unwrap(), "--out", out.to_str().unwrap()];
    words.extend(more);
    assert_eq!(run(&words), 0, "{more:?}");
    std::fs::read_to_string(out).unwrap()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn what_was_exported_and_imported_is_exported_again_the_same() {
    let (_first, from) = data().await;
    let (_second, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let to = to.path();
    let before = exported(&from, &[]);
    let points: usize = batches().iter().map(|batch| batch.readings.len()).sum();
    assert_eq!(before.lines().count(), points);
    let file = from.join("card.jsonl.gz");
    assert_eq!(run(&["export", from.to_str().unwrap(), "--out", file.to_str().unwrap()]), 0);
    assert_eq!(run_apart(&["import", file.to_str().unwrap(), to.to_str().unwrap()]).await, 0);
    assert_eq!(sorted(&exported(to, &[])), sorted(&before));
    // Once more: everything is there twice, and nothing else.
    assert_eq!(run_apart(&["import", file.to_str().unwrap(), to.to_str().unwrap()]).await, 0);
    let twice = before.repeat(2);
    assert_eq!(sorted(&exported(to, &[])), sorted(&twice));
    assert_eq!(run(&["verify", to.to_str().unwrap()]), 0);
}

/// The same for a command that has a runtime of its own.
async fn run_apart(words: &[&str]) -> u8 {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    tokio::task::spawn_blocking(move || run(&words.iter().map(String::as_str).collect::<Vec<_>>())).await.unwrap()
}

#[tokio::test]
async fn lines_are_those_of_the_forwarder_and_a_parser_reads_them() {
    let (_dir, data) = data().await;
    let text = exported(&data, &["--format", "lp"]);
    let mut card = Card::open(&data.join("outbox")).unwrap();
    let mut packer = Packer::new(0, &[Class::Reading, Class::Metric, Class::Event], Bounds { lines: usize::MAX, bytes: usize::MAX });
    while packer.position() < card.end() {
        packer.take(&card.read(packer.position()));
    }
    let batch = packer.finish();
    assert_eq!(text, batch.text(0..batch.len()));
    assert_eq!(influxdb_line_protocol::parse_lines(&text).filter(|line| line.is_ok()).count(), batch.len());
}

#[tokio::test]
async fn filters_are_exact_at_their_borders() {
    let (_dir, data) = data().await;
    let all = batches();
    let count =
        |wanted: &dyn Fn(&Batch) -> bool| -> usize { all.iter().filter(|batch| wanted(batch)).map(|batch| batch.readings.len()).sum() };
    let (from, to) = (NOW_MS + 50_000, NOW_MS + 60_000);
    let (from_text, to_text) = (from.to_string(), jiff::Timestamp::from_millisecond(to).unwrap().to_string());
    let cases: [(&[&str], usize); 6] = [
        (&["--from", &from_text], count(&|batch| batch.at_ms >= from)),
        (&["--to", &to_text], count(&|batch| batch.at_ms < to)),
        (&["--from", &from_text, "--to", &to_text], count(&|batch| (from..to).contains(&batch.at_ms))),
        (&["--from", &from_text, "--to", &from_text], 0),
        (&["--device", "fz, 1"], count(&|batch| batch.device == Some(DeviceIx(1)))),
        (&["--device", "fz, 0", "--device", "fz, 2"], count(&|batch| batch.device != Some(DeviceIx(1)))),
    ];
    for (filter, expected) in cases {
        assert_eq!(exported(&data, filter).lines().count(), expected, "{filter:?}");
    }
    assert_eq!(exported(&data, &["--unsent"]).lines().count(), count(&|_| true) - 100);
    assert_eq!(run(&["export", data.to_str().unwrap(), "--device", "fz"]), 66, "a device that is not there");
}

#[tokio::test]
async fn a_table_has_a_header_and_a_row_for_every_point() {
    let (_dir, data) = data().await;
    let text = exported(&data, &["--format", "csv"]);
    assert!(text.starts_with("time,epoch_ms,device,district,kind,point,part,value,quality,flags\r\n"));
    let rows = texts::csv(&text);
    let all = batches();
    let points: usize = all.iter().map(|batch| batch.readings.len()).sum();
    assert_eq!(rows.len(), points + 1);
    assert!(rows.iter().all(|row| row.len() == 10));
    assert_eq!(
        rows[1][0..5],
        ["2026-09-21T14:13:20.000Z", "1790000000000", &*format!("fz, {}", all[0].device.unwrap().at()), "350102", "a=b"]
    );
    let missing = rows.iter().filter(|row| row[8] == "stale" || row[8] == "sensor_error").inspect(|row| assert_eq!(row[7], ""));
    let expected = all.iter().flat_map(|batch| &batch.readings).filter(|reading| matches!(reading.value, Value::Missing(_)));
    assert_eq!(missing.count(), expected.count());
}

#[tokio::test]
async fn an_import_leaves_what_waits_and_the_mark_of_the_roll_up_alone() {
    let (_dir, data) = data().await;
    let file = data.join("card.jsonl");
    std::fs::write(&file, exported(&data, &[])).unwrap();
    let to = tempfile::tempdir().unwrap();
    let outbox = to.path().join("outbox");
    let opened = store::open(options(&outbox, &[Sink::Forward]), Clock::manual(NOW_MS), RealDisk).unwrap();
    let mut rng = fastrand::Rng::with_seed(8);
    opened.store.append(Append { batches: vec![random_batch(&mut rng, NOW_MS)], mark: Some(4711) }).await.unwrap();
    opened.store.close().await.unwrap();
    let before = exported(to.path(), &[]);
    assert_eq!(run_apart(&["import", file.to_str().unwrap(), to.path().to_str().unwrap()]).await, 0);
    assert!(exported(to.path(), &[]).starts_with(&before));
    let opened = store::open(options(&outbox, &[Sink::Forward]), Clock::manual(NOW_MS), RealDisk).unwrap();
    let durable = opened.store.durable().borrow().clone();
    assert_eq!((durable.mark, durable.cursor(Sink::Forward).next), (Some(4711), 0));
    opened.store.close().await.unwrap();
}

#[tokio::test]
async fn a_destination_that_has_not_run_yet_and_begins_with_what_comes_gets_what_is_imported() {
    let (_dir, data) = data().await;
    let file = data.join("card.jsonl");
    std::fs::write(&file, exported(&data, &[])).unwrap();
    let head = "[gateway]\nid = \"gw-test-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n";
    let city = "[forward.city]\nprotocol = \"file\"\ndir = \"/nowhere\"\nstart = \"now\"\n";
    let places = tempfile::tempdir().unwrap();
    // Known by the configuration of that folder; not by one of another folder.
    for (named, is_owed) in [("this", true), ("another", false)] {
        let to = places.path().join(named);
        std::fs::create_dir_all(&to).unwrap();
        let config = places.path().join(format!("{named}.toml"));
        std::fs::write(&config, format!("{head}[store]\ndir = {:?}\n{city}", places.path().join("this"))).unwrap();
        let words = ["import", file.to_str().unwrap(), to.to_str().unwrap(), "--config", config.to_str().unwrap()];
        assert_eq!(run_apart(&words).await, 0);
        let mut options = options(&to.join("outbox"), &[Sink::Forward]);
        options.destinations = vec![store::Destination { name: "city".into(), start_now: true }];
        let opened = store::open(options, Clock::manual(NOW_MS), RealDisk).unwrap();
        let durable = opened.store.durable().borrow().clone();
        assert_eq!(durable.cursor(Sink::Forward).next, if is_owed { 0 } else { durable.end }, "{named}");
        opened.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_a_point_is_left_out_by_its_line() {
    let (_dir, data) = data().await;
    let good = exported(&data, &[]).lines().next().unwrap().to_owned();
    let bad = [
        "",
        "{}",
        "no json",
        r#"{"at_ms":1,"tags":{},"series":"new.thing","int":1}"#,
        "{\"at_ms\":1,\"tags\":{},\"series\":\"x\",\"int\":1}",
    ];
    let file = data.join("mixed.jsonl");
    std::fs::write(&file, format!("{good}\n{}\n{good}", bad.join("\n"))).unwrap();
    let to = tempfile::tempdir().unwrap();
    assert_eq!(run_apart(&["import", file.to_str().unwrap(), to.path().to_str().unwrap()]).await, 65);
    assert_eq!(exported(to.path(), &[]), format!("{good}\n{good}\n"));
}

#[tokio::test]
async fn a_store_in_use_a_missing_one_and_a_missing_file_have_their_codes() {
    let (_dir, data) = data().await;
    let file = data.join("card.jsonl");
    std::fs::write(&file, exported(&data, &[])).unwrap();
    let (file, folder) = (file.to_str().unwrap(), data.to_str().unwrap());
    let opened = store::open(options(&data.join("outbox"), &[Sink::Forward]), Clock::manual(NOW_MS), RealDisk).unwrap();
    assert_eq!(run_apart(&["import", file, folder]).await, 75);
    for command in ["inspect", "verify"] {
        assert_eq!(run(&[command, folder]), 0, "looking is free");
    }
    opened.store.close().await.unwrap();
    assert_eq!(run_apart(&["import", "/nowhere/card.jsonl", folder]).await, 66);
    assert_eq!(run_apart(&["import", file, "/nowhere"]).await, 66);
    for command in ["inspect", "verify", "export"] {
        assert_eq!(run(&[command, "/nowhere"]), 66);
        assert_eq!(run(&[command, folder, "--store", "readings"]), 66);
    }
}
