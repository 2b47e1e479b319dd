//! Somebody looks at a store: nothing changes, everything is seen, and damage is told with what it held.

use super::super::RealDisk;
use super::super::card::check::{Damage, Sum, What};
use super::super::card::{Card, CardError};
use super::super::open_error::OpenError;
use super::*;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const PER_FRAME: u64 = 40;

/// A store on the real disk, still open, with blocks and a used ring.
struct Lab {
    dir: tempfile::TempDir,
    log: Log<RealDisk>,
}

impl Lab {
    fn new(frames: u64, bytes_max: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { dir: dir.path().join("store"), ..options(bytes_max) };
        let (log, _) = super::super::open::open_log(options, Clock::manual(NOW_MS), RealDisk, SMALL).unwrap();
        let mut lab = Self { dir, log };
        lab.add(frames);
        lab
    }

    /// Frames of two devices, numbered.
    fn add(&mut self, frames: u64) {
        for _ in 0..frames {
            let end = self.log.end;
            append(&mut self.log, vec![hashed(1, end), hashed(2, end + PER_FRAME / 2)]);
            assert!(self.log.commit(Instant::now()));
            self.log.work(Instant::now());
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn card(&self) -> Card {
        Card::open_with(&self.path(), SMALL).unwrap()
    }

    fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64, u64)> {
        let folders = [self.path(), self.path().join("wal"), self.path().join("blk")];
        let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file()).map(|entry| {
            let meta = entry.metadata().unwrap();
            (entry.path(), (std::fs::read(entry.path()).unwrap(), meta.mtime(), meta.mtime_nsec(), meta.ino()))
        });
        files.collect()
    }

    fn edit(&self, file: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        edit(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
    }

    fn first_block_file(&self) -> String {
        format!("blk/{}", self.log.blocks.files.first_key_value().unwrap().1.name)
    }
}

fn value(seq: Seq) -> Value {
    Value::Int(seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64)
}

/// Half a frame of values that cannot be guessed from each other.
fn hashed(device: u16, from: Seq) -> Batch {
    let values: Vec<_> = (from..from + PER_FRAME / 2).map(|seq| (Metric::whole(Point::VendingVends), value(seq))).collect();
    batch(device, NOW_MS + from as i64, &values)
}

/// Every point with its position, and how many are damaged.
fn all_of(card: &mut Card) -> (BTreeMap<Seq, (String, Value)>, u64) {
    let (mut all, mut at) = (BTreeMap::new(), card.start());
    while at < card.end() {
        let page = card.read(at);
        assert!(page.next > at, "stuck at {at}");
        for (seq, record) in (page.first..).zip(&page.records) {
            all.insert(seq, (page.names.origins[record.origin as usize].tags.to_string(), record.value.clone()));
        }
        at = page.next;
    }
    (all, card.damaged())
}

fn check(card: &mut Card) -> (Sum, Vec<Damage>) {
    let (mut check, mut all) = (card.check(), Vec::new());
    while let Some(found) = check.step() {
        all.extend(found);
    }
    (check.sum(), all)
}

#[test]
fn looking_changes_nothing_and_sees_everything() {
    let lab = Lab::new(90, ROOMY);
    for path in [lab.path(), lab.path().join("wal"), lab.path().join("blk")] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o555)).unwrap();
    }
    let before = lab.files();
    let mut card = lab.card();
    let facts = card.facts();
    let (all, damaged) = all_of(&mut card);
    let (sum, damage) = check(&mut card);
    assert!(before == lab.files());
    assert_eq!((all.len() as u64, damaged), (90 * PER_FRAME, 0));
    for (seq, (of, seen)) in &all {
        assert_eq!((of, seen), (&tags(if seq % PER_FRAME < PER_FRAME / 2 { 1 } else { 2 }), &value(*seq)));
    }
    assert_eq!((sum.points, sum.lost, damage), (90 * PER_FRAME, 0, Vec::new()));
    assert_eq!((facts.points, facts.start, facts.end), (90 * PER_FRAME, 0, 90 * PER_FRAME));
    assert!(facts.blocks.blocks > 1 && facts.ring.frames > 3, "{facts:?}");
    assert_eq!(facts.held_by, Some(std::process::id()));
    assert_eq!((facts.format, facts.created_ms), (Some(2), Some(NOW_MS)));
    assert_eq!(facts.at_ms, Some((NOW_MS, NOW_MS + 90 * PER_FRAME as i64 - PER_FRAME as i64 / 2)));
    let counts: Vec<_> = facts.devices.iter().map(|device| (device.tags.clone(), device.points, device.series.len())).collect();
    assert_eq!(counts, [(Some(tags(1)), 45 * PER_FRAME, 1), (Some(tags(2)), 45 * PER_FRAME, 1)]);
    for path in [lab.path().join("wal"), lab.path().join("blk"), lab.path()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_span_of_time_leaves_the_other_blocks_behind() {
    let lab = Lab::new(90, ROOMY);
    let card = lab.card();
    let end = lab.log.blocks.end();
    assert_eq!(card.skip(0, &(NOW_MS + end as i64 + 1..=i64::MAX)), end);
    assert_eq!(card.skip(0, &(i64::MIN..=NOW_MS - 1)), end);
    assert_eq!(card.skip(0, &(i64::MIN..=NOW_MS)), 0);
    let second = lab.log.blocks.all().nth(1).unwrap().2.header;
    assert_eq!(card.skip(0, &(second.at_min_ms..=second.at_min_ms)), second.first);
}

#[test]
fn a_running_store_that_seals_and_deletes_meanwhile_is_not_called_damaged() {
    let mut lab = Lab::new(60, 380_000);
    let (mut reads, mut checks) = (lab.card(), lab.card());
    let begun = checks.end();
    let mut checked = checks.check();
    assert_eq!(checked.step(), Some(Vec::new()));
    lab.add(400);
    assert!(lab.log.start > begun, "everything listed is deleted");
    lab.add(20);
    let (all, damaged) = all_of(&mut reads);
    assert_eq!(damaged, 0);
    assert!(all.keys().all(|seq| *seq >= lab.log.start) && reads.end() == lab.log.end);
    while let Some(found) = checked.step() {
        assert_eq!(found, []);
    }
}

#[test]
fn every_kind_of_damage_is_told_with_what_it_held() {
    let lab = Lab::new(90, ROOMY);
    let file = lab.first_block_file();
    let block = *lab.log.blocks.all().next().unwrap().2;
    let (len, head) = (block.header.len as usize, block.header.head_len as usize);
    let points = u64::from(block.header.points);
    let (slot, frame) = lab.log.ring.frames()[2];
    let at = frame.offset as usize;
    let chunk = 92 + head + 3;
    let wal = format!("wal/w{slot}");
    let cases: [(&str, Vec<(&str, usize)>, &[What], u64); 9] = [
        ("header", vec![(&file, 20)], &[What::HeaderCopy], 0),
        ("header at the end", vec![(&file, len - 50)], &[What::HeaderCopy], 0),
        ("head", vec![(&file, 100)], &[What::HeadCopy], 0),
        ("second head", vec![(&file, len - 92 - head + 9)], &[What::HeadCopy], 0),
        ("both heads", vec![(&file, 100), (&file, len - 92 - head + 9)], &[What::Block], points),
        ("a chunk", vec![(&file, chunk)], &[What::Chunk], points / 2),
        ("a frame's payload", vec![(&wal, at + 60)], &[What::Frame], PER_FRAME),
        ("a frame's header", vec![(&wal, at + 9)], &[What::Missing], PER_FRAME),
        ("one slot of a cursor", vec![("cursor.forward", 30)], &[What::CursorCopy], 0),
    ];
    for (name, flips, whats, lost) in cases {
        for (file, at) in &flips {
            lab.edit(file, |bytes| bytes[*at] ^= 4);
        }
        let mut card = lab.card();
        let (sum, found) = check(&mut card);
        assert_eq!(found.iter().map(|damage| damage.what).collect::<Vec<_>>(), whats, "{name}");
        assert_eq!((sum.lost, sum.points), (lost, 90 * PER_FRAME - lost), "{name}");
        assert_eq!(sum.lost_unread, lost, "{name}: the reader stands at the beginning");
        let (all, damaged) = all_of(&mut card);
        assert_eq!((all.len() as u64, damaged), (90 * PER_FRAME - lost, lost), "{name}");
        let damage = &found[0];
        assert_eq!(damage.file, if name == "a frame's header" { "" } else { flips[0].0 }, "{name}");
        assert_eq!(damage.tags.is_some(), name == "a chunk", "{name}");
        if lost > 0 {
            assert!(all.keys().all(|seq| !(damage.first..damage.end).contains(seq) || damage.tags.is_some()), "{name}");
            assert!(damage.to_ms == Some(NOW_MS), "{name}: {damage:?}");
        }
        for (file, at) in &flips {
            lab.edit(file, |bytes| bytes[*at] ^= 4);
        }
    }
}

#[test]
fn the_very_first_points_are_missed_too() {
    let mut lab = Lab::new(5, ROOMY);
    assert!(lab.log.save_cursors(Instant::now(), true));
    let (slot, frame) = lab.log.ring.frames()[0];
    lab.edit(&format!("wal/w{slot}"), |bytes| bytes[frame.offset as usize + 60] ^= 1);
    let (sum, found) = check(&mut lab.card());
    assert_eq!((found.len(), found[0].what, found[0].first, found[0].end), (1, What::Frame, 0, PER_FRAME));
    assert_eq!((sum.points, sum.lost), (4 * PER_FRAME, PER_FRAME));
    assert_eq!(all_of(&mut lab.card()).1, PER_FRAME);
}

#[test]
fn files_that_are_missing_or_foreign_are_no_obstacle() {
    let lab = Lab::new(90, ROOMY);
    let remove = |file: &str| std::fs::remove_file(lab.path().join(file)).unwrap();
    remove("FORMAT");
    lab.edit("cursor.forward", |bytes| bytes.fill(0x11));
    std::fs::write(lab.path().join("blk/readme.txt"), "hello").unwrap();
    let (sum, found) = check(&mut lab.card());
    assert_eq!(found.iter().map(|damage| damage.what).collect::<Vec<_>>(), [What::Format, What::Cursor, What::Foreign]);
    assert_eq!((sum.lost, sum.copies), (0, 3));
    (0..4).for_each(|at| remove(&format!("wal/w{at}")));
    let end = lab.log.blocks.end();
    assert_eq!(all_of(&mut lab.card()).0.len() as u64, end);
}

#[test]
fn what_cannot_be_looked_at_is_said_clearly() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Card::open(dir.path()), Err(CardError::Nothing { .. })));
    assert!(matches!(Card::open(&dir.path().join("no")), Err(CardError::Nothing { .. })));
    let lab = Lab::new(1, ROOMY);
    std::fs::write(lab.path().join("blk/0000000000000000.seg"), "old").unwrap();
    let error = Card::open(&lab.path()).unwrap_err();
    assert!(matches!(error, CardError::Older { .. }) && error.to_string().contains("format 1"));
    std::fs::remove_file(lab.path().join("blk/0000000000000000.seg")).unwrap();
    lab.edit("FORMAT", |bytes| {
        bytes[8] = 3;
        let crc = crc32c::crc32c(&bytes[..32]);
        bytes[32..36].copy_from_slice(&crc.to_le_bytes());
    });
    let error = Card::open(&lab.path()).unwrap_err();
    assert!(matches!(error, CardError::Open(OpenError::Newer { found: 3, .. })), "{error}");
}

/// Whatever is damaged: what can be read and what is said to be lost are all there was, and nobody panics.
#[test]
fn damage_anywhere_is_accounted_for_point_by_point() {
    let lab = Lab::new(90, ROOMY);
    let whole = all_of(&mut lab.card()).0;
    let files: Vec<String> = lab.files().keys().map(|path| path.strip_prefix(lab.path()).unwrap().display().to_string()).collect();
    let mut rng = fastrand::Rng::with_seed(41);
    for round in 0..42 {
        let mut undo = Vec::new();
        for _ in 0..1 << (round % 7) {
            let file = &files[rng.usize(..files.len())];
            let before = std::fs::read(lab.path().join(file)).unwrap();
            let used = before.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            lab.edit(file, |bytes| {
                if used > 0 {
                    bytes[rng.usize(..used)] ^= 1 << rng.u8(..8);
                }
            });
            undo.push((file, before));
        }
        let mut card = lab.card();
        let (sum, _) = check(&mut card);
        let (all, _) = all_of(&mut card);
        assert_eq!(sum.points, all.len() as u64, "round {round}");
        assert_eq!(sum.points + sum.lost, card.end() - card.start(), "round {round}");
        assert!(all.iter().all(|(seq, seen)| whole.get(seq) == Some(seen)), "round {round}");
        card.facts();
        for (file, before) in undo.into_iter().rev() {
            std::fs::write(lab.path().join(file), before).unwrap();
        }
    }
}
