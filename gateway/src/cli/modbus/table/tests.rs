//! Columns stand under each other, in any script.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn columns_stand_under_each_other() {
    let rows = [vec!["a", "b"], vec!["冷柜", "c"], vec!["", "°C", "last"], vec![]];
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
    assert_eq!(columns(&rows), "a     b\n冷柜  c\n      °C  last\n\n");
    assert_eq!(columns(&[]), "");
}
