#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn letter(is_whole: bool) -> Kept {
    let text = |text: &str| text.to_owned();
    Kept {
        at_ms: 1_788_220_800_000,
        broker: text("local"),
        topic: text("a/lk-01"),
        device: Some(text("lk-01")),
        reason: text("missing_field"),
        bytes: 2,
        is_whole,
        body: text("{}"),
    }
}

#[test]
fn each_letter_says_what_came_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder { dir: dir.path().to_owned(), json: false };
    let shelf = folder.shelf();
    shelf.make().unwrap();
    shelf.put(&letter(true)).unwrap();
    shelf.put(&letter(false)).unwrap();
    std::fs::write(folder.letters().join("messages/20260901T000001Z-0000.json"), "{").unwrap();
    let rows = folder.rows().unwrap();
    let replayed: Vec<Option<u8>> = rows.iter().map(|row| replay(&shelf, row).err().map(|(code, _)| code)).collect();
    assert_eq!(replayed, [None, Some(65), Some(65)]);
    let rows = folder.rows().unwrap();
    let ids: Vec<(&str, bool, bool)> = rows.iter().map(|row| (row.id.as_str(), row.waits_for_replay, row.letter.is_some())).collect();
    assert_eq!(
        ids,
        [("20260901T000000Z-0001", false, true), ("20260901T000001Z-0000", false, false), ("20260901T000000Z-0000", true, true)]
    );
    rows.iter().for_each(|row| remove(&shelf, row).unwrap());
    assert!(folder.rows().unwrap().is_empty());
    rows.iter().for_each(|row| remove(&shelf, row).unwrap());
}

#[test]
fn a_folder_that_is_not_there_is_said_and_one_without_letters_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let folder = |dir: PathBuf| Folder { dir, json: false };
    assert!(folder(dir.path().to_owned()).rows().unwrap().is_empty());
    let gone = folder(dir.path().join("gone")).rows().unwrap_err();
    assert!(matches!(gone, Exit::Start { code: 66, .. }), "{gone:?}");
}

#[test]
fn refused_lines_are_counted_over_both_files() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(refused_lines(dir.path(), |_| Ok(())).unwrap(), 0);
    std::fs::write(dir.path().join("dead-letter.1.lp"), "\n# 2026-09-01T00:00:00Z field type conflict\na,b=c d=1i 5\n").unwrap();
    std::fs::write(dir.path().join("dead-letter.lp"), "\n# x\na d=1 6\n\n# y\na d=2 7\n").unwrap();
    let mut seen = 0;
    let counted = refused_lines(dir.path(), |_| {
        seen += 1;
        Ok(())
    });
    assert_eq!((counted.unwrap(), seen), (3, 9));
}
