//! `explain` as a technician meets it: the real program beside a gateway whose broker is down, and without a gateway.

use facility_tests::{Gateway, binary, free_port, until};
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);

fn explain(config: &str, more: &[&str]) -> Output {
    let args = [&["explain", "--config", config], more].concat();
    Command::new(binary()).args(args).env_clear().stdin(Stdio::null()).output().unwrap()
}

fn hops(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[tokio::test]
async fn a_broker_that_is_down_is_the_first_hop_that_failed() {
    let broker = format!("mqtt://127.0.0.1:{}", free_port());
    let mut gateway = Gateway::start(&format!(
        "[gateway]\nid = \"gw-why-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[mqtt.kiosk]\nurl = {broker:?}\n[device.lk-001]\nprofile = \"locker\"\nmqtt = \"kiosk\"\n"
    ))
    .await;
    until("the error of the link", DEADLINE, || async {
        let status = gateway.status().await;
        status["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["error"].is_string()).then_some(())
    })
    .await;
    let config = gateway.config().display().to_string();

    let found = explain(&config, &["lk-001", "--json"]);
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    let told = hops(&found);
    let failed = told["hops"].as_array().unwrap().iter().find(|hop| hop["verdict"] == "failed").unwrap();
    assert_eq!(failed["step"], "link", "{told}");
    assert!(failed["en"].as_str().unwrap().contains("kiosk") && failed["zh"].as_str().unwrap().contains("消息服务器"), "{failed}");
    assert!(failed["next_en"].as_str().unwrap().contains("Check that the broker runs"), "{failed}");

    let text = String::from_utf8(explain(&config, &["lk-001"]).stdout).unwrap();
    assert!(
        text.contains("FAILED   link") && text.contains("The first hop that failed is `link`") && text.contains("首个故障环节"),
        "{text}"
    );

    let like = hops(&explain(&config, &["lk-01", "--json"]));
    assert!(like["hops"][0]["next_en"].as_str().unwrap().contains("lk-001"), "{like}");

    gateway.terminate().await;
    let alone = explain(&config, &["lk-001", "--json"]);
    assert_eq!(alone.status.code(), Some(1));
    let alone = hops(&alone);
    assert_eq!((&alone["hops"][0]["step"], &alone["hops"][1]["verdict"]), (&"gateway".into(), &"ok".into()), "{alone}");
    assert_eq!(explain("/nonexistent.toml", &["lk-001"]).status.code(), Some(78));
}
