#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

const NOW_MS: i64 = 1_788_220_800_000;

fn stranger(id: &str, first_ms: i64, last_ms: i64, messages: u64) -> Stranger {
    let topic = format!("scf/v1/junmen/vending/{id}/telemetry").into();
    Stranger { id: id.into(), topic, profile: "vending".into(), first_ms, last_ms, messages, shape: vec!["/status text".into()] }
}

fn site() -> Site {
    let text = r#"
        gateway = { id = "gw-1", site = "junmen", district = "350102" }
        mqtt.local = { url = "mqtt://127.0.0.1" }
        device.vm-01 = { profile = "vending", mqtt = "local", topic_id = "VM01" }
    "#;
    facility_config::from_toml("gateway.toml", text).unwrap()
}

#[test]
fn what_was_known_and_what_is_heard_become_one_list() {
    let before = [stranger("a", 1, NOW_MS - 10, 3), stranger("b", 2, NOW_MS - 9, 4), stranger("old", 0, NOW_MS - FORGOTTEN_AFTER_MS, 9)];
    let heard = [stranger("b", NOW_MS - 5, NOW_MS, 2), stranger("c", NOW_MS - 4, NOW_MS, 1)];
    let all = merged(&before, &heard, NOW_MS);
    assert_eq!(all, [before[0].clone(), stranger("b", 2, NOW_MS, 6), heard[1].clone()]);
    assert_eq!(merged(&[], &[], NOW_MS), []);
}

#[test]
fn of_too_many_the_ones_heard_longest_ago_give_way() {
    let before: Vec<Stranger> = (0..STRANGERS_MAX).map(|n| stranger(&format!("s{n:03}"), 0, NOW_MS - n as i64, 1)).collect();
    let all = merged(&before, &[stranger("new", NOW_MS, NOW_MS, 1)], NOW_MS);
    assert_eq!(all.len(), STRANGERS_MAX);
    assert!(all.iter().any(|one| &*one.id == "new") && !all.iter().any(|one| *one.id == *format!("s{:03}", STRANGERS_MAX - 1)));
    assert!(all.is_sorted_by(|one, other| one.id < other.id));
}

#[test]
fn who_is_declared_by_now_is_no_stranger_and_a_broker_that_is_gone_has_none() {
    let known = Known::from([
        ("local".to_owned(), vec![stranger("VM01", 0, NOW_MS, 1), stranger("VM02", 0, NOW_MS, 1)]),
        ("gone".to_owned(), vec![stranger("VM03", 0, NOW_MS, 1)]),
    ]);
    assert_eq!(still_strange(&site(), known), Known::from([("local".to_owned(), vec![stranger("VM02", 0, NOW_MS, 1)])]));
}

#[test]
fn a_file_that_is_missing_or_damaged_is_no_list() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read(dir.path()), Known::new());
    for damaged in ["", "{", "[1]", r#"{"local":[{"id":1}]}"#] {
        std::fs::write(dir.path().join(FILE), damaged).unwrap();
        assert_eq!(read(dir.path()), Known::new(), "{damaged}");
    }
}

#[tokio::test]
async fn the_list_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut site = site();
    site.store.dir = dir.path().to_owned();
    let heard = Heard { strangers: vec![stranger("VM02", 5, NOW_MS, 1)], ..Heard::default() };
    let shown = watch::Sender::new(Arc::new(heard));
    let stop = CancellationToken::new();
    let (before, clock) = (Arc::default(), Clock::manual(NOW_MS));
    let keeper = Keeper { site: Arc::new(site), before, heard: vec![shown.subscribe()], clock, stop: stop.clone() };
    stop.cancel();
    keeper.run().await;
    assert_eq!(read(dir.path()), Known::from([("local".to_owned(), vec![stranger("VM02", 5, NOW_MS, 1)])]));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
}
