//! The commands as a person or a script meets them.

use facility_tests::{Gateway, Mosquitto, binary, root};
use serde_json::Value;
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(binary()).args(args).env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_command_has_help_with_examples() {
    let alone = ["run", "check", "demo", "simulate", "explain"].map(|command| vec![command]);
    let of_store = ["inspect", "verify", "export", "import"].map(|command| vec!["store", command]);
    let of_profile = ["list", "show", "export", "import", "check"].map(|command| vec!["profile", command]);
    let of_modbus = ["scan", "read", "trace", "guess", "plan", "sim", "replay"].map(|command| vec!["modbus", command]);
    let of_mqtt = ["tail", "explain", "strangers", "adopt"].map(|command| vec!["mqtt", command]);
    let of_letters = ["list", "show", "replay", "drop"].map(|command| vec!["deadletter", command]);
    for command in alone.into_iter().chain(of_store).chain(of_profile).chain(of_modbus).chain(of_mqtt).chain(of_letters) {
        let output = run(&[&command[..], &["--help"]].concat());
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("Examples:"), "{command:?} --help shows no example");
    }
    assert_eq!(run(&["no-such-command"]).status.code(), Some(2));
}

#[test]
fn the_shipped_examples_are_valid() {
    for entry in std::fs::read_dir(root().join("config/examples")).unwrap() {
        let path = entry.unwrap().path();
        let output = run(&["check", "--config", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}: {}", path.display(), text(&output.stderr));
    }
}

#[test]
fn the_fragments_for_databases_are_valid() {
    let site = "[gateway]\nid = \"gw-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[mqtt.kiosk]\nurl = \"mqtt://127.0.0.1\"\n\
                [device.lk-0001]\nprofile = \"locker\"\nmqtt = \"kiosk\"\n";
    let told = std::fs::read_to_string(root().join("deploy/databases/README.md")).unwrap();
    let fragments = std::fs::read_dir(root().join("deploy/databases")).unwrap().map(|entry| entry.unwrap().path());
    let fragments: Vec<_> = fragments.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    assert!(fragments.len() >= 6, "{fragments:?}");
    for fragment in fragments {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("conf.d")).unwrap();
        std::fs::write(dir.path().join("gateway.toml"), site).unwrap();
        std::fs::copy(&fragment, dir.path().join("conf.d/50-forward.toml")).unwrap();
        for secret in ["tsdb.token", "tsdb.password"] {
            let path = dir.path().join(secret);
            std::fs::write(&path, "user:secret").unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
        let output = run(&["check", "--config", dir.path().join("gateway.toml").to_str().unwrap()]);
        assert!(output.status.success(), "{}: {}", fragment.display(), text(&output.stderr));
        let name = fragment.file_name().unwrap().to_str().unwrap();
        assert!(told.contains(&format!("`{name}`")), "{name} is not told of in deploy/databases/README.md");
    }
}

#[test]
fn check_prints_every_problem_with_its_place_and_exits_78() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    std::fs::create_dir(dir.path().join("conf.d")).unwrap();
    std::fs::write(&path, "[gateway]\nid = \"gw-01\"\nsite = \"gl-junmen\"\ndistrict = \"350199\"\n\n[mqtt.kiosk]\nurl = \"mqtt://127.0.0.1\"\nkeep_alvie_s = 30\n").unwrap();
    std::fs::write(dir.path().join("conf.d/10-site.toml"), "[device.lk-0001]\nprofile = \"lockr\"\nmqtt = \"kiosk\"\ninterval_s = 2.6\n")
        .unwrap();
    let output = run(&["check", "--config", path.to_str().unwrap()]);
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{shown}");
    for expected in ["gateway.toml:4", "gateway.toml:8:1", "keep_alive_s", "10-site.toml:2", "locker", "10-site.toml:4:14", "2.6"] {
        assert!(shown.contains(expected), "{expected} is not in:\n{shown}");
    }
    let json: Value = serde_json::from_slice(&run(&["check", "--json", "--config", path.to_str().unwrap()]).stdout).unwrap();
    let problems = json.as_array().unwrap();
    assert!(
        problems.len() >= 4 && problems.iter().all(|problem| problem["code"].as_str().is_some_and(|code| code.starts_with("GW-C"))),
        "{json}"
    );
}

#[tokio::test]
async fn a_second_gateway_on_one_store_names_the_holder_and_ends() {
    let broker = Mosquitto::start().await;
    let gateway = Gateway::start(&format!(
        "[gateway]\nid = \"gw-two-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[mqtt.kiosk]\nurl = \"mqtt://127.0.0.1:{}\"\n[device.lk-001]\nprofile = \"locker\"\nmqtt = \"kiosk\"\n",
        broker.port
    ))
    .await;
    let second = run(&["run", "--config", gateway.config().to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(75), "{}", text(&second.stderr));
    assert!(text(&second.stderr).contains("process"), "{}", text(&second.stderr));
}

#[test]
fn the_demonstration_balances() {
    let here = tempfile::tempdir().unwrap();
    let words = ["demo", "--for", "20s", "--port", "0", "--dir", "kept", "--plain", "--json"];
    let output = Command::new(binary()).args(words).env_clear().current_dir(&here).output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", text(&output.stderr));
    let account: Value = serde_json::from_str(shown.lines().last().unwrap()).unwrap();
    let rows = account["accounts"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(row["missing"], 0, "{row}");
        assert!(row["received"].as_u64().unwrap() > 0, "{row}");
    }
    assert_eq!(account["database"]["conflicts"], 0);
    assert!(account["database"]["points"].as_u64().unwrap() > 0, "{account}");
    let kept = facility_config::open(&here.path().join("kept/gateway.toml"), &[]).unwrap().site;
    assert_eq!(kept.store.dir, here.path().join("kept/store"), "found from anywhere");
}

#[test]
fn a_demonstration_that_is_kept_is_a_configuration_for_other_commands() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "secret").unwrap();
    std::fs::set_permissions(dir.path().join("token"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let words = "demo --for 1s --port 0 --plain --dir kept --influx http://127.0.0.1:1 --token-file token";
    Command::new(binary()).args(words.split(' ')).env_clear().current_dir(dir.path()).output().unwrap();
    let check = run(&["check", "--config", dir.path().join("kept/gateway.toml").to_str().unwrap()]);
    assert!(check.status.success(), "{}{}", text(&check.stdout), text(&check.stderr));
    assert!(dir.path().join("kept/store").is_dir(), "the store is where it was asked to be kept");
}
