//! The broker as the package sets it up: its script, its access rules, its limits, and the package itself.

use facility_tests::{Gateway, SiteBroker, binary, root, until};
use std::process::Command;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(60);

fn config(broker: &SiteBroker) -> String {
    format!(
        r#"
[gateway]
id = "gw-site-01"
site = "gl-junmen"
district = "350102"
[mqtt.site]
url = "mqtt://127.0.0.1:{}"
username = "facility-gateway"
password_file = {:?}
window = 100
[device.lk-001]
profile = "locker"
mqtt = "site"
[device.lk-002]
profile = "locker"
mqtt = "site"
"#,
        broker.port,
        broker.password_file()
    )
}

fn snapshot(device: &str) -> String {
    let ts = jiff::Timestamp::now();
    format!(r#"{{"v":1,"id":"{device}","ts":"{ts}","seq":1,"compartments":{{"total":60,"occupied":41,"faulted":2}}}}"#)
}

#[tokio::test]
async fn kiosks_write_under_their_own_name_and_nobody_else_comes_in() {
    let mut broker = SiteBroker::set_up().await;
    for id in ["lk-001", "lk-002"] {
        broker.admit(id);
    }
    let gateway = Gateway::start(&config(&broker)).await;
    until("the gateway's session", DEADLINE, || async {
        gateway.status().await["links"].as_array()?.iter().any(|link| link["kind"] == "broker" && link["state"] == "up").then_some(())
    })
    .await;
    let topic = |device: &str| format!("scf/v1/gl-junmen/locker/{device}/telemetry");
    let heard = |device: &'static str| {
        let gateway = &gateway;
        move || async move {
            let devices = gateway.status().await["devices"].as_array()?.clone();
            devices.iter().find(|known| known["id"] == device)?["last_seen_ms"].as_i64()
        }
    };
    // In another's name: the broker takes it and gives it to nobody (MQTT 3.1.1 has no word for no).
    assert_eq!(broker.publish(Some("lk-001"), &topic("lk-002"), &snapshot("lk-002")), Ok(()));
    assert_eq!(broker.publish(Some("lk-001"), &topic("lk-001"), &snapshot("lk-001")), Ok(()));
    until("lk-001 to be heard", DEADLINE, heard("lk-001")).await;
    assert_eq!(heard("lk-002")().await, None, "lk-001 spoke as lk-002");
    assert_eq!(broker.publish(Some("lk-002"), &topic("lk-002"), &snapshot("lk-002")), Ok(()));
    until("lk-002 to be heard", DEADLINE, heard("lk-002")).await;

    assert!(broker.publish(None, &topic("lk-001"), "x").is_err(), "without a certificate");
    // The same for what is larger than the limit: the gateway would count it.
    assert_eq!(broker.publish(Some("lk-001"), &topic("lk-001"), &"x".repeat(300_000)), Ok(()));
    broker.revoke("lk-002").await;
    assert!(broker.publish(Some("lk-002"), &topic("lk-002"), "x").is_err(), "a revoked certificate");
    assert_eq!(broker.publish(Some("lk-001"), &topic("lk-001"), &snapshot("lk-001")), Ok(()), "the others go on");
    let refused = gateway.status().await["accounts"][0]["dropped"].clone();
    assert_eq!(refused, serde_json::json!({}), "what the broker keeps out does not reach the gateway");
}

#[tokio::test]
async fn a_kiosk_that_calls_itself_the_gateway_does_not_get_its_session() {
    let broker = SiteBroker::set_up().await;
    broker.admit("lk-001");
    let gateway = Gateway::start(&config(&broker)).await;
    let link = || async {
        let links = gateway.status().await["links"].clone();
        links.as_array()?.iter().find(|link| link["kind"] == "broker" && link["state"] == "up").cloned()
    };
    let before = until("the gateway's session", DEADLINE, link).await;
    // Clean: would also throw away what the broker keeps for the gateway.
    let topic = "scf/v1/gl-junmen/locker/lk-001/telemetry";
    assert_eq!(broker.publish_with(Some("lk-001"), topic, &snapshot("lk-001"), &["-i", "gw-site-01"]), Ok(()));
    until("lk-001 to be heard", DEADLINE, || async {
        let devices = gateway.status().await["devices"].as_array()?.clone();
        devices.iter().find(|known| known["id"] == "lk-001")?["last_seen_ms"].as_i64()
    })
    .await;
    let after = link().await.expect("the gateway's session");
    assert_eq!((&after["connects"], &after["since_ms"]), (&before["connects"], &before["since_ms"]));
}

#[test]
fn a_new_password_for_the_gateway_leaves_other_users_alone() {
    let root_dir = tempfile::tempdir().unwrap();
    let script = |words: &[&str]| {
        let mut command = Command::new(root().join("deploy/mosquitto/facility-mosquitto"));
        command.args(words).env("FACILITY_ROOT", root_dir.path()).output().unwrap().status.success()
    };
    let read = |below: &str| std::fs::read_to_string(root_dir.path().join(below)).unwrap();
    assert!(!script(&["password"]) && !root_dir.path().join("etc/facility-gateway").exists(), "before setup");
    assert!(script(&["setup", "localhost"]));
    let passwords = root_dir.path().join("etc/mosquitto/facility/passwords");
    assert!(Command::new("mosquitto_passwd").arg("-b").arg(&passwords).args(["board", "x"]).status().unwrap().success());
    let (before, secret) = (read("etc/mosquitto/facility/passwords"), read("etc/facility-gateway/mqtt.password"));
    assert!(script(&["password"]));
    let after = read("etc/mosquitto/facility/passwords");
    let of = |text: &str, user: &str| text.lines().find(|line| line.starts_with(user)).unwrap().to_owned();
    assert_eq!(of(&after, "board:"), of(&before, "board:"));
    assert_ne!(of(&after, "facility-gateway:"), of(&before, "facility-gateway:"));
    assert_ne!(read("etc/facility-gateway/mqtt.password"), secret);
    assert!(!after.contains(read("etc/facility-gateway/mqtt.password").trim()), "hashed");
}

#[test]
fn the_package_brings_binary_service_configuration_and_the_brokers_set_up() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(root().join("deploy/package.sh")).arg(binary()).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let package = String::from_utf8(made.stdout).unwrap();
    let tree = folder.path().join("tree");
    assert!(Command::new("dpkg-deb").args(["-x", package.trim()]).arg(&tree).status().unwrap().success());
    for (file, is_program) in [
        ("usr/bin/facility-gateway", true),
        ("usr/sbin/facility-mosquitto", true),
        ("lib/systemd/system/facility-gateway.service", false),
        ("etc/facility-gateway/gateway.toml", false),
        ("usr/share/facility-gateway/mosquitto/facility.conf", false),
        ("usr/share/facility-gateway/mosquitto/acl", false),
        ("usr/share/doc/facility-gateway/README.zh-CN.md", false),
    ] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(tree.join(file)).unwrap_or_else(|error| panic!("{file}: {error}")).permissions().mode();
        assert_eq!(mode & 0o777, if is_program { 0o755 } else { 0o644 }, "{file}");
    }
    let version = Command::new(tree.join("usr/bin/facility-gateway")).arg("--version").output().unwrap();
    assert!(version.status.success());
}
