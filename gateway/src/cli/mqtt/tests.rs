#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::adopt::{own_id, quoted};
use super::lone::{Parts, site};
use crate::api::Line;
use clap::Args as _;
use facility_config::profile::{Dialect, builtin};
use facility_config::{Kind, Source};
use serde_json::json;

#[test]
fn a_message_is_one_line_with_the_reason_for_every_drop() {
    let line: Line = serde_json::from_value(json!({
        "at_ms": 1_788_220_800_000_i64, "topic": "t/VM01\u{1b}[2J", "bytes": 250, "qos": 1, "retained": true, "device": "vm-01",
        "profile": "vending", "template": "t/{device}", "format": "json", "unpacked_bytes": 240, "refused": null, "device_ms": 7, "seq": 3,
        "steps": [
            {"place": "/ts", "found": "text", "fate": "used", "what": "time"},
            {"place": "/status", "found": "text", "fate": "reading", "point": "vending.status", "part": "", "value": "in_service", "quality": "good"},
            {"place": "/lanes/0/level", "found": "number", "fate": "reading", "point": "lane.level", "part": "A1", "value": 5, "quality": "good"},
            {"place": "/temps/air", "found": "null", "fate": "reading", "point": "vending.air_c", "part": "", "value": null, "quality": "sensor_error"},
            {"place": "/v", "found": "number", "fate": "ignored"},
            {"place": "/owner", "found": "text", "fate": "dropped", "reason": "unknown_field"},
        ],
    }))
    .unwrap();
    let expected = "2026-09-01T00:00:00.000Z vm-01 t/VM01�[2J (retained) · vending.status=in_service lane.level[A1]=5 vending.air_c=– sensor_error · DROPPED /owner (text): not named in the profile (unknown_field)";
    assert_eq!(super::line::text(&line), expected);
    let refused = Line { refused: Some("undecodable".into()), steps: Vec::new(), device: None, retained: false, ..line };
    let text = super::line::text(&refused);
    assert!(text.ends_with("· REFUSED: not what the profile says the body is (undecodable)") && text.contains(" ? "), "{text}");
}

#[test]
fn a_topic_says_which_site_and_device_it_is_of() {
    let parts = |site, device| Some(Parts { site, device });
    for (template, topic, found) in [
        ("scf/v1/{site}/{kind}/{device}/telemetry", "scf/v1/junmen/vending/VM01/telemetry", parts(Some("junmen"), Some("VM01"))),
        ("topic/vending/client/{device}", "topic/vending/client/1520164", parts(None, Some("1520164"))),
        ("a/x-{device}-y/+", "a/x-7-y/b", parts(None, Some("7"))),
        ("a/x-{device}-y/+", "a/7/b", None),
        ("server/app", "server/app", parts(None, None)),
        ("server/app", "server", None),
        ("server", "server/app", None),
        ("a/{device", "a/b", None),
    ] {
        assert_eq!(Parts::of(template, topic), found, "{template} {topic}");
    }
}

#[test]
fn a_topic_that_the_help_shows_is_one_of_the_model_it_names() {
    let help = super::explain::ExplainArgs::augment_args(clap::Command::new("explain")).get_after_help().unwrap().to_string();
    let examples = help.lines().filter_map(|line| line.split_once("mqtt explain ")?.1.split_once(" --profile "));
    let examples: Vec<(&str, &str)> = examples.filter_map(|(before, id)| Some((before.split(' ').next()?, id))).collect();
    assert_eq!(examples.len(), 1, "{help}");
    for (topic, id) in examples {
        let Dialect::Mqtt(map) = &builtin(id).unwrap().dialect else { panic!("{id}") };
        assert!(map.messages.iter().any(|message| Parts::of(&message.topic, topic).is_some()), "{topic} {id}");
    }
}

/// The service has its password from systemd; who asks it, or about it, has none.
#[test]
fn a_command_needs_no_password_of_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.toml");
    let text = r#"
        gateway = { id = "gw-1", site = "junmen", district = "350102" }
        mqtt.m = { url = "mqtts://broker.example.cn", username = "u", password_file = "credential:mqtt-password" }
        device.vm-01 = { profile = "vending", mqtt = "m" }
    "#;
    std::fs::write(&path, text).unwrap();
    assert_eq!(super::load_with_brokers(&path).ok().unwrap().brokers.len(), 1);
    let problems = crate::cli::check::load_to_run(&path).unwrap_err();
    assert!(problems.0.iter().all(|problem| problem.code == "GW-C012"), "{problems}");
}

#[test]
fn a_lone_device_is_the_one_the_topic_names() {
    let site = site(builtin("locker").unwrap(), "scf/v1/junmen/locker/LK01/telemetry", None).unwrap();
    assert_eq!((&*site.gateway.site, site.devices.len(), site.devices[1].kind), ("junmen", 2, Kind::Locker));
    assert_eq!(site.devices[1].source, Source::Mqtt { broker: 0, topic_id: "LK01".into() });
    assert!(super::lone::site(builtin("danfoss-ekc202d").unwrap(), "a", None).is_none(), "it speaks no MQTT");
}

#[test]
fn a_stranger_gets_an_id_of_small_letters() {
    for (id, own) in [("VM-04", "vm-04"), ("AA:BB:CC", "aa-bb-cc"), ("1520164", "1520164"), ("_x_", "x"), ("柜", ""), ("a b", "a-b")] {
        assert_eq!(own_id(id), own);
    }
}

#[test]
fn whatever_a_stranger_calls_itself_is_one_string_of_toml() {
    for text in ["vm-04", "a\"b", "a\\b", "a\nb", "\u{7f}\u{1}", "柜 1", "x = 1 #"] {
        let toml = format!(
            "gateway = {{ id = \"gw-1\", site = \"junmen\", district = \"350102\" }}\nmqtt.m = {{ url = \"mqtt://127.0.0.1\" }}\n[device.vm-04]\nprofile = \"vending\"\nmqtt = \"m\"\nname = {}\n",
            quoted(text)
        );
        let name = facility_config::from_toml("x.toml", &toml).map(|site| site.devices[1].name.clone());
        // Control characters may be refused as a name; that they stay inside the string is what matters.
        match name {
            Ok(name) => assert_eq!(name.as_deref(), Some(text)),
            Err(problems) => assert!(problems.0.iter().all(|problem| problem.key.ends_with("name")), "{}", problems.render(false)),
        }
    }
}
