#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::api::tests::server::{PATIENCE, Server};
use crate::status::sample;
use crate::store::memory::memory;
use crate::store::{self, Append, Names, Opened, Options, Overflow, RealDisk, Sink};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Batch, Clock, Metric, Quality, Subject};
use serde_json::json;
use tempfile::TempDir;

/// 2026-09-01T08:00:00+08:00.
const NOW_MS: i64 = sample::NOW_MS;
const CABINET: &str = "tj-aofengzhou-fz-02";
const AIR: &str = "/api/history?device=tj-aofengzhou-fz-02&point=cabinet.air_c";

/// Two real stores that hold what they are told to.
struct Stores {
    _dir: TempDir,
    readings: Store,
    outbox: Store,
    clock: Clock,
}

impl Stores {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(NOW_MS));
        let open = |name: &'static str, sink| {
            let options = Options {
                dir: dir.path().join(name),
                name,
                commit_delay: Duration::from_millis(1),
                bytes_max: 64 << 20,
                overflow: Overflow::DropOldest,
                free_bytes_min: 0,
                early_acks: 1,
                origins: ["gw-gulou-01", CABINET].map(|id| format!("device_id={id},site_id=junmen")).to_vec(),
                sinks: vec![sink],
                destinations: Vec::new(),
            };
            let Opened { store, .. } = store::open(options, clock.clone(), RealDisk).unwrap();
            store
        };
        let (readings, outbox) = (open("readings", Sink::Aggregate), open("outbox", Sink::Forward));
        Self { _dir: dir, readings, outbox, clock }
    }

    /// Values of one point, each at its time, made durable.
    fn keep(store: &Store, metric: impl Into<Metric>, values: impl IntoIterator<Item = (i64, Value)>) {
        let metric = metric.into();
        let batch = |(at_ms, value)| {
            let mut batch = Batch::new(DeviceIx(1), Subject::Telemetry, at_ms);
            batch.push(metric, value);
            batch
        };
        let batches: Vec<Batch> = values.into_iter().map(batch).collect();
        let count = batches.len() as u64;
        let mut durable = store.durable();
        let end = durable.borrow().end + count;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            store.append(Append { batches, mark: None }).await.unwrap();
            timeout(PATIENCE, durable.wait_for(|durable| durable.end >= end)).await.expect("in time").unwrap();
        });
    }

    fn serve(&self) -> Server {
        Server::over(sample::busy(), 0, Logs::new(self.readings.clone(), self.outbox.clone()), self.clock.clone())
    }
}

#[test]
fn samples_have_a_value_or_the_reason_why_there_is_none() {
    let stores = Stores::new();
    let values = [
        (NOW_MS - 86_400_001, Value::Float(1.0)),
        (NOW_MS - 86_400_000, Value::Float(-18.5)),
        (NOW_MS - 60_000, Value::Missing(Quality::SensorError)),
        (NOW_MS - 1, Value::Float(-17.25)),
        (NOW_MS, Value::Float(2.0)),
    ];
    Stores::keep(&stores.readings, Point::CabinetAir, values);
    let answer = stores.serve().get(AIR);
    let expected = json!({
        "device": CABINET, "name": "cabinet.air_c", "part": "", "type": "float", "unit": "°C", "en": "air temperature", "zh": "柜温",
        "from_ms": NOW_MS - 86_400_000, "to_ms": NOW_MS,
        "samples": [[NOW_MS - 86_400_000, -18.5], [NOW_MS - 60_000, null, "sensor_error"], [NOW_MS - 1, -17.25]],
        "next_ms": null, "unreadable": 0,
    });
    assert_eq!((answer.code, answer.json()), (200, expected));
}

#[test]
fn buckets_are_what_the_samples_say() {
    let stores = Stores::new();
    let from_ms = NOW_MS - 1_000;
    let mut rng = fastrand::Rng::with_seed(11);
    // Eighths: their sum is exact in any order. The second quarter is silent.
    let said: Vec<(i64, f64)> =
        (0..1_000).filter(|at| !(250..500).contains(at)).map(|at| (from_ms + at, f64::from(rng.i32(-99..99)) / 8.0)).collect();
    Stores::keep(&stores.readings, Point::CabinetAir, said.iter().map(|(at_ms, value)| (*at_ms, Value::Float(*value))));
    let server = stores.serve();
    for buckets in [1, 4, 8, 1_000, 10_000] {
        let answer = server.get(&format!("{AIR}&from={from_ms}&to={NOW_MS}&buckets={buckets}")).json();
        let parts = buckets.min(1_000);
        let of = |nth: i64| {
            let bounds = from_ms + 1_000 * nth / parts..from_ms + 1_000 * (nth + 1) / parts;
            let inside: Vec<f64> = said.iter().filter(|(at_ms, _)| bounds.contains(at_ms)).map(|(_, value)| *value).collect();
            let (min, max) = inside.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (value.min(min), value.max(max)));
            let mean = inside.iter().sum::<f64>() / inside.len() as f64;
            (!inside.is_empty()).then(|| json!([bounds.start, min, max, mean, inside.len()]))
        };
        assert_eq!(answer["buckets"], json!((0..parts).filter_map(of).collect::<Vec<_>>()), "{buckets}");
        assert!(answer.get("samples").is_none());
    }
}

#[test]
fn of_a_figure_that_was_revised_the_newest_issue_is_told() {
    let stores = Stores::new();
    let day = Metric { point: Point::CabinetKpiAirMean, part: Part::new("1d").unwrap() };
    let (first_ms, next_ms) = (NOW_MS - 80_000_000, NOW_MS - 40_000_000);
    let told = [(first_ms, -18.0), (next_ms, -19.0), (first_ms, -18.5), (first_ms, -18.25)];
    Stores::keep(&stores.outbox, day, told.map(|(at_ms, mean_c)| (at_ms, Value::Float(mean_c))));
    let answer = stores.serve().get(&format!("/api/history?device={CABINET}&point=cabinet_kpi.air_mean_c&part=1d")).json();
    assert_eq!(answer["samples"], json!([[first_ms, -18.25], [next_ms, -19.0]]));
    let asked = format!("/api/history?device={CABINET}&point=cabinet_kpi.air_mean_c&part=1d&from={first_ms}&to={NOW_MS}&buckets=1");
    assert_eq!(stores.serve().get(&asked).json()["buckets"], json!([[first_ms, -19.0, -18.25, -18.625, 2]]), "and counted once");
}

#[test]
fn metrics_parts_words_and_the_gateway_itself_can_be_asked_for() {
    let stores = Stores::new();
    let at_ms = NOW_MS - 1_000;
    let lane = Metric { point: Point::LaneLevel, part: Part::new("A 1").unwrap() };
    Stores::keep(&stores.readings, lane, [(at_ms, Value::Int(5))]);
    Stores::keep(&stores.readings, Point::CabinetDoor, [(at_ms, Value::Bool(true)), (at_ms + 1, Value::Bool(false))]);
    Stores::keep(&stores.readings, Point::CabinetMode, [(at_ms, Value::Text("drip".into()))]);
    Stores::keep(&stores.outbox, Point::Cabinet5mAirMax, [(at_ms, Value::Float(-16.5))]);
    let server = stores.serve();
    for (asked, ty, values) in [
        ("point=lane.level&part=A%201", "int", json!([[at_ms, 5]])),
        ("point=lane.level&part=A+1&buckets=1", "int", json!([[NOW_MS - 86_400_000, 5.0, 5.0, 5.0, 1]])),
        ("point=lane.level&part=A2", "int", json!([])),
        ("point=cabinet.door_open", "bool", json!([[at_ms, true], [at_ms + 1, false]])),
        ("point=cabinet.door_open&buckets=1", "bool", json!([[NOW_MS - 86_400_000, 0.0, 1.0, 0.5, 2]])),
        ("point=cabinet.mode", "text", json!([[at_ms, "drip"]])),
        ("point=cabinet_5m.air_max_c", "float", json!([[at_ms, -16.5]])),
        ("point=vending.vends_total&part=", "int", json!([])),
    ] {
        let answer = server.get(&format!("/api/history?device={CABINET}&{asked}")).json();
        let found = if asked.contains("buckets") { &answer["buckets"] } else { &answer["samples"] };
        assert_eq!((&answer["type"], found), (&json!(ty), &values), "{asked}");
    }
    assert_eq!(server.get("/api/history?device=gw-gulou-01&point=gateway.uptime_s").json()["samples"], json!([]));
}

#[test]
fn a_unit_is_the_end_of_the_field() {
    for (point, unit) in [
        (Point::CabinetAir, "°C"),
        (Point::Cabinet5mAirMin, "°C"),
        (Point::Cabinet5mDegreeMin, "°C min"),
        (Point::Cabinet5mDoorOpenS, "s"),
        (Point::EnergyTotal, "kWh"),
        (Point::EnergyPowerFactor, ""),
        (Point::VendingSales, "fen"),
        (Point::VendingVends, ""),
        (Point::LaneMin, ""),
        (Point::LockerTotal, ""),
        (Point::GatewayRss, "B"),
        (Point::GatewayCardWritten, "B/d"),
    ] {
        assert_eq!(point.unit(), unit, "{point}");
    }
}

#[test]
fn a_span_is_named_in_milliseconds_or_rfc_3339() {
    let server = Stores::new().serve();
    let day = 86_400_000;
    for (asked, from_ms, to_ms) in [
        ("", NOW_MS - day, NOW_MS),
        ("&to=1788200000000", 1_788_200_000_000 - day, 1_788_200_000_000),
        ("&from=1788200000000", 1_788_200_000_000, NOW_MS),
        ("&from=2026-09-01T07:00:00%2B08:00", NOW_MS - 3_600_000, NOW_MS),
        ("&from=2026-09-01T07:00:00+08:00&to=2026-08-31T23:30:00.250Z", NOW_MS - 3_600_000, NOW_MS - 1_799_750),
        ("&from=0&to=253402300799999", 0, 253_402_300_799_999),
    ] {
        let answer = server.get(&format!("{AIR}{asked}")).json();
        assert_eq!((&answer["from_ms"], &answer["to_ms"]), (&json!(from_ms), &json!(to_ms)), "{asked}");
    }
}

#[test]
fn a_wrong_question_is_told_what_to_do() {
    let server = Stores::new().serve();
    for (asked, code, hint) in [
        ("", 400, "/api/devices"),
        ("device=tj-aofengzhou-fz-02", 400, "cabinet.air_c"),
        ("point=cabinet.air_c", 400, "/api/devices"),
        ("device=tj-aofengzhou-fz-20&point=cabinet.air_c", 404, "Did you mean tj-aofengzhou-fz-02?"),
        ("device=nobody&point=cabinet.air_c", 404, "See /api/devices"),
        ("device=&point=cabinet.air_c", 404, "See /api/devices"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air", 404, "Did you mean cabinet.air_c?"),
        ("device=tj-aofengzhou-fz-02&point=weather", 404, "See /api/devices"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&part=%0a", 400, "at most 23 bytes"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&part=123456789012345678901234", 400, "at most 23 bytes"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&from=yesterday", 400, "RFC 3339"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&to=", 400, "RFC 3339"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&from=-1", 400, "RFC 3339"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&to=99999999999999999999", 400, "RFC 3339"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&from=1788220800000&to=1788220800000", 400, "before `to`"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&from=2030-01-01T00:00:00Z", 400, "before `to`"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&buckets=0", 400, "1 to 10000"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&buckets=10001", 400, "1 to 10000"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&buckets=many", 400, "1 to 10000"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.mode&buckets=5", 400, "without `buckets`"),
        ("device=tj-aofengzhou-fz-02&point=cabinet.air_c&limit=5", 400, "device=ID&point="),
        ("device=tj-aofengzhou-fz-02&device=tj-aofengzhou-fz-02&point=cabinet.air_c", 400, "each once"),
    ] {
        let answer = server.get(&format!("/api/history?{asked}"));
        let problem = answer.json();
        assert_eq!(answer.code, code, "{asked}: {problem}");
        assert!(!problem["error"].as_str().unwrap().is_empty(), "{asked}");
        assert!(problem["hint"].as_str().unwrap().contains(hint), "{asked}: {problem}");
    }
}

#[test]
fn too_many_samples_go_on_where_the_answer_says() {
    let stores = Stores::new();
    let (all, from_ms) = (API_HISTORY_SAMPLES_MAX as i64 + 5, NOW_MS - 50_000);
    // Two of each moment: none of them is torn apart.
    for nth in (0..all).step_by(4_000) {
        let some = (nth..(nth + 4_000).min(all)).map(|nth| (from_ms + (nth + 1) / 2, Value::Int(nth)));
        Stores::keep(&stores.readings, Point::VendingVends, some);
    }
    let server = stores.serve();
    let (mut found, mut at_ms, mut answers) = (Vec::new(), from_ms, 0);
    while answers < 5 {
        answers += 1;
        let answer = server.get(&format!("/api/history?device={CABINET}&point=vending.vends_total&from={at_ms}")).json();
        found.extend(answer["samples"].as_array().unwrap().iter().map(|sample| sample[1].as_i64().unwrap()));
        let Some(next_ms) = answer["next_ms"].as_i64() else { break };
        at_ms = next_ms;
    }
    assert_eq!((found, answers), ((0..all).collect(), 2));
}

#[test]
fn more_samples_of_one_moment_than_an_answer_holds_stay_together() {
    let mut samples = vec![(7, Value::Int(0)); API_HISTORY_SAMPLES_MAX + 9];
    assert_eq!((cut(&mut samples), samples.len()), (Some(8), API_HISTORY_SAMPLES_MAX + 9));
    samples.truncate(API_HISTORY_SAMPLES_MAX);
    assert_eq!((cut(&mut samples), cut(&mut Vec::new())), (None, None));
}

#[test]
fn a_store_that_is_closed_is_told_as_such() {
    let stores = Stores::new();
    let server = stores.serve();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(stores.readings.close()).unwrap();
    let answer = server.get(AIR);
    assert_eq!((answer.code, &answer.json()["error"]), (503, &json!("the store has stopped")));
    assert_eq!(server.get("/api/history?device=tj-aofengzhou-fz-02&point=cabinet_5m.air_max_c").code, 200, "the other one answers");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let (readings, silent) = memory(Names::default());
    silent.ignore_history();
    let logs = Logs::new(readings, memory(Names::default()).0);
    let asked = Asked::of(CABINET, "cabinet.air_c");
    let status = sample::busy();
    for (error, taken) in [("the store does not answer", 0), ("this takes too long", API_HISTORIES_MAX as u32)] {
        let _places = logs.places.acquire_many(taken).await.unwrap();
        let refusal = logs.answer(&asked, &status, NOW_MS).await.unwrap_err();
        assert_eq!((refusal.code, refusal.error.as_str()), (StatusCode::SERVICE_UNAVAILABLE, error));
    }
}
