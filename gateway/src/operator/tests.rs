#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use facility_config::alarm::RuleKind;
use facility_config::{DeviceIx, Part};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const NOW_MS: i64 = 1_788_220_800_000;
const HOUR_MS: i64 = 3_600_000;
const SITE: &str = r#"
[gateway]
id = "gw-test-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
url = "mqtt://127.0.0.1:1883"
[device.fz-001]
profile = "cabinet"
mqtt = "kiosk"
cold = "frozen"
"#;

fn site(dir: &Path) -> Arc<Site> {
    let mut site = facility_config::from_toml("gateway.toml", SITE).unwrap();
    site.store.dir = dir.to_owned();
    Arc::new(site)
}

fn text(what: &str, rest: &str) -> String {
    format!(r#"{{"what":"{what}","device":"fz-001","by":"lin"{rest}}}"#)
}

#[test]
fn a_file_is_a_command_or_says_why_not() {
    let (device, rule, part) = (DeviceIx(1), RuleKind::FrozenHigh, Part::WHOLE);
    let end = |until_ms: i64| format!(r#","until_ms":{until_ms}"#);
    let rule_and = |rest: &str| format!(r#","rule":"frozen_high"{rest}"#);
    let cases = [
        (text("acknowledge", &rule_and("")), Ok(Command::Acknowledge { device, rule, part })),
        (
            text("acknowledge", &rule_and(r#","note":"on my way","part":"2""#)),
            Ok(Command::Acknowledge { device, rule, part: Part::new("2").unwrap() }),
        ),
        (text("unshelve", &rule_and("")), Ok(Command::Unshelve { device, rule, part })),
        (text("shelve", &rule_and(&end(NOW_MS + HOUR_MS))), Ok(Command::Shelve { device, rule, part, until_ms: NOW_MS + HOUR_MS })),
        (text("maintenance", &end(NOW_MS + PAUSE_MS_MAX)), Ok(Command::Maintenance { device, until_ms: Some(NOW_MS + PAUSE_MS_MAX) })),
        (text("maintenance", ""), Ok(Command::Maintenance { device, until_ms: None })),
        (text("shelve", &rule_and("")), Err(Refusal::BadEnd)),
        (text("shelve", &rule_and(&end(NOW_MS))), Err(Refusal::BadEnd)),
        (text("shelve", &rule_and(&end(i64::MIN))), Err(Refusal::BadEnd)),
        (text("maintenance", &end(NOW_MS + PAUSE_MS_MAX + 1)), Err(Refusal::BadEnd)),
        (
            text("acknowledge", r#","rule":"uplink_reliability""#).replace("fz-001", "gw-test-01"),
            Ok(Command::Acknowledge { device: DeviceIx::GATEWAY, rule: RuleKind::UplinkReliability, part }),
        ),
        (text("acknowledge", ""), Err(Refusal::UnknownRule)),
        (text("acknowledge", r#","rule":"chilled_high""#), Err(Refusal::UnknownRule)),
        (text("acknowledge", &rule_and(r#","part":"a part of more than 23 bytes""#)), Err(Refusal::UnknownRule)),
        (text("maintenance", "").replace("fz-001", "fz-002"), Err(Refusal::UnknownDevice)),
        (text("maintenance", "").replace("fz-001", "gw-test-01"), Err(Refusal::UnknownDevice)),
        (text("open", &rule_and("")), Err(Refusal::NoCommand)),
        (text("acknowledge", &rule_and(r#","open":true"#)), Err(Refusal::NoCommand)),
        (text("acknowledge", &rule_and("")).replace("lin", " "), Err(Refusal::NoCommand)),
        (text("acknowledge", &rule_and("")).replace("lin", r"l\u001bin"), Err(Refusal::NoCommand)),
        (text("acknowledge", &rule_and("")).replace("lin", &"l".repeat(65)), Err(Refusal::NoCommand)),
        ("[".repeat(4000), Err(Refusal::NoCommand)),
        (String::new(), Err(Refusal::NoCommand)),
    ];
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path());
    for (text, expected) in cases {
        let command = Wish::parse(text.as_bytes()).ok_or(Refusal::NoCommand).and_then(|wish| wish.command(&site, NOW_MS));
        assert_eq!(command, expected, "{text}");
    }
}

#[tokio::test]
async fn good_files_are_done_bad_ones_are_put_aside_and_the_rest_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (orders, mut asked) = mpsc::channel(ORDER_QUEUE_LEN);
    let telemetry = Arc::new(Telemetry::default());
    let task = OperatorTask {
        site: site(dir.path()),
        clock: Clock::manual(NOW_MS),
        telemetry: telemetry.clone(),
        orders,
        stop: CancellationToken::new(),
    };
    let folder = dir.path().join(DIR);
    let spool = Spool::new(&folder);
    spool.make().unwrap();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let wish = Wish::parse(text("maintenance", "").as_bytes()).unwrap();
    let good = spool.put(&wish, NOW_MS).unwrap();
    assert_eq!(std::fs::metadata(folder.join(format!("{good}.json"))).unwrap().permissions().mode() & 0o777, 0o600);
    let garbage: [(&str, Vec<u8>); 4] =
        [("a", b"{".to_vec()), ("b", vec![0xff; 4096]), ("c", vec![b' '; 1_000_000]), ("d", text("acknowledge", "").into())];
    garbage.iter().for_each(|(id, text)| std::fs::write(folder.join(format!("{id}.json")), text).unwrap());
    std::fs::create_dir(folder.join("folder.json")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link.json")).unwrap();
    std::fs::write(folder.join("no name.json"), "{}").unwrap();

    // In the place of the pipeline.
    let pipeline = tokio::spawn(async move {
        let mut commands = Vec::new();
        while let Some(Order { command, taken, durable }) = asked.recv().await {
            taken.send(true).unwrap();
            durable.release();
            commands.push(command);
        }
        commands
    });
    task.look(&spool).await.unwrap();
    drop(task);
    assert_eq!(pipeline.await.unwrap(), [Command::Maintenance { device: DeviceIx(1), until_ms: None }]);
    assert_eq!((telemetry.operator.done.get(), telemetry.operator.refused.get()), (1, 4));
    assert_eq!(spool.fate(&good).unwrap(), Fate::Done);
    for (id, _) in &garbage[..3] {
        assert_eq!(spool.fate(id).unwrap(), Fate::Refused(Refusal::NoCommand), "{id}");
    }
    assert_eq!(spool.fate("d").unwrap(), Fate::Refused(Refusal::UnknownRule));
    assert_eq!(spool.ids().unwrap(), [] as [String; 0]);
    assert!(std::fs::read_to_string("/etc/passwd").is_ok() && folder.join("no name.json").exists());
}

#[tokio::test]
async fn what_changes_nothing_is_refused_and_what_is_not_durable_waits() {
    let dir = tempfile::tempdir().unwrap();
    let (orders, mut asked) = mpsc::channel(ORDER_QUEUE_LEN);
    let (clock, stop) = (Clock::manual(NOW_MS), CancellationToken::new());
    let task = OperatorTask { site: site(dir.path()), clock, telemetry: Arc::default(), orders, stop };
    let spool = Spool::new(&dir.path().join(DIR));
    spool.make().unwrap();
    let wish = Wish::parse(text("maintenance", "").as_bytes()).unwrap();
    let id = spool.put(&wish, NOW_MS).unwrap();
    let answers = [(true, Fate::Taken), (false, Fate::Refused(Refusal::NothingToDo))];
    for (changed, fate) in answers {
        let pipeline = async {
            let order = asked.recv().await.unwrap();
            order.taken.send(changed).unwrap();
            // Given up by the store.
            drop(order.durable);
        };
        let (looked, ()) = tokio::join!(task.look(&spool), pipeline);
        looked.unwrap();
        assert_eq!(spool.fate(&id).unwrap(), fate);
    }
}

#[test]
fn refused_ones_are_kept_up_to_a_number_and_one_that_nobody_takes_can_be_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::new(&dir.path().join(DIR));
    spool.make().unwrap();
    for nth in 0..70 {
        std::fs::write(dir.path().join(DIR).join(format!("{nth:03}.json")), "{}").unwrap();
        spool.take(&format!("{nth:03}")).unwrap();
        spool.refuse(&format!("{nth:03}"), Refusal::NoCommand).unwrap();
    }
    assert_eq!(std::fs::read_dir(dir.path().join(DIR).join("refused")).unwrap().count(), 64);
    assert_eq!(spool.fate("069").unwrap(), Fate::Refused(Refusal::NoCommand));
    let wish = Wish::parse(text("maintenance", "").as_bytes()).unwrap();
    let id = spool.put(&wish, NOW_MS).unwrap();
    assert_eq!(spool.ids().unwrap(), std::slice::from_ref(&id));
    assert!(spool.take_back(&id).unwrap() && !spool.take_back(&id).unwrap());
    assert!(spool.take(&id).is_err(), "it was taken back");
    let id = spool.put(&wish, NOW_MS).unwrap();
    spool.take(&id).unwrap();
    spool.take(&id).unwrap();
    assert!(!spool.take_back(&id).unwrap(), "the gateway has it");
    assert_eq!((spool.fate(&id).unwrap(), spool.ids().unwrap()), (Fate::Taken, vec![id.clone()]), "and the next start does it");
    spool.remove(&id).unwrap();
    assert_eq!((spool.fate(&id).unwrap(), spool.ids().unwrap()), (Fate::Done, vec![]));
    for name in ["", "../x", "a/b", "a.json"] {
        assert!(spool.read(name).is_err() && spool.remove(name).is_err(), "{name}");
    }
}
