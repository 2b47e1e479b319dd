//! Ranges as they are written, and the blocks they are read in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn ranges_are_tables_and_addresses() {
    assert_eq!("holding:0-999".parse(), Ok(Area { table: Table::Holding, first: 0, last: 999 }));
    assert_eq!("input:100".parse(), Ok(Area { table: Table::Input, first: 100, last: 100 }));
    for wrong in ["", "holding", "holding:", "holding:5-2", "coil:0-9", "holding:0-65536", "holding:-1", "input:0x10"] {
        assert!(wrong.parse::<Area>().is_err(), "{wrong:?}");
    }
}

#[test]
fn blocks_cover_a_range_once_also_when_they_are_halved() {
    for (first, last) in [(0, 0), (0, 124), (0, 125), (7, 999), (65_400, 65_535)] {
        let area = Area { table: Table::Holding, first, last };
        let (mut todo, mut seen) = (area.blocks(), Vec::new());
        while let Some(block) = todo.pop() {
            let halves = halves(block);
            if halves.is_empty() {
                seen.push(block.address);
            }
            todo.extend(halves);
        }
        assert_eq!(seen, (first..=last).collect::<Vec<_>>(), "{first}-{last}");
    }
}
