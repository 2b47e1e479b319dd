#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::chain::chain;
use super::hop::{self, Hop, Step, Verdict};
use super::seen::Seen;
use super::stopped;
use crate::status::sample::{NOW_MS, busy, well};
use facility_config::Site;
use serde_json::{Value, json};

const SITE: &str = r#"
[gateway]
id = "gw-gulou-01"
site = "junmen"
district = "350102"
[store]
dir = "nowhere"
[mqtt.local]
url = "mqtt://127.0.0.1"
[bus.rs485-a]
transport = "tcp"
address = "127.0.0.1:502"
[forward.main]
url = "https://tsdb.example.cn/insert"
org = "o"
bucket = "b"
[device.gl-junmen-lk-01]
profile = "locker"
mqtt = "local"
[device.gl-junmen-lk-02]
profile = "locker"
mqtt = "local"
[device.gl-junmen-em-01]
profile = "eastron-sdm120"
bus = "rs485-a"
unit = 3
[device.gl-junmen-new-01]
profile = "locker"
mqtt = "local"
"#;
const LOCKER: &str = "gl-junmen-lk-01";
const METER: &str = "gl-junmen-em-01";

fn site() -> Site {
    facility_config::from_toml("explain", SITE).unwrap()
}

/// What a well gateway says, changed, as it comes over the wire.
fn seen(change: impl FnOnce(&mut Value)) -> Seen {
    let mut status = well();
    // A good day with nothing refused for good.
    status.forward[0].dead_lettered = 0;
    let mut status = serde_json::to_value(&status).unwrap();
    change(&mut status);
    let mut seen: Seen = serde_json::from_value(status).unwrap();
    seen.windows = Some(vec![(NOW_MS - 900_000, 1.0), (NOW_MS - 600_000, 1.0)]);
    seen
}

fn of<'v>(status: &'v mut Value, list: &str, key: &str, name: &str) -> &'v mut Value {
    status[list].as_array_mut().unwrap().iter_mut().find(|one| one[key] == name).unwrap()
}

fn step(hops: &[Hop], step: Step) -> &Hop {
    hops.iter().find(|hop| hop.step == step).unwrap()
}

#[test]
fn on_a_good_day_every_hop_is_well() {
    for id in [LOCKER, METER] {
        let hops = chain(&seen(|_| {}), &site(), id);
        assert_eq!(hops.len(), 9);
        let bad: Vec<_> = hops.iter().filter(|hop| hop.verdict != Verdict::Ok).collect();
        assert!(bad.is_empty(), "{id}: {bad:#?}");
        assert!(hop::verdict(&hops, id).0.contains("device_id"), "the dashboard's query is left");
    }
}

/// What is wrong, of which device, which hop is the first to fail, and words of its evidence and of what to do.
type Case = (&'static str, &'static str, fn(&mut Value), Step, &'static str, &'static str);

const FAILED: [Case; 14] = [
    ("a name like it", "gl-junmen-lk-1", |_| {}, Step::Declared, "not declared", "Did you mean gl-junmen-lk-01?"),
    ("no name like it", "zzz", |_| {}, Step::Declared, "not declared", "mqtt strangers"),
    (
        "a stranger",
        "cs-jinzhou-vm-04",
        |status| *status = serde_json::to_value(busy()).unwrap(),
        Step::Declared,
        "was heard on broker local",
        "facility-gateway mqtt adopt cs-jinzhou-vm-04",
    ),
    ("an older configuration runs", "gl-junmen-new-01", |_| {}, Step::Declared, "earlier configuration", "systemctl restart"),
    (
        "the broker is down",
        LOCKER,
        |status| {
            let link = of(status, "links", "name", "local");
            (link["state"], link["error"], link["since_ms"]) = (json!("connecting"), json!("connection refused"), json!(NOW_MS - 720_000));
        },
        Step::Link,
        "broker local at mqtt://127.0.0.1:1883 has been down for 12 min (connection refused)",
        "Check that the broker runs",
    ),
    (
        "the bus may not be opened",
        METER,
        |status| of(status, "links", "name", "rs485-a")["state"] = json!("denied"),
        Step::Link,
        "bus rs485-a",
        "group dialout",
    ),
    (
        "silence",
        LOCKER,
        |status| {
            let device = of(status, "devices", "id", LOCKER);
            (device["online"], device["last_seen_ms"]) = (json!(false), json!(NOW_MS - 760_000));
        },
        Step::Heard,
        "last heard 12 min ago",
        "power and wiring",
    ),
    (
        "silence of all",
        LOCKER,
        |status| {
            for device in status["devices"].as_array_mut().unwrap() {
                (device["online"], device["last_seen_ms"]) = (json!(false), json!(NOW_MS - 760_000));
            }
        },
        Step::Heard,
        "last heard 12 min ago",
        "what all of them hang on",
    ),
    (
        "everything it sends is refused",
        LOCKER,
        |status| {
            let device = of(status, "devices", "id", LOCKER);
            (device["online"], device["waiting"]) = (json!(false), json!(true));
            let drop = json!({ "device": LOCKER, "broker": "local", "place": "", "reason": "missing_field", "en": "a required field is missing", "zh": "缺少必需字段", "count": 7, "first_ms": 0, "last_ms": NOW_MS - 1_000 });
            status["dropped"].as_array_mut().unwrap().push(drop);
        },
        Step::Messages,
        "a required field is missing (missing_field), 7 times",
        "deadletter list",
    ),
    (
        "no probe works",
        METER,
        |status| {
            for value in of(status, "devices", "id", METER)["values"].as_array_mut().unwrap() {
                (value["value"], value["quality"]) = (Value::Null, json!("comm_error"));
            }
        },
        Step::Values,
        "3 of 3 points have no value: energy.active_w (comm_error)",
        "the wiring and the unit id",
    ),
    (
        "the card is broken",
        LOCKER,
        |status| of(status, "stores", "name", "readings")["fault"] = json!("No space left on device"),
        Step::Stored,
        "cannot write: No space left on device",
        "df -h",
    ),
    (
        "the clock is not set",
        LOCKER,
        |status| status["gateway"]["clock_set"] = json!(false),
        Step::Stored,
        "held back until their time is known",
        "time source",
    ),
    (
        "the database refuses us",
        LOCKER,
        |status| {
            let link = of(status, "links", "name", "main");
            (link["state"], link["error"]) = (json!("denied"), json!("401 Unauthorized"));
        },
        Step::Forwarded,
        "(401 Unauthorized). 400 points wait.",
        "token file",
    ),
    ("no database", LOCKER, |status| status["forward"] = json!([]), Step::Forwarded, "No destination is configured", "[forward.main]"),
];

#[test]
fn the_first_failed_hop_is_named_with_its_evidence_and_what_to_do() {
    let site = site();
    for (case, id, change, wanted, evidence, next) in FAILED {
        let hops = chain(&seen(change), &site, id);
        let failed = hop::first_failed(&hops).unwrap_or_else(|| panic!("{case}: nothing failed in {hops:#?}"));
        assert_eq!(failed.step, wanted, "{case}: {failed:?}");
        assert!(failed.en.contains(evidence), "{case}: {}", failed.en);
        assert!(failed.next_en.as_ref().unwrap().contains(next), "{case}: {failed:?}");
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c));
        assert!(is_chinese(&failed.zh) && is_chinese(failed.next_zh.as_ref().unwrap()), "{case}: {failed:?}");
        let (en, _) = hop::verdict(&hops, id);
        assert!(en.starts_with("The first hop that failed is") && en.contains(evidence), "{case}: {en}");
    }
}

#[test]
fn figures_that_are_missing_or_thin_are_told() {
    let cases = [
        (None, Verdict::Unknown, "did not answer"),
        (Some(vec![]), Verdict::Failed, "No window of the last hour"),
        (Some(vec![(NOW_MS - 600_000, 0.6)]), Verdict::Suspect, "60 % of it observed"),
        (Some(vec![(NOW_MS - 600_000, 0.9)]), Verdict::Ok, "90 % of it observed"),
        (Some(vec![(NOW_MS - 2_400_000, 1.0)]), Verdict::Suspect, "100 % of it observed"),
    ];
    for (windows, verdict, words) in cases {
        let seen = Seen { windows, ..seen(|_| {}) };
        let hops = chain(&seen, &site(), LOCKER);
        let figures = step(&hops, Step::Windows);
        assert!(figures.verdict == verdict && figures.en.contains(words), "{figures:?}");
    }
}

#[test]
fn the_newest_interval_without_data_is_told_with_its_reason() {
    let lack = |to_ms: Value| {
        let seen = seen(|status| {
            let missing = json!({ "from_ms": NOW_MS - 7_200_000, "to_ms": to_ms, "reason": "link_down", "en": "the link was down", "zh": "通信链路中断" });
            of(status, "devices", "id", LOCKER)["missing"] = missing;
        });
        let heard = step(&chain(&seen, &site(), LOCKER), Step::Heard).clone();
        assert_eq!(heard.verdict, Verdict::Ok);
        assert!(heard.zh.contains("通信链路中断"), "{heard:?}");
        heard.en
    };
    let (ended, lasts) = (lack(json!(NOW_MS - 3_600_000)), lack(Value::Null));
    assert!(ended.contains("Nothing came from") && ended.ends_with(": the link was down."), "{ended}");
    assert!(lasts.contains("Nothing has come since") && lasts.ends_with(": the link was down."), "{lasts}");
}

#[test]
fn days_that_stay_without_what_came_late_are_told() {
    let seen = seen(|status| of(status, "devices", "id", LOCKER)["unrevised_days"] = json!(2));
    let heard = step(&chain(&seen, &site(), LOCKER), Step::Heard).clone();
    assert!(heard.verdict == Verdict::Ok && heard.en.contains("figures of 2 closed days stay without"), "{}", heard.en);
    assert!(heard.zh.contains("有 2 个已结束日"), "{}", heard.zh);
}

/// Nothing stops, but something may be missing: no hop failed, and the sentence says where to look.
#[test]
fn suspects_do_not_fail() {
    let cases: [(fn(&mut Value), Step, &str); 6] = [
        (|status| of(status, "devices", "id", LOCKER)["lost_messages"] = json!(5), Step::Messages, "5 messages are missing"),
        (
            |status| of(status, "devices", "id", LOCKER)["values"][1]["quality"] = json!("sensor_error"),
            Step::Values,
            "locker.comp_occupied (sensor_error)",
        ),
        (|status| of(status, "stores", "name", "readings")["evicted_since_start"] = json!(12), Step::Stored, "12 points"),
        (|status| status["forward"][0]["dead_lettered"] = json!(3), Step::Forwarded, "refused 3"),
        (
            |status| {
                status["alarms"] =
                    json!([{ "device": LOCKER, "rule": "comm_loss", "en": "Nothing heard", "zh": "通信中断", "held": "link" }]);
            },
            Step::Suppressed,
            "comm_loss (Nothing heard)",
        ),
        (
            |status| {
                let device = of(status, "devices", "id", LOCKER);
                (device["online"], device["waiting"]) = (json!(false), json!(true));
            },
            Step::Heard,
            "last heard",
        ),
    ];
    for (change, wanted, words) in cases {
        let hops = chain(&seen(change), &site(), LOCKER);
        let suspect = step(&hops, wanted);
        assert!(suspect.verdict == Verdict::Suspect && suspect.en.contains(words), "{suspect:?}");
        assert!(hop::first_failed(&hops).is_none(), "{hops:#?}");
        assert!(hop::verdict(&hops, LOCKER).0.starts_with("No hop failed; look at"), "{wanted:?}");
    }
}

#[test]
fn without_a_gateway_it_says_so_and_looks_at_what_there_is() {
    let mut site = site();
    let dir = tempfile::tempdir().unwrap();
    site.store.dir = dir.path().to_owned();
    let hops = stopped::hops(&site, LOCKER, "connection refused");
    let steps: Vec<_> = hops.iter().map(|hop| (hop.step, hop.verdict)).collect();
    let unknown = Verdict::Unknown;
    assert_eq!(
        steps,
        [(Step::Gateway, Verdict::Failed), (Step::Declared, Verdict::Ok), (Step::Stored, unknown), (Step::Forwarded, unknown)]
    );
    assert!(hops[0].en.contains("connection refused") && hops[2].en.contains("no readings store"), "{hops:#?}");
    assert_eq!(stopped::hops(&site, "zzz", "x").last().unwrap().step, Step::Declared);
}

/// A snapshot of a gateway of another version is no reason to say nothing.
#[test]
fn what_a_snapshot_does_not_have_is_not_known() {
    let mut seen: Seen = serde_json::from_str("{}").unwrap();
    seen.devices = vec![serde_json::from_value(json!({ "id": LOCKER })).unwrap()];
    let hops = chain(&seen, &site(), LOCKER);
    assert_eq!(step(&hops, Step::Link).verdict, Verdict::Unknown);
    let text = hop::text(&hops, LOCKER);
    assert!(text.lines().count() > 18 && !text.contains('\u{1b}'), "{text}");
}
