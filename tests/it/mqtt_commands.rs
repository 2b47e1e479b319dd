//! `mqtt` and `deadletter` as a technician meets them: the real program beside a running gateway, a real broker between both.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Gateway, Mosquitto, binary, until};
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};

const DEADLINE: Duration = Duration::from_secs(30);
const GOOD: &str = r#"{"v":1,"id":"ID","ts":"TS","seq":1,"compartments":{"total":60,"occupied":41,"faulted":2}}"#;

fn config(broker: &Mosquitto, profile: &str) -> String {
    format!(
        "[gateway]\nid = \"gw-mqtt-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[mqtt.kiosk]\nurl = \"mqtt://127.0.0.1:{}\"\n[device.lk-001]\nprofile = \"{profile}\"\nmqtt = \"kiosk\"\n",
        broker.port
    )
}

async fn lab(profile: &str) -> (Mosquitto, Gateway, Publisher) {
    let broker = Mosquitto::start().await;
    let mut gateway = Gateway::prepare(&config(&broker, profile));
    gateway.resume().await;
    until_up(&gateway).await;
    let publisher = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "mqtt-test", None).await.unwrap();
    (broker, gateway, publisher)
}

async fn until_up(gateway: &Gateway) {
    until("the gateway's session at the broker", DEADLINE, || async {
        gateway.status().await["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
    })
    .await;
}

fn good(id: &str) -> String {
    GOOD.replace("ID", id).replace("TS", &jiff::Timestamp::from_millisecond(now_ms()).unwrap().to_string())
}

fn now_ms() -> i64 {
    facility_drivers::Clock::system().now_ms()
}

fn topic(device: &str) -> String {
    format!("scf/v1/gl-junmen/locker/{device}/telemetry")
}

fn run(words: &[&str]) -> Output {
    Command::new(binary()).args(words).env_clear().stdin(Stdio::null()).output().unwrap()
}

fn out(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(words: &[&str]) -> Value {
    serde_json::from_str(&out(&[words, &["--json"]].concat())).unwrap()
}

#[tokio::test]
async fn a_stranger_is_listed_survives_a_restart_and_becomes_a_device() {
    let (_broker, mut gateway, mut publisher) = lab("locker").await;
    publisher.publish(&topic("LK-009"), good("LK-009")).await;
    until("the stranger on the page", DEADLINE, || async {
        let status = gateway.status().await;
        let stranger = status["strangers"].as_array()?.first()?;
        let adopt = "facility-gateway mqtt adopt LK-009";
        (stranger["id"] == "LK-009" && stranger["profile"] == "locker" && stranger["adopt"] == adopt).then_some(())
    })
    .await;
    gateway.until_told("GW-H030", true, DEADLINE).await;
    let config = gateway.config().display().to_string();
    let listed = json(&["mqtt", "strangers", "--config", &config]);
    assert_eq!((&listed[0]["id"], &listed[0]["broker"]), (&"LK-009".into(), &"kiosk".into()));
    let shape = listed[0]["shape"].to_string();
    assert!(shape.contains("/compartments/occupied") && !shape.contains("41"), "places, no values: {shape}");

    assert!(gateway.terminate().await.success());
    let kept = json(&["mqtt", "strangers", "--config", &config]);
    assert_eq!((&kept[0]["id"], &kept[0]["shape"]), (&listed[0]["id"], &listed[0]["shape"]), "also of a stopped gateway");

    let adopt = ["mqtt", "adopt", "LK-009", "--name", "军门 信包箱 9 号", "--config", &config];
    let shown = out(&[&adopt[..], &["--dry-run"]].concat());
    let file = gateway.dir().join("conf.d/lk-009.toml");
    assert!(shown.contains("[device.lk-009]") && shown.contains("topic_id = \"LK-009\"") && !file.exists(), "{shown}");
    let wrong = run(&[&adopt[..], &["--profile", "no-such-model"]].concat());
    let why = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!((wrong.status.code(), file.exists()), (Some(78), false), "{why}");
    assert!(why.contains(&format!("{}:3:11", file.display())), "the file as it would be: {why}");
    assert_eq!(run(&[&adopt[..], &["--broker", "no-such"]].concat()).status.code(), Some(2));
    assert!(out(&adopt).contains("Next:"));
    assert_eq!(run(&adopt).status.code(), Some(66), "it is declared by now");

    gateway.resume().await;
    let changes = |gateway: &Gateway| gateway.log().matches("the configuration is another than at the last start").count();
    assert_eq!(changes(&gateway), 1, "{}", gateway.log());
    until_up(&gateway).await;
    publisher.publish(&topic("LK-009"), good("LK-009")).await;
    until("its readings", DEADLINE, || async {
        let status = gateway.status().await;
        let device = status["devices"].as_array()?.iter().find(|device| device["id"] == "lk-009")?;
        let occupied = device["values"].as_array()?.iter().find(|value| value["name"] == "locker.comp_occupied")?;
        (occupied["value"] == 41 && status["strangers"].as_array()?.is_empty()).then_some(())
    })
    .await;
    assert!(gateway.terminate().await.success());
    gateway.resume().await;
    assert_eq!(changes(&gateway), 1, "the same as before: {}", gateway.log());
}

#[tokio::test]
async fn tail_shows_what_became_of_each_field_and_why_one_was_dropped() {
    let (_broker, gateway, mut publisher) = lab("locker").await;
    let config = gateway.config().display().to_string();
    let mut child = tokio::process::Command::new(binary())
        .args(["mqtt", "tail", "--drops", "--device", "lk-001", "--for", "60s", "--config", &config])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let personal = good("lk-001").replace("\"seq\":1", "\"seq\":1,\"phone\":\"13900000000\"");
    let line = tokio::time::timeout(DEADLINE, async {
        loop {
            // It has no way to say that it listens: it is told again until it does.
            publisher.publish(&topic("lk-001"), personal.clone()).await;
            if let Ok(line) = tokio::time::timeout(Duration::from_millis(100), lines.next_line()).await {
                return line.unwrap().unwrap();
            }
        }
    })
    .await
    .unwrap();
    for words in
        [" lk-001 scf/v1/gl-junmen/locker/lk-001/telemetry", "locker.comp_occupied=41", "DROPPED /phone (text): not named in the profile"]
    {
        assert!(line.contains(words), "{words} in {line}");
    }
    assert!(!line.contains("139000"), "{line}");
    until("the place on the page", DEADLINE, || async {
        let status = gateway.status().await;
        let drop = status["dropped"].as_array()?.iter().find(|drop| drop["place"] == "/phone")?.clone();
        (drop["device"] == "lk-001" && drop["reason"] == "unknown_field" && drop["count"].as_u64()? > 0).then_some(())
    })
    .await;
    let metrics = gateway.get("/metrics").await.unwrap();
    assert!(metrics.contains("dropped_values_total{device_id=\"lk-001\",place=\"/phone\",reason=\"unknown_field\"}"), "{metrics}");
    assert_eq!(run(&["mqtt", "tail", "--broker", "no-such", "--config", &config]).status.code(), Some(2));
}

#[test]
fn explain_says_what_a_message_becomes_and_what_to_do_about_one_that_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let whole = file("good.json", &good("LK-7").replace("\"seq\":1", "\"seq\":1,\"courier\":{\"phone\":\"13900000000\"}"));
    let words = ["mqtt", "explain", &topic("LK-7"), &whole, "--profile", "locker"];
    let text = out(&words);
    for part in ["profile locker, by scf/v1/{site}/{kind}/{device}", "locker.comp_occupied=41", "/ts", "used as time", "DROPPED"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("139000"), "{text}");
    let told = json(&words);
    assert!(told["batch"]["readings"].as_u64().unwrap() >= 3 && told["next"].is_null(), "{told}");

    let broken = file("broken.json", "51#8888#13900000000#4055#0#");
    let refused = run(&["mqtt", "explain", &topic("LK-7"), &broken, "--profile", "locker"]);
    let text = String::from_utf8(refused.stdout).unwrap();
    assert_eq!(refused.status.code(), Some(65));
    assert!(text.contains("(undecodable)") && text.contains("next") && !text.contains("139000"), "{text}");
    let cut = file("cut.json", "{\"id\":\"LK-7\",\n\"seq\":1 oops");
    let text = String::from_utf8(run(&["mqtt", "explain", &topic("LK-7"), &cut, "--profile", "locker"]).stdout).unwrap();
    assert!(text.contains("where    expected `,` or `}` at line 2 column 9"), "{text}");
    let other = run(&["mqtt", "explain", "a/b", &whole, "--profile", "vending-awish"]);
    let why = String::from_utf8(other.stderr).unwrap();
    assert!(other.status.code() == Some(2) && why.contains("speaks on /server/app"), "{why}");

    // Which compartment somebody used is not kept, so it is not said to be; that something happened is.
    let event = r#"{"v":1,"eid":"e1","id":"LK-7","ts":"TS","type":"deposit","target":"A07","outcome":"ok"}"#;
    let event = file("event.json", &event.replace("TS", &jiff::Timestamp::from_millisecond(now_ms()).unwrap().to_string()));
    let text = out(&["mqtt", "explain", "scf/v1/gl-junmen/locker/LK-7/event", &event, "--profile", "locker"]);
    assert!(text.contains("event.target[deposit] not kept") && text.contains("event.count[deposit]=1") && !text.contains("A07"), "{text}");
    assert_eq!(run(&["mqtt", "explain", "a", &broken, "--profile", "lockr"]).status.code(), Some(66));
}

/// The locker of the canonical schema, but it asks for a field its machines do not send.
fn strict_profile(required: &str) -> String {
    format!(
        "id = \"own-locker\"\nkind = \"locker\"\nmaker = \"test\"\nmodel = \"locker\"\norigin = \"test\"\ninterval_s = 60\n[[mqtt.message]]\nkind = \"telemetry\"\ntopic = \"scf/v1/{{site}}/{{kind}}/{{device}}/telemetry\"\ntime = \"/ts\"\nid = \"/id\"\nrequired = [{required}]\nignored = [\"/v\", \"/seq\"]\n[[mqtt.message.field]]\npointer = \"/compartments/occupied\"\npoint = \"locker.comp_occupied\"\n[[mqtt.message.field]]\npointer = \"/compartments/total\"\npoint = \"locker.comp_total\"\n[[mqtt.message.field]]\npointer = \"/compartments/faulted\"\npoint = \"locker.comp_faulted\"\n"
    )
}

async fn until_listed(dir: &str, n: usize) -> Vec<Value> {
    until("the dead letters", DEADLINE, || async {
        let rows = json(&["deadletter", "list", "--dir", dir])["messages"].as_array()?.clone();
        (rows.len() == n).then_some(rows)
    })
    .await
}

#[tokio::test]
async fn a_message_that_cannot_be_decoded_is_kept_and_becomes_a_reading_when_its_profile_is_mended() {
    let broker = Mosquitto::start().await;
    let mut gateway = Gateway::prepare(&config(&broker, "own-locker"));
    let profiles = gateway.dir().join("profiles.d");
    std::fs::create_dir(&profiles).unwrap();
    std::fs::write(profiles.join("own-locker.toml"), strict_profile("\"/no/such\"")).unwrap();
    gateway.resume().await;
    until_up(&gateway).await;
    let mut publisher = Publisher::connect(([127, 0, 0, 1], broker.port).into(), "letter-test", None).await.unwrap();
    publisher.publish(&topic("lk-001"), good("lk-001")).await;
    let dir = gateway.store().display().to_string();
    let rows = until_listed(&dir, 1).await;
    assert_eq!((&rows[0]["device"], &rows[0]["reason"], &rows[0]["is_whole"]), (&"lk-001".into(), &"missing_field".into(), &true.into()));
    let id = rows[0]["id"].as_str().unwrap().to_owned();
    assert!(rows[0].get("body").is_none());
    let shown = out(&["deadletter", "show", &id, "--dir", &dir]);
    assert!(shown.contains("a required field is missing") && shown.contains("compartments"), "{shown}");

    // Broken, and full of telephone numbers.
    publisher.publish(&topic("lk-001"), "51#8888#13900000000#4055#0#").await;
    publisher.publish(&topic("lk-001"), r#"{"phone":"13900000001","id":"#).await;
    until("both in the list", DEADLINE, || async {
        let text = out(&["deadletter", "list", "--dir", &dir]);
        text.contains("messages; 0 lines refused").then_some(text).filter(|text| text.matches("not what the profile says").count() >= 2)
    })
    .await;
    let rows = until_listed(&dir, 3).await;
    for row in &rows {
        let shown = out(&["deadletter", "show", row["id"].as_str().unwrap(), "--json", "--dir", &dir]);
        assert!(!shown.contains("139000") && !shown.contains("900000"), "{shown}");
    }
    assert_eq!(run(&["deadletter", "show", "no-such", "--dir", &dir]).status.code(), Some(66));

    // Mended. Once the commit they wait for is done the broker has its acknowledgements, and sends nothing of this again.
    until("the first commit", DEADLINE, || async {
        gateway.status().await["stores"].as_array()?.iter().any(|store| store["name"] == "readings" && store["commits"] != 0).then_some(())
    })
    .await;
    assert!(gateway.terminate().await.success());
    std::fs::write(profiles.join("own-locker.toml"), strict_profile("\"/compartments/total\"")).unwrap();
    out(&["deadletter", "replay", &id, "--dir", &dir]);
    gateway.resume().await;
    until("the reading", DEADLINE, || async {
        let status = gateway.status().await;
        let device = status["devices"].as_array()?.iter().find(|device| device["id"] == "lk-001")?;
        device["values"].as_array()?.iter().any(|value| value["name"] == "locker.comp_occupied" && value["value"] == 41).then_some(())
    })
    .await;
    until_listed(&dir, 2).await;
    out(&["deadletter", "drop", "--all", "--dir", &dir]);
    until_listed(&dir, 0).await;
    gateway.until_drained(DEADLINE).await;
}
