//! What a gateway finds when it starts: damage (it starts, counts and tells), and what a person has to set right (it
//! ends with 78 and says so, and has touched nothing).

use super::real::Real;
use facility_drivers::sim::tsdb::Mode;
use facility_tests::{Gateway, Lab, Mount, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// A lab whose gateway has delivered `count` messages and has ended.
async fn delivered(count: u32) -> (Lab, Gateway) {
    let mut lab = Lab::start().await;
    let mut gateway = Gateway::start(&lab.config(60)).await;
    lab.until_listening(&gateway).await;
    lab.publish(count).await;
    lab.until_all_delivered(&gateway, SOON).await;
    assert!(gateway.terminate().await.success());
    (lab, gateway)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// F3: whatever became of its files, it starts and goes on.
#[tokio::test]
async fn empty_missing_and_renamed_files_are_made_good_and_told() {
    let (mut lab, mut gateway) = delivered(300).await;
    let store = gateway.store().join("readings");
    let wal: Vec<PathBuf> = files(&store.join("wal"));
    let cursors: Vec<PathBuf> = files(&store).into_iter().filter(|path| path.to_string_lossy().contains("cursor.")).collect();
    assert!(wal.len() == 4 && cursors.len() == 2, "{wal:?} {cursors:?}");
    let harms: [(&str, &dyn Fn()); 6] = [
        ("an empty cursor", &|| fs::write(&cursors[0], "").unwrap()),
        ("an empty segment", &|| fs::write(&wal[1], "").unwrap()),
        ("a segment that is gone", &|| fs::remove_file(&wal[2]).unwrap()),
        ("an empty FORMAT", &|| fs::write(store.join("FORMAT"), "").unwrap()),
        ("two segments exchanged", &|| {
            fs::rename(&wal[0], store.join("aside")).unwrap();
            fs::rename(&wal[3], &wal[0]).unwrap();
            fs::rename(store.join("aside"), &wal[3]).unwrap();
        }),
        ("a foreign block file", &|| fs::write(store.join("blk/0000000000000009.blk"), "x").unwrap()),
    ];
    for (what, harm) in harms {
        harm();
        gateway.resume().await;
        lab.until_listening(&gateway).await;
        lab.publish(20).await;
        lab.until_all_delivered(&gateway, SOON).await;
        assert!(gateway.terminate().await.success(), "{what}");
    }
    // The only frames were in the first segment: emptied, they are lost and counted, and no position is used again.
    for path in &wal {
        fs::write(path, "").unwrap();
    }
    gateway.resume().await;
    gateway.until_told("GW-H003", true, SOON).await;
    lab.until_listening(&gateway).await;
    lab.publish(20).await;
    lab.until_all_delivered(&gateway, SOON).await;
}

/// F4: a flipped bit costs what stood there, is counted, and nothing altered is delivered.
#[tokio::test]
async fn a_flipped_bit_is_counted_and_told_and_never_delivered() {
    let mut lab = Lab::start().await;
    let mut gateway = Gateway::start(&lab.config(60)).await;
    lab.until_listening(&gateway).await;
    lab.database.set_mode(Mode::Down);
    lab.publish(400).await;
    lab.until_acknowledged(SOON).await;
    assert!(gateway.terminate().await.success());
    let segment = gateway.store().join("readings/wal/w0");
    let mut bytes = fs::read(&segment).unwrap();
    // Frames of points begin pages; the bit is in the values of one in the middle.
    let frames: Vec<usize> = (0..bytes.len()).step_by(4096).filter(|at| bytes[*at..].starts_with(b"GWF1") && bytes[at + 5] == 1).collect();
    bytes[frames[frames.len() / 2] + 70] ^= 0x10;
    fs::write(&segment, &bytes).unwrap();
    lab.database.set_mode(Mode::Up);
    gateway.resume().await;
    gateway.until_told("GW-H003", true, SOON).await;
    let status = gateway.until_drained(SOON).await;
    let damaged = status["stores"][0]["damaged"].as_u64().unwrap();
    assert!((1..=400 * 4 / 2).contains(&damaged), "one frame of many: {damaged}");
    let delivered = lab.assert_nothing_foreign();
    assert!(delivered < 400 && delivered as u64 * 4 + damaged >= 1600, "{delivered} delivered, {damaged} points damaged");
}

/// F4: the same for a finished block: one device's part of it is lost at most, all others are delivered.
#[tokio::test]
async fn a_flipped_bit_in_a_block_costs_one_chunk() {
    let mut real = Real::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = real.gateway(&dir.path().join("store"), "block").await;
    real.stop_database();
    for _ in 0..14 {
        real.publish_wide(8).await;
        real.publish(10).await;
    }
    // The newest 64 K points stay in the ring, and the newest block is made again of the ring if it is damaged at the start.
    until("two blocks", SOON, || async { (gateway.status().await["stores"][0]["end"].as_u64()? > 200_000).then_some(()) }).await;
    assert!(gateway.terminate().await.success());
    let blk = gateway.store().join("readings/blk");
    let path = files(&blk).into_iter().find(|path| path.extension().is_some_and(|end| end == "blk")).expect("a file of blocks");
    let mut bytes = fs::read(&path).unwrap();
    // A block of the vending machine's numbers is about 150 KB: this is in the middle of the first one.
    bytes[75_000] ^= 0x04;
    fs::write(&path, &bytes).unwrap();
    gateway.resume().await;
    real.resume_database().await;
    gateway.until_told("GW-H003", true, SOON).await;
    let store = real.assert_losses_are_counted(&gateway).await;
    assert!((1..=65_536).contains(&store["damaged"].as_u64().unwrap()), "{store}");
}

/// F14: what a later version wrote is left as it is.
#[tokio::test]
async fn a_newer_format_is_refused_and_left_untouched() {
    let (_lab, mut gateway) = delivered(20).await;
    let path = gateway.store().join("readings/FORMAT");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] += 1;
    let checksum = crc32c(&bytes[..32]);
    bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let content =
        || -> Vec<(PathBuf, Vec<u8>)> { files(gateway.store()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect() };
    let before = content();
    let end = gateway.run_to_end().await;
    assert_eq!(end.code(), Some(78));
    assert!(gateway.log().contains("later version"), "it says why");
    let content =
        || -> Vec<(PathBuf, Vec<u8>)> { files(gateway.store()).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect() };
    assert!(before == content(), "something was changed");
}

/// F15: what a person has to set right is said, and ends with 78.
#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_told_with_78() {
    let lab = Lab::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (file, closed, read_only) = (dir.path().join("file"), dir.path().join("closed"), Mount::tmpfs(1 << 20));
    fs::write(&file, "mine").unwrap();
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    read_only.set_read_only(true);
    // root may everything; without this right it is like everybody.
    let as_others = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"];
    let cases: [(&str, PathBuf, &[&str], &str); 5] = [
        ("the folder above is missing", dir.path().join("no/store"), &[], "cannot be made"),
        ("a file", file.clone(), &[], "is not a folder"),
        ("in a folder without the right", closed.join("store"), &as_others, "ermission denied"),
        ("a folder without the right", closed.clone(), &as_others, "ermission denied"),
        ("a read-only file system", read_only.path().to_owned(), &[], "ead-only file system"),
    ];
    for (what, store, wrapper, expected) in cases {
        let mut gateway = Gateway::prepare_at(&lab.config(60), &store);
        gateway.wrap(wrapper);
        let end = gateway.run_to_end().await;
        let log = gateway.log();
        assert_eq!(end.code(), Some(78), "{what}: {log}");
        assert!(log.contains(expected) && log.contains(store.to_str().unwrap()), "{what}: {log}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

/// F15: a symbolic link to a folder is a folder.
#[tokio::test]
async fn a_data_folder_behind_a_link_is_used() {
    let mut lab = Lab::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let mut gateway = Gateway::prepare_at(&lab.config(60), &link);
    gateway.resume().await;
    lab.until_listening(&gateway).await;
    lab.publish(20).await;
    lab.until_all_delivered(&gateway, SOON).await;
    assert!(real.join("readings/FORMAT").is_file());
}

/// Bit by bit: shares no code with the store.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
