#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::raw::Raw;
use config::{Map, Value, ValueKind};
use std::collections::BTreeSet;

/// A value of every key of the table, under the name `x` where the site gives names.
fn full(keys: &[Key]) -> Map<String, Value> {
    let value = |node: Node| -> ValueKind {
        match node {
            Node::Value(Type::Int(low, _)) => ValueKind::I64(low),
            Node::Value(Type::Float(low, _)) => ValueKind::Float(low),
            Node::Value(Type::Bool) => ValueKind::Boolean(true),
            Node::Value(Type::Text) => ValueKind::String("text".into()),
            Node::Value(Type::Word(words)) => ValueKind::String(words[0].into()),
            Node::Table(keys) => full(keys).into(),
            Node::Named(keys) => Map::from_iter([("x".to_owned(), Value::new(None, full(keys)))]).into(),
        }
    };
    keys.iter().map(|key| (key.name.to_owned(), Value::new(None, value(key.node)))).collect()
}

fn paths(keys: &[Key], path: &str, found: &mut BTreeSet<String>) {
    for key in keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match key.node {
            Node::Value(_) => drop(found.insert(path)),
            Node::Table(keys) => paths(keys, &path, found),
            Node::Named(keys) => paths(keys, &format!("{path}.x"), found),
        }
    }
}

#[test]
fn the_mirror_knows_every_key_and_every_word() {
    let mut ignored = Vec::new();
    let root = Value::new(None, full(ROOT));
    let raw: Raw = serde_ignored::deserialize(root, |path| ignored.push(path.to_string())).unwrap();
    assert_eq!(ignored, Vec::<String>::new());
    // What the mirror has as optional was given, so none of it is absent: it has no key that the table lacks.
    let debug = format!("{raw:?}");
    // But rules: all have one mirror, of which each uses what its own table names.
    let absent: Vec<_> = debug.split(", ").filter(|field| field.ends_with("None") && !is_of_a_rule(field)).collect();
    assert_eq!(absent, Vec::<&str>::new());
}

fn is_of_a_rule(field: &str) -> bool {
    let mut keys = RULES.iter().flat_map(|rule| match rule.node {
        Node::Table(keys) => keys,
        _ => &[],
    });
    keys.any(|key| field.contains(&format!("{}: ", key.name)))
}

#[test]
fn there_is_a_table_for_every_rule_with_its_default() {
    use crate::alarm::{RuleKind, Side};
    let names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names, RuleKind::ALL.iter().map(|rule| rule.as_str()).collect::<Vec<_>>());
    for (kind, table) in RuleKind::ALL.iter().zip(RULES) {
        let Node::Table(keys) = table.node else { panic!("{} is no table", table.name) };
        assert!(table.doc.contains(kind.zh()), "{}", table.doc);
        let rule = kind.default_rule();
        for key in keys {
            let IfAbsent::Derived(words) = key.default else { panic!("{}.{} has no default", table.name, key.name) };
            let said = words.split(',').next().unwrap();
            let number = |number: f64| assert_eq!(said.parse(), Ok(number), "{}.{}", table.name, key.name);
            match key.name {
                "enabled" => assert_eq!(said, "true"),
                "latch" => assert_eq!(said, rule.latch.to_string(), "{}", table.name),
                "on_delay_s" => number(rule.on_delay.as_secs_f64()),
                "off_delay_s" => number(rule.off_delay.as_secs_f64()),
                "defrost_delay_s" | "grace_s" => number(rule.defrost_delay.as_secs_f64()),
                "re_alarm_s" => number(rule.re_alarm.as_secs_f64()),
                "low_v" => number(rule.low.unwrap()),
                name if name.starts_with("deadband") => number(rule.deadband),
                _ => number(rule.limit),
            }
        }
        assert_eq!(
            kind.info().side != Side::State,
            !kind.info().unit.is_empty() || matches!(kind.as_str(), "locker_overdue" | "comm_loss")
        );
        assert_eq!(RuleKind::from_name(table.name), Some(*kind));
    }
}

#[test]
fn every_word_of_every_choice_is_understood() {
    fn choices(keys: &'static [Key], found: &mut Vec<(&'static str, &'static str)>) {
        for key in keys {
            match key.node {
                Node::Value(Type::Word(words)) => found.extend(words.iter().map(|word| (key.name, *word))),
                Node::Value(_) => {}
                Node::Table(keys) | Node::Named(keys) => choices(keys, found),
            }
        }
    }
    let mut found = Vec::new();
    choices(ROOT, &mut found);
    assert_eq!(found.len(), 34);
    for (key, word) in found {
        let mut root = full(ROOT);
        replace(&mut root, key, word);
        Value::new(None, root).try_deserialize::<Raw>().unwrap_or_else(|error| panic!("{key} = {word}: {error}"));
    }
}

fn replace(table: &mut Map<String, Value>, key: &str, word: &str) {
    for (name, value) in table {
        match &mut value.kind {
            ValueKind::Table(below) => replace(below, key, word),
            kind if name == key => *kind = ValueKind::String(word.into()),
            _ => {}
        }
    }
}

#[test]
fn the_annotated_file_shows_every_key_with_its_default() {
    let text = include_str!("../gateway.toml");
    let mut keys = BTreeSet::new();
    paths(ROOT, "", &mut keys);
    // A setting that goes only with another profile is shown in prose, with a blank.
    let shown: Vec<&str> = text.lines().map(|line| line.strip_prefix('#').unwrap_or(line).trim_start()).collect();
    for path in &keys {
        let name = path.rsplit('.').next().unwrap();
        assert!(shown.iter().any(|line| line.starts_with(&format!("{name} = "))), "{path} is not in gateway.toml");
    }
    let sections = [("store", STORE), ("metrics", METRICS), ("coldchain", COLDCHAIN), ("forward.main", FORWARD), ("api", API)];
    let rules = RULES.iter().map(|rule| match rule.node {
        Node::Table(keys) => (format!("alarm.{}", rule.name), keys),
        _ => panic!("{} is no table", rule.name),
    });
    let sections = sections.into_iter().map(|(section, keys)| (section.to_owned(), keys));
    for (section, keys) in sections.chain(rules) {
        let lines = shown.iter().skip_while(|line| **line != format!("[{section}]")).skip(1).take_while(|line| !line.starts_with('['));
        let lines: Vec<_> = lines.collect();
        for key in keys {
            let default = match key.default {
                IfAbsent::Int(value) => value.to_string(),
                IfAbsent::Bool(value) => value.to_string(),
                IfAbsent::Text(value) => format!("{value:?}"),
                IfAbsent::Derived(words) => words.split(',').next().unwrap().to_owned(),
                _ => continue,
            };
            assert!(lines.iter().any(|line| **line == format!("{} = {default}", key.name)), "{section}.{} = {default}", key.name);
        }
    }
}

#[test]
fn the_schema_for_editors_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/gateway.schema.json");
    let made = crate::schema::json_schema();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept == made, "schema/gateway.schema.json is out of date: run the tests with UPDATE_GOLDEN=1");
    let schema: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let mut keys = BTreeSet::new();
    paths(ROOT, "", &mut keys);
    for path in keys {
        let node = path.split('.').fold(&schema, |node, part| {
            let node = if node.get("allOf").is_some() { &schema["definitions"]["rules"] } else { node };
            if part == "x" { &node["additionalProperties"] } else { &node["properties"][part] }
        });
        assert!(node.is_object(), "{path} is not in the schema");
    }
}

#[test]
fn the_nearest_name_is_near() {
    let cases = [
        ("keep_alvie", Some("keep_alive_s")),
        ("keep-alive", Some("keep_alive_s")),
        ("Url", Some("url")),
        ("x", None),
        ("passwort_file", Some("password_file")),
    ];
    for (written, expected) in cases {
        assert_eq!(nearest(written, MQTT.iter().map(|key| key.name)), expected, "{written}");
    }
}
