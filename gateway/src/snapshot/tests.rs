//! What comes back is what was written, or nothing.
#![allow(clippy::unwrap_used)]

use super::{keep, kept, read, write};
use facility_config::limits::SNAPSHOT_BYTES_MAX;
use std::fs::{self, File};
use tempfile::tempdir;

#[tokio::test]
async fn the_newest_one_comes_back_and_leaves_nothing_beside_it() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fold.snapshot");
    assert_eq!(kept(path.clone()).await, None);
    for (at, body) in [(7, b"first".to_vec()), (u64::MAX, Vec::new()), (9, b"third".to_vec())] {
        keep(path.clone(), at, body.clone()).await.unwrap();
        assert_eq!(kept(path.clone()).await, Some((at, body)));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(write(&dir.path().join("none/fold.snapshot"), 1, b"x").is_err());
}

#[test]
fn a_damaged_or_huge_file_is_none() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fold.snapshot");
    write(&path, 3, b"state").unwrap();
    let whole = fs::read(&path).unwrap();
    for end in 0..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        assert_eq!(read(&path), None, "cut at {end}");
        let mut flipped = whole.clone();
        flipped[end] ^= 4;
        fs::write(&path, flipped).unwrap();
        assert_eq!(read(&path), None, "flipped at {end}");
    }
    File::create(&path).unwrap().set_len(SNAPSHOT_BYTES_MAX * 4).unwrap();
    assert_eq!(read(&path), None);
}
