//! A platform's broker as a destination: everything that was produced is subscribed there, whatever becomes of the broker.

use facility_drivers::sim::mqtt::Publisher;
use facility_drivers::sim::tsdb::Tsdb;
use facility_tests::{Gateway, Mosquitto, Subscriber, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

fn config(devices: u16, city: u16, lines: &str) -> String {
    format!(
        r#"
[gateway]
id = "gw-up-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:{devices}"
[forward.city]
protocol = "mqtt"
url = "mqtt://127.0.0.1:{city}"
raw = true
delay_ms = 50
timeout_ms = 2000
{lines}
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
"#
    )
}

async fn publish(port: u16, from_ms: i64, count: u32) {
    let mut publisher = Publisher::connect(([127, 0, 0, 1], port).into(), "platform-test", None).await.unwrap();
    for nth in 0..count {
        let ts = jiff::Timestamp::from_millisecond(from_ms + i64::from(nth)).unwrap();
        let text = format!(r#"{{"v":1,"id":"lk-001","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":41,"faulted":2}}}}"#);
        publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", text).await;
    }
    publisher.flush().await;
}

/// Different readings of the locker that were heard at the platform.
fn readings(subscriber: &Subscriber) -> usize {
    let bare = |line: String| line.rsplit('|').next().unwrap_or_default().to_owned();
    subscriber.lines().into_iter().map(bare).filter(|line| line.starts_with("locker,")).collect::<BTreeSet<_>>().len()
}

async fn until_heard(subscriber: &Subscriber, count: usize) {
    until(&format!("{count} readings at the platform"), DEADLINE, || async { (readings(subscriber) == count).then_some(()) }).await;
}

async fn link(gateway: &Gateway, kind: &str) -> Option<Value> {
    gateway.status().await["links"].as_array()?.iter().find(|link| link["kind"] == kind).cloned()
}

async fn until_link(gateway: &Gateway, kind: &str, state: &str) -> Value {
    until(&format!("{kind} {state}"), DEADLINE, || async { link(gateway, kind).await.filter(|link| link["state"] == state) }).await
}

async fn until_balanced(gateway: &Gateway) {
    until("every account to balance with nothing waiting", DEADLINE, || async {
        let status = gateway.status().await;
        let rows = status["forward"][0]["accounts"].as_array()?.clone();
        let is_done = |row: &Value| row["missing"] == 0 && row["dead_lettered"] == 0;
        (!rows.is_empty() && rows.iter().all(is_done)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn everything_produced_is_heard_whatever_becomes_of_the_broker() {
    let (devices, mut city) = tokio::join!(Mosquitto::start(), Mosquitto::start_keeping_unbounded());
    let heard = Subscriber::start(city.port, "facility/#").await;
    let mut gateway = Gateway::start(&config(devices.port, city.port, "")).await;
    until_link(&gateway, "broker", "up").await;
    let start_ms = facility_drivers::Clock::system().now_ms();
    publish(devices.port, start_ms, 200).await;
    until_heard(&heard, 200).await;
    assert!(heard.lines().iter().any(|line| line.starts_with("facility/gw-up-01/locker|locker,device_id=lk-001,")), "{:?}", heard.lines());
    // Away while it is asked, then killed while messages are under way, three times.
    city.kill();
    publish(devices.port, start_ms + 200, 100).await;
    until_link(&gateway, "database", "connecting").await;
    city.resume().await;
    until_heard(&heard, 300).await;
    for round in 0..3_i64 {
        publish(devices.port, start_ms + 300 + round * 100, 50).await;
        city.kill();
        publish(devices.port, start_ms + 350 + round * 100, 50).await;
        city.resume().await;
    }
    until_heard(&heard, 600).await;
    // Half open: it holds the line and says nothing.
    city.signal("STOP");
    publish(devices.port, start_ms + 600, 100).await;
    let stuck =
        until("no acknowledgement", DEADLINE, || async { link(&gateway, "database").await.filter(|link| !link["error"].is_null()) }).await;
    assert!(
        stuck["error"].as_str().unwrap().contains("acknowledges nothing") || stuck["error"].as_str().unwrap().contains("no answer"),
        "{stuck}"
    );
    city.signal("CONT");
    until_heard(&heard, 700).await;
    assert!(gateway.terminate().await.success());
    publish(devices.port, start_ms + 700, 100).await;
    gateway.resume().await;
    until_heard(&heard, 800).await;
    until_balanced(&gateway).await;
}

#[tokio::test]
async fn a_wrong_password_holds_and_is_mended_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (users, rules, own) = (folder.path().join("users"), folder.path().join("rules"), folder.path().join("own"));
    let made = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&users).args(["gateway", "right"]).status();
    assert!(made.unwrap().success());
    std::fs::write(&rules, "topic read facility/#\nuser gateway\ntopic write facility/gw-up-01/#\n").unwrap();
    for file in [&users, &rules] {
        std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::write(&own, "wrong\n").unwrap();
    std::fs::set_permissions(&own, Permissions::from_mode(0o600)).unwrap();
    let lines = format!("password_file {}\nacl_file {}\n", users.display(), rules.display());
    let (devices, city) = tokio::join!(Mosquitto::start(), Mosquitto::start_with(&lines));
    let heard = Subscriber::start(city.port, "facility/#").await;
    let gateway =
        Gateway::start(&config(devices.port, city.port, &format!("username = \"gateway\"\npassword_file = {own:?}\nformat = \"json\"\n")))
            .await;
    until_link(&gateway, "broker", "up").await;
    publish(devices.port, facility_drivers::Clock::system().now_ms(), 50).await;
    let denied = until_link(&gateway, "database", "denied").await;
    assert!(denied["error"].as_str().unwrap().contains("does not admit client `gw-up-01-city`"), "{denied}");
    assert_eq!(heard.lines().len(), 0);
    // Mended on disk: no restart.
    std::fs::write(&own, "right\n").unwrap();
    until_link(&gateway, "database", "up").await;
    let of_locker = |line: String| line.find("{\"measurement\":\"locker\"").map(|at| line[at..].to_owned());
    let objects = || -> BTreeSet<String> { heard.lines().into_iter().filter_map(of_locker).collect() };
    until("50 readings at the platform", DEADLINE, || async { (objects().len() == 50).then_some(()) }).await;
    let one: Value = serde_json::from_str(objects().first().unwrap()).unwrap();
    assert_eq!(
        (&one["measurement"], &one["tags"]["device_id"], &one["fields"]["comp_occupied"]),
        (&"locker".into(), &"lk-001".into(), &41.into())
    );
    until_balanced(&gateway).await;
    assert!(link(&gateway, "database").await.unwrap()["error"].is_null());
}

/// Its acknowledgements say nothing: mosquitto sends them for what it throws away too.
#[tokio::test]
async fn a_forbidden_topic_holds_says_why_and_holds_up_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    let allow = |topic: &str| {
        std::fs::write(&rules, format!("topic read facility/#\ntopic write {topic}\n")).unwrap();
        std::fs::set_permissions(&rules, Permissions::from_mode(0o600)).unwrap();
    };
    allow("other/#");
    let lines = format!("acl_file {}\n", rules.display());
    let (devices, city) = tokio::join!(Mosquitto::start(), Mosquitto::start_with(&lines));
    let heard = Subscriber::start(city.port, "facility/#").await;
    let main = Tsdb::start(([127, 0, 0, 1], 0).into()).unwrap();
    main.keep_all(true);
    let more = format!("[forward.main]\nurl = \"{}\"\norg = \"o\"\nbucket = \"b\"\nraw = true\ndelay_ms = 50\n", main.url());
    let gateway = Gateway::start(&config(devices.port, city.port, &more)).await;
    until_link(&gateway, "broker", "up").await;
    publish(devices.port, facility_drivers::Clock::system().now_ms(), 50).await;
    let denied = until_link(&gateway, "database", "denied").await;
    assert!(denied["error"].as_str().unwrap().contains("forbids client `gw-up-01-city` to publish to `facility/gw-up-01/"), "{denied}");
    let status = gateway.status().await;
    let told = status["conditions"].as_array().unwrap().iter().find(|one| one["code"] == "GW-H015" && one["subject"] == "city").cloned();
    let told = told.unwrap_or_else(|| panic!("{}", status["conditions"]));
    for (words, begin, topic) in [("en", "Destination city at ", "`facility/gw-up-01/"), ("zh", "转发目标 city", "`facility/gw-up-01/")]
    {
        let words = told[words].as_str().unwrap();
        assert!(words.starts_with(begin) && words.contains(topic), "{told}");
    }
    assert!(told["hint_en"].as_str().unwrap().contains("access rules") && told["hint_zh"].as_str().unwrap().contains("访问规则"), "{told}");
    // The other destination has everything meanwhile, and nothing counts as delivered here.
    let readings_at_main =
        || main.points().keys().filter(|(series, field, _)| series.starts_with("locker,") && field == "comp_occupied").count();
    until("the readings at the other destination", DEADLINE, || async { (readings_at_main() == 50).then_some(()) }).await;
    assert_eq!((gateway.status().await["forward"][0]["points"].as_u64(), heard.lines().len()), (Some(0), 0));
    // Mended at the broker: no restart.
    allow("facility/gw-up-01/#");
    city.signal("HUP");
    until_heard(&heard, 50).await;
    until_link(&gateway, "database", "up").await;
    until_balanced(&gateway).await;
}
