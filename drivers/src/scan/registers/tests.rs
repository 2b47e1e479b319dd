//! What was read is what is known, also through a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn words_are_known_where_they_were_read() {
    let mut registers = Registers::default();
    registers.put(&Request { table: Table::Holding, address: 10, count: 3 }, &[1, 2, 3]);
    registers.put(&Request { table: Table::Holding, address: 20, count: 1 }, &[9]);
    registers.put(&Request { table: Table::Input, address: 65535, count: 2 }, &[7, 8]);
    assert_eq!(registers.get(Table::Holding, 11, 2), Some(vec![2, 3]));
    assert_eq!(registers.get(Table::Holding, 12, 2), None, "not read");
    assert_eq!(registers.get(Table::Input, 65535, 2), None, "there is no address 65536");
    assert_eq!(registers.len(), 5);
    let runs = registers.runs();
    assert_eq!(runs.iter().map(|run| (run.address, run.words.len())).collect::<Vec<_>>(), [(10, 3), (20, 1), (65535, 1)]);
    assert_eq!(runs.into_iter().collect::<Registers>(), registers);
}
