#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::status::{DroppedInfo, sample};
use facility_drivers::Fault;

fn codes(status: &Status) -> Vec<&'static str> {
    conditions(status).iter().map(|found| found.code.as_str()).collect()
}

fn link(status: &mut Status, kind: LinkKind) -> &mut LinkInfo {
    status.links.iter_mut().find(|link| link.kind == kind).unwrap()
}

fn down(status: &mut Status, kind: LinkKind, state: LinkState, for_ms: i64) {
    let since_ms = status.gateway.now_ms - for_ms;
    let link = link(status, kind);
    link.state = state;
    link.since_ms = since_ms;
    link.error = Some("no route to host".into());
}

#[test]
fn a_good_day_has_no_condition() {
    assert_eq!(codes(&sample::well()), Vec::<&str>::new());
}

#[test]
fn a_database_that_was_not_asked_for_anything_yet_is_not_away() {
    let mut status = sample::well();
    down(&mut status, LinkKind::Database, LinkState::Connecting, LINK_GRACE_MS);
    link(&mut status, LinkKind::Database).error = None;
    assert_eq!(codes(&status), Vec::<&str>::new());
}

type Change = fn(&mut Status);

#[test]
fn each_condition_comes_with_its_cause() {
    let causes: [(&str, Change); 33] = [
        ("GW-H001", |s| s.stores[0].fault = Some("no space left on device".into())),
        ("GW-H003", |s| s.stores[0].damaged = 1),
        ("GW-H004", |s| (s.stores[1].evicted_since_start, s.stores[1].backlog_bytes) = (1, s.stores[1].bytes_max)),
        ("GW-H004", |s| (s.stores[0].thinned_since_start, s.stores[0].backlog_bytes) = (1, s.stores[0].bytes_max)),
        ("GW-H004", |s| (s.stores[1].evicted_since_start, s.stores[1].start) = (1, s.stores[1].end - s.stores[1].backlog)),
        ("GW-H007", |s| s.stores[0].full = true),
        ("GW-H007", |s| (s.stores[0].full, s.stores[0].backlog_bytes) = (true, s.stores[0].bytes_max)),
        ("GW-H005", |s| s.stores[1].backlog_bytes = s.stores[1].bytes_max / 2),
        ("GW-H006", |s| s.accounts[0] = crate::ledger::Account::messages(&one_message())),
        ("GW-H008", |s| s.wear.life_used = Some(Band { from_pct: 80, to_pct: Some(90) })),
        ("GW-H008", |s| s.wear.life_used = Some(Band { from_pct: 100, to_pct: None })),
        ("GW-H008", |s| s.wear.reserve = Some(Reserve::Warning)),
        ("GW-H008", |s| s.wear.reserve = Some(Reserve::Urgent)),
        ("GW-H008", |s| (s.wear.life_years, s.wear.measured_s) = (Some(0.99), 86_400)),
        ("GW-H010", |s| down(s, LinkKind::Broker, LinkState::Connecting, LINK_GRACE_MS)),
        ("GW-H011", |s| down(s, LinkKind::Broker, LinkState::Denied, 0)),
        ("GW-H012", |s| down(s, LinkKind::Bus, LinkState::Connecting, LINK_GRACE_MS)),
        ("GW-H013", |s| down(s, LinkKind::Bus, LinkState::Denied, 0)),
        ("GW-H014", |s| down(s, LinkKind::Database, LinkState::Connecting, LINK_GRACE_MS)),
        ("GW-H015", |s| down(s, LinkKind::Database, LinkState::Denied, 0)),
        ("GW-H020", |s| s.devices[0].online = false),
        ("GW-H021", |s| link(s, LinkKind::Bus).late_units = 3),
        ("GW-H030", |s| _ = s.rates.refused_recent.insert("unknown_device", 1)),
        ("GW-H031", |s| _ = s.rates.refused_recent.insert("undecodable", 1)),
        ("GW-H032", |s| _ = s.rates.dropped_recent.insert("unknown_device", 1)),
        ("GW-H030", |s| s.strangers = sample::busy().strangers),
        ("GW-H032", |s| _ = s.rates.dropped_recent.insert("out_of_range", 1)),
        ("GW-H032", |s| _ = s.rates.dropped_recent.insert("wrong_type", 1)),
        ("GW-H033", |s| s.dropped = sample::busy().dropped),
        ("GW-H033", |s| (s.dropped, _) = (sample::busy().dropped, s.rates.dropped_recent.insert("wrong_type", 1))),
        ("GW-H034", |s| _ = s.rates.refused_recent.insert("rate_limited", 9)),
        ("GW-H035", |s| _ = s.rates.refused_recent.insert("no_birth", 9)),
        ("GW-H040", |s| s.gateway.clock_set = false),
    ];
    for (code, cause) in causes {
        let mut status = sample::well();
        cause(&mut status);
        assert_eq!(codes(&status), [code]);
    }
}

#[test]
fn a_message_that_was_dropped_as_a_whole_is_no_place() {
    let mut status = sample::well();
    let drop = |place: &str| DroppedInfo {
        place: place.into(),
        reason: Fault::Personal,
        last_ms: status.gateway.now_ms,
        ..sample::busy().dropped[0].clone()
    };
    status.dropped = vec![drop(""), drop("/code")];
    status.rates.dropped_recent.insert("personal", 2);
    let told = conditions(&status).into_iter().find(|condition| condition.code.as_str() == "GW-H032").unwrap();
    assert!(told.en.ends_with("(personal 2): gl-junmen-lk-01 /code."), "{}", told.en);
}

#[test]
fn who_is_refused_is_named_and_who_has_too_many_parts_is_told_the_setting() {
    let mut status = sample::well();
    let drop = |device: &str, reason, place: &str| DroppedInfo {
        device: device.into(),
        place: place.into(),
        reason,
        last_ms: status.gateway.now_ms,
        ..sample::busy().dropped[0].clone()
    };
    status.dropped = vec![
        drop("lk-0001", Fault::Undecodable, ""),
        drop("lk-0002", Fault::Duplicate, ""),
        drop("lk-0003", Fault::RateLimited, ""),
        drop("lk-0004", Fault::Personal, "/code"),
    ];
    status.rates.refused_recent.insert("undecodable", 2);
    status.rates.dropped_recent.insert("too_many_series", 3);
    let told = |code: &str| conditions(&status).into_iter().find(|condition| condition.code.as_str() == code).unwrap().en;
    assert!(told("GW-H031").ends_with("(undecodable 2): lk-0001."), "{}", told("GW-H031"));
    assert!(told("GW-H032").contains("`series_max`"), "{}", told("GW-H032"));
}

fn one_message() -> crate::telemetry::Intake {
    let intake = crate::telemetry::Intake::default();
    intake.messages.add(1);
    intake
}

#[test]
fn what_is_normal_is_no_condition() {
    let normal: [(&str, Change); 20] = [
        ("a link just coming up", |s| down(s, LinkKind::Broker, LinkState::Connecting, LINK_GRACE_MS - 1)),
        ("a link told to stop", |s| down(s, LinkKind::Bus, LinkState::Stopped, 60_000)),
        ("a backlog below half", |s| s.stores[1].backlog_bytes = s.stores[1].bytes_max / 2 - 1),
        ("deleted in an outage that is over", |s| s.stores[1].evicted_since_start = 9),
        ("a card with life left", |s| s.wear.life_used = Some(Band { from_pct: 70, to_pct: Some(80) })),
        ("a busy hour", |s| (s.wear.life_years, s.wear.measured_s) = (Some(0.1), 86_399)),
        ("a card that lasts a year", |s| (s.wear.life_years, s.wear.measured_s) = (Some(1.0), 86_400)),
        ("no card", |s| s.wear = WearInfo { life_years: Some(0.0), measured_s: 86_400, ..WearInfo::default() }),
        ("thinned out in an outage that is over", |s| s.stores[0].thinned_since_start = 9),
        ("a young log that nobody has read yet", |s| s.stores[1].start = s.stores[1].end - s.stores[1].backlog),
        ("given up by a disk that is well again", |s| s.stores[0].no_disk_since_start = 9),
        ("a message sent twice", |s| _ = s.rates.refused_recent.insert("duplicate", 5)),
        ("a unit without an answer", |s| _ = s.rates.dropped_recent.insert("timeout", 5)),
        ("a time put right", |s| _ = s.rates.dropped_recent.insert("clock_ahead", 5)),
        ("a message the broker had kept", |s| _ = s.rates.refused_recent.insert("retained", 5)),
        ("a field nobody asked for", |s| _ = s.rates.dropped_recent.insert("unknown_field", 5)),
        ("a stranger of yesterday", |s| {
            s.strangers = sample::busy().strangers;
            s.strangers[0].stranger.last_ms = s.gateway.now_ms - 3_600_000;
        }),
        ("a field that was of another type yesterday", |s| {
            s.dropped = sample::busy().dropped;
            s.dropped[1].last_ms = s.gateway.now_ms - 3_600_000;
        }),
        ("a field of a machine that has only just been switched on again", |s| {
            s.dropped = sample::busy().dropped;
            (s.devices[0].online, s.devices[0].waiting) = (false, true);
        }),
        ("a device not due yet", |s| (s.devices[0].online, s.devices[0].waiting) = (false, true)),
    ];
    for (case, change) in normal {
        let mut status = sample::well();
        change(&mut status);
        assert_eq!(codes(&status), Vec::<&str>::new(), "{case}");
    }
}

#[test]
fn a_dead_bus_explains_its_silent_devices() {
    // In the sample rs485-b is down with fz-03 behind it, and lk-02 is silent on a broker that works.
    let found = conditions(&sample::busy());
    let silent: Vec<&Condition> = found.iter().filter(|one| one.code == Code::Silent).collect();
    assert_eq!(silent.len(), 1);
    assert_eq!(silent[0].subject, "local");
    assert_eq!(silent[0].en, "1 of 3 devices on local are silent: gl-junmen-lk-02.");
    assert!(found.iter().any(|one| one.code == Code::BusDown && one.subject == "rs485-b"));
}

#[test]
fn of_a_link_on_which_nobody_is_heard_it_is_not_said_that_it_works() {
    let of_silent = |silent: usize| {
        let mut status = sample::well();
        let broker = link(&mut status, LinkKind::Broker).name.clone();
        let on_broker = |device: &&mut DeviceInfo| device.link.as_deref() == Some(&broker);
        let all = status.devices.iter_mut().filter(on_broker).count();
        status.devices.iter_mut().filter(on_broker).take(silent).for_each(|device| device.online = false);
        (all, conditions(&status).into_iter().find(|one| one.code == Code::Silent).unwrap())
    };
    let (all, one) = of_silent(1);
    assert!(all > 1, "the sample has several devices on its broker");
    assert_eq!((one.hint_en, one.hint_zh), Code::Silent.hint());
    let (_, everyone) = of_silent(all);
    assert!(everyone.en.starts_with(&format!("{all} of {all} devices")), "{}", everyone.en);
    assert!(!everyone.hint_en.contains("itself works") && everyone.hint_en.contains("in common"), "{}", everyone.hint_en);
    assert!(!everyone.hint_zh.contains("链路本身正常") && everyone.hint_zh.contains("公共"), "{}", everyone.hint_zh);
}

#[test]
fn a_full_store_hides_its_backlog_and_the_worst_comes_first() {
    let mut status = sample::busy();
    status.stores[1].backlog_bytes = status.stores[1].bytes_max;
    status.stores[1].evicted_since_start = 7;
    status.stores[0].fault = Some("input/output error".into());
    status.rates.dropped_recent.insert("wrong_type", 2);
    assert_eq!(codes(&status), ["GW-H001", "GW-H004", "GW-H012", "GW-H020", "GW-H030", "GW-H033"]);
}

#[test]
fn what_the_card_says_of_itself_hides_what_is_projected() {
    let mut status = sample::well();
    status.wear.measured_s = 90_000;
    status.wear.written_bytes_per_day = Some(43_200_000_000);
    status.wear.life_years = Some(0.5);
    let said = |status: &Status| conditions(status).into_iter().map(|one| (one.subject, one.en, one.zh)).collect::<Vec<_>>();
    let en = "43.2 GB are written to the card mmcblk1 a day: a new one would last about 182 days.";
    let zh = "存储卡 mmcblk1 每天写入 43.2 GB：按此速率新卡约可用 182 天。";
    assert_eq!(said(&status), [("mmcblk1".to_owned(), en.to_owned(), zh.to_owned())]);
    for (reserve, from_pct, to_pct, en) in [
        (Reserve::Warning, 10, Some(20), "The card mmcblk1 has used 80 % of its spare blocks."),
        (Reserve::Warning, 90, Some(100), "The card mmcblk1 reports 90 to 100 % of its life as used."),
        (Reserve::Warning, 100, None, "The card mmcblk1 reports that its life is over."),
        (Reserve::Urgent, 100, None, "The card mmcblk1 has nearly no spare blocks left."),
    ] {
        status.wear.reserve = Some(reserve);
        status.wear.life_used = Some(Band { from_pct, to_pct });
        assert_eq!(said(&status).iter().map(|(_, en, _)| en.as_str()).collect::<Vec<_>>(), [en]);
    }
}

#[test]
fn what_a_full_or_failing_store_costs_is_told() {
    let mut status = sample::well();
    let store = &mut status.stores[0];
    (store.fault, store.no_disk_since_start) = (Some("input/output error".into()), 12);
    (store.evicted_since_start, store.thinned_since_start, store.backlog_bytes) = (5, 90, store.bytes_max);
    let told: Vec<(String, String)> = conditions(&status).into_iter().map(|found| (found.en, found.zh)).collect();
    let expected = [
        (
            "The readings store cannot write: input/output error. 12 points were given up, memory is full.",
            "readings 存储无法写入：input/output error。内存已满，已放弃 12 个数据点。",
        ),
        (
            "The readings store is full: 95 points were deleted before they were delivered, 90 of them by thinning out.",
            "readings 存储已满，95 个未送达的数据点被删除（其中抽稀 90 个）。",
        ),
    ];
    assert_eq!(told, expected.map(|(en, zh)| (en.to_owned(), zh.to_owned())));
}

#[test]
fn messages_say_where_why_how_long_and_how_long_it_can_go_on() {
    let mut status = sample::well();
    down(&mut status, LinkKind::Database, LinkState::Connecting, 45 * 60_000);
    status.stores[1].room_s = Some(9 * 86_400 + 100);
    let found = conditions(&status);
    assert_eq!(
        found[0].en,
        "Destination at https://tsdb.example.cn/insert cannot be reached for 45 min (no route to host). At the present rate there is room for 9 days."
    );
    assert_eq!(
        found[0].zh,
        "转发目标（https://tsdb.example.cn/insert）无法访问，已持续 45 分钟 (no route to host)。按目前速率还可离线保存 9 天。"
    );
}

#[test]
fn what_devices_send_is_told_with_names_and_places() {
    let mut status = sample::busy();
    status.rates.dropped_recent.insert("out_of_range", 2);
    status.rates.refused_recent.insert("rate_limited", 70);
    let place = |device: &str, place: &str, reason, last_s: i64| {
        let mut drop = sample::busy().dropped.remove(1);
        (drop.device, drop.place, drop.reason, drop.last_ms) = (device.into(), place.into(), reason, status.gateway.now_ms - last_s * 1000);
        drop
    };
    let more = [
        place("gl-junmen-lk-01", "/compartments/total", Fault::OutOfRange, 3),
        place("gl-junmen-lk-01", "", Fault::RateLimited, 3),
        place("gl-junmen-lk-01", "/compartments/faulted", Fault::OutOfRange, 300),
    ];
    status.dropped.extend(more);
    let told: Vec<String> = conditions(&status).into_iter().filter(|one| one.code >= Code::UnknownDevice).map(|one| one.en).collect();
    let expected = [
        "Devices that are not declared were heard in the last hour, 1 in all: cs-jinzhou-vm-04.",
        "A field of cs-jinzhou-vm-03 is no longer what its profile says: /temps/air.",
        "70 messages were dropped in the last 60 s because a device sends more than it may: gl-junmen-lk-01.",
        "2 values dropped in the last 60 s (out_of_range 2): gl-junmen-lk-01 /compartments/total.",
    ];
    assert_eq!(told, expected);
    // New firmware for a whole fleet is one thing.
    status.dropped = status.devices.iter().map(|device| place(&device.id, "/status", Fault::BadText, 1)).collect();
    status.devices.iter_mut().for_each(|device| device.online = true);
    let found = conditions(&status);
    let told: Vec<&str> = found.iter().filter(|one| one.code == Code::SchemaChanged).map(|one| one.en.as_str()).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("Fields of 7 devices are no longer what their profiles say: cs-jinzhou-vm-03, "), "{told:?}");
}

#[test]
fn many_silent_devices_are_counted_and_some_named() {
    let mut status = sample::well();
    let template = status.devices[0].clone();
    status.devices = (0..9).map(|n| DeviceInfo { id: format!("vm-{n}"), online: false, ..template.clone() }).collect();
    assert_eq!(conditions(&status)[0].en, "9 of 9 devices on local are silent: vm-0, vm-1, vm-2, vm-3, vm-4, ….");
}

#[test]
fn a_snapshot_may_be_ten_seconds_old() {
    assert_eq!(stalled(STATUS_AGE_MS_MAX), None);
    let found = stalled(STATUS_AGE_MS_MAX + 1).unwrap();
    assert_eq!((found.code.as_str(), found.severity), ("GW-H002", Severity::Critical));
}

#[test]
fn every_code_is_unique_and_says_what_to_do_in_both_languages() {
    let mut seen = std::collections::BTreeSet::new();
    for code in Code::ALL {
        assert!(seen.insert(code.as_str()), "{code:?} shares its code");
        let (en, zh) = code.hint();
        assert!(en.ends_with('.') && en.is_ascii(), "{code:?}: {en}");
        assert!(zh.ends_with('。') && zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{code:?}: {zh}");
    }
}

#[test]
fn only_what_stops_the_gateway_itself_is_critical() {
    let critical: Vec<Code> = Code::ALL.into_iter().filter(|code| code.severity() == Severity::Critical).collect();
    assert_eq!(critical, [Code::StoreFault, Code::Stalled]);
}
