#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use facility_drivers::{Fault, Subject};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const NOW_MS: i64 = 1_788_220_800_000;
const TOPIC: &str = "scf/v1/junmen/locker/LK350102/telemetry";
const GOOD: &str = r#"{"v":1,"id":"LK350102","ts":"2026-09-01T00:00:00Z","seq":1,"compartments":{"total":60,"occupied":41,"faulted":2}}"#;
const PATIENCE: Duration = Duration::from_secs(20);

fn site(dir: &Path) -> Site {
    let text = r#"
        gateway = { id = "gw-1", site = "junmen", district = "350102" }
        mqtt.local = { url = "mqtt://127.0.0.1" }
        device.lk-01 = { profile = "locker", mqtt = "local", topic_id = "LK350102" }
    "#;
    let mut site = facility_config::from_toml("gateway.toml", text).unwrap();
    (site.store.dir, site.store.free_bytes_min) = (dir.to_owned(), 0);
    site
}

fn letter(topic: &str, body: &str, is_whole: bool) -> Letter {
    let device = Some(facility_config::DeviceIx(1));
    let (bytes, body) = (body.len(), body.to_owned());
    Letter { at_ms: NOW_MS, broker: "local".into(), topic: topic.into(), device, fault: Fault::Undecodable, bytes, body, is_whole }
}

fn kept(topic: &str, body: &str, is_whole: bool) -> Kept {
    Kept::of(&site(Path::new("/nowhere")), letter(topic, body, is_whole))
}

#[test]
fn a_letter_is_a_small_file_of_its_own_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    shelf.make().unwrap();
    let (one, other) = (kept(TOPIC, "{", true), kept(TOPIC, "[", true));
    shelf.put(&one).unwrap();
    shelf.put(&other).unwrap();
    let ids = shelf.ids(Waiting::Person).unwrap();
    assert_eq!(ids, ["20260901T000000Z-0000", "20260901T000000Z-0001"]);
    assert_eq!((shelf.read(Waiting::Person, &ids[0]).unwrap(), shelf.read(Waiting::Person, &ids[1]).unwrap()), (one, other));
    let mode = std::fs::metadata(dir.path().join("messages/20260901T000000Z-0000.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    shelf.to_replay(&ids[0]).unwrap();
    assert_eq!(shelf.count().unwrap(), (2, 1));
    shelf.remove(Waiting::Replay, &ids[0]).unwrap();
    shelf.trim(0).unwrap();
    assert_eq!(shelf.count().unwrap(), (0, 0));
}

#[test]
fn the_oldest_letters_give_way() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    shelf.make().unwrap();
    for nth in 0..5 {
        shelf.put(&Kept { at_ms: NOW_MS + nth * 1000, ..kept(TOPIC, "{", true) }).unwrap();
    }
    shelf.trim(2).unwrap();
    assert_eq!(shelf.ids(Waiting::Person).unwrap(), ["20260901T000003Z-0000", "20260901T000004Z-0000"]);
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path());
    shelf.make().unwrap();
    std::fs::write(dir.path().join("other.json"), "{}").unwrap();
    for id in ["", "../other", "..", "/etc/passwd", "a/b", "a.json", "a\0b", &"a".repeat(65)] {
        assert!(
            shelf.read(Waiting::Person, id).is_err() && shelf.remove(Waiting::Person, id).is_err() && shelf.to_replay(id).is_err(),
            "{id:?}"
        );
    }
    assert!(dir.path().join("other.json").exists());
}

#[test]
fn levels_of_a_topic_that_may_be_personal_are_masked_and_such_a_letter_is_not_whole() {
    for (topic, shown) in [
        (TOPIC, TOPIC),
        ("scf/v1/junmen/locker/13900000000/telemetry", "scf/v1/junmen/locker/…/telemetry"),
        ("a/LK350102/１３９０００００/x", "a/LK350102/…/x"),
        ("a/12345", "a/12345"),
        ("a/LK350102-13900000000/x", "a/…/x"),
    ] {
        let letter = kept(topic, "{}", true);
        assert_eq!((letter.topic.as_str(), letter.is_whole), (shown, topic == shown));
    }
    assert!(!kept(TOPIC, "{}", false).is_whole);
}

#[test]
fn a_topic_takes_no_more_room_than_a_topic_needs() {
    for (topic, bytes) in
        [("柜".repeat(85), 255), (format!("a{}", "柜".repeat(85)), 256), ("柜".repeat(86), 255), ("x".repeat(65_535), 256)]
    {
        let letter = kept(&topic, "{}", true);
        assert_eq!((letter.topic.len(), letter.is_whole), (bytes, topic.len() <= 256));
        assert!(topic.starts_with(&letter.topic));
    }
}

/// A task over a folder, and what it sends to the pipeline.
struct Lab {
    letters: mpsc::Sender<Letter>,
    batches: mpsc::Receiver<Batch>,
    shown: watch::Receiver<LettersInfo>,
    shelf: Shelf,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Lab {
    fn start(site: Site) -> Self {
        let shelf = Shelf::new(&site.store.dir.join(DIR));
        let (letters, queue) = mpsc::channel(4);
        let (out, batches) = mpsc::channel(4);
        let (to, shown) = watch::channel(LettersInfo::default());
        let stop = CancellationToken::new();
        let task = LettersTask { site: Arc::new(site), queue: Arc::new(Mutex::new(queue)), out, shown: to, stop: stop.clone() };
        Self { letters, batches, shown, shelf, stop, task: tokio::spawn(task.run()) }
    }

    async fn until(&mut self, so: impl FnMut(&LettersInfo) -> bool) -> LettersInfo {
        tokio::time::timeout(PATIENCE, self.shown.wait_for(so)).await.unwrap().unwrap().clone()
    }

    async fn end(self) -> Shelf {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
        self.shelf
    }
}

#[tokio::test]
async fn letters_are_kept_and_counted_also_those_that_come_with_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let mut lab = Lab::start(site(dir.path()));
    lab.letters.send(letter(TOPIC, "{", true)).await.unwrap();
    lab.until(|info| (info.kept, info.written) == (1, 1)).await;
    lab.letters.send(letter(TOPIC, "[", true)).await.unwrap();
    assert_eq!(lab.end().await.count().unwrap(), (2, 0));
}

#[tokio::test]
async fn below_the_floor_nothing_is_written_and_that_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut site = site(dir.path());
    site.store.free_bytes_min = u64::MAX;
    let mut lab = Lab::start(site);
    lab.letters.send(letter(TOPIC, "{", true)).await.unwrap();
    lab.letters.send(letter(TOPIC, "{", true)).await.unwrap();
    let info = lab.until(|info| info.lost == 2).await;
    assert_eq!((info.kept, info.written), (0, 0));
}

#[tokio::test]
async fn a_disk_that_fails_costs_letters_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(DIR), "a file where the folder should be").unwrap();
    let mut lab = Lab::start(site(dir.path()));
    lab.letters.send(letter(TOPIC, "{", true)).await.unwrap();
    lab.until(|info| info.lost == 1).await;
    lab.end().await;
}

/// Puts letters where the gateway looks for what is to be decoded again.
fn waiting(dir: &Path, letters: &[Kept]) -> Shelf {
    let shelf = Shelf::new(&dir.join(DIR));
    shelf.make().unwrap();
    letters.iter().for_each(|letter| shelf.put(letter).unwrap());
    shelf.ids(Waiting::Person).unwrap().iter().for_each(|id| shelf.to_replay(id).unwrap());
    shelf
}

#[tokio::test]
async fn a_letter_that_is_decoded_again_goes_the_way_of_all_data_and_leaves_when_it_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = waiting(dir.path(), &[kept(TOPIC, GOOD, true)]);
    let mut lab = Lab::start(site(dir.path()));
    let batch = tokio::time::timeout(PATIENCE, lab.batches.recv()).await.unwrap().unwrap();
    assert_eq!((batch.at_ms, batch.subject, batch.refused), (NOW_MS, Subject::Telemetry, None));
    assert!(batch.readings.len() >= 3);
    assert_eq!(shelf.count().unwrap(), (1, 1), "not before it is durable");
    batch.ack.unwrap().release();
    lab.until(|info| (info.kept, info.replayed) == (0, 1)).await;
    assert_eq!(lab.end().await.count().unwrap(), (0, 0));
}

#[tokio::test]
async fn what_is_refused_again_goes_back_with_the_reason_of_today() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        (kept(TOPIC, r#"{"v":1,"id":"LK350102","ts":"2026-09-01T00:00:00Z","seq":1}"#, true), "missing_field"),
        (kept("scf/v1/junmen/locker/lk-9/telemetry", GOOD, true), "unknown_device"),
        (Kept { broker: "gone".into(), ..kept(TOPIC, GOOD, true) }, "unknown_device"),
        (kept(TOPIC, GOOD, false), "undecodable"),
    ];
    let shelf = waiting(dir.path(), &cases.each_ref().map(|(letter, _)| letter.clone()));
    let mut lab = Lab::start(site(dir.path()));
    lab.until(|info| (info.kept, info.waiting) == (4, 0)).await;
    for (id, (letter, reason)) in shelf.ids(Waiting::Person).unwrap().iter().zip(cases) {
        assert_eq!(shelf.read(Waiting::Person, id).unwrap(), Kept { reason: reason.into(), ..letter });
    }
    assert!(lab.batches.try_recv().is_err());
}

#[tokio::test]
async fn a_damaged_letter_is_given_back_to_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = waiting(dir.path(), &[]);
    std::fs::write(dir.path().join(DIR).join("replay/20260901T000000Z-0000.json"), "{\"at_ms\":").unwrap();
    let mut lab = Lab::start(site(dir.path()));
    lab.until(|info| (info.kept, info.waiting) == (1, 0)).await;
    assert!(shelf.read(Waiting::Person, "20260901T000000Z-0000").is_err());
}
