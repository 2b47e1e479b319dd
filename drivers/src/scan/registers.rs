//! What is known of a device's registers: read, refused, or never asked for. Pure; as large as what was read.

use crate::plan::Request;
use facility_config::profile::Table;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Words by table and address; a bit is a word of 0 or 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registers(BTreeMap<(Table, u16), u16>);

/// A run of known words, as it is kept in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Table.
    pub table: Table,
    /// Address of the first, 0-based.
    pub address: u16,
    /// The words.
    pub words: Vec<u16>,
}

impl Registers {
    /// Keeps an answer.
    pub fn put(&mut self, request: &Request, words: &[u16]) {
        for (at, word) in (request.address..=u16::MAX).zip(words) {
            self.0.insert((request.table, at), *word);
        }
    }

    /// So many words from an address on, if all of them are known.
    #[must_use]
    pub fn get(&self, table: Table, address: u16, count: u16) -> Option<Vec<u16>> {
        (0..count).map(|at| self.0.get(&(table, address.checked_add(at)?)).copied()).collect()
    }

    /// Every known word.
    pub fn iter(&self) -> impl Iterator<Item = (Table, u16, u16)> {
        self.0.iter().map(|((table, address), word)| (*table, *address, *word))
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As runs without gaps.
    #[must_use]
    pub fn runs(&self) -> Vec<Known> {
        let mut runs: Vec<Known> = Vec::new();
        for (table, address, word) in self.iter() {
            match runs.last_mut() {
                Some(run) if run.table == table && usize::from(run.address) + run.words.len() == usize::from(address) => {
                    run.words.push(word)
                }
                _ => runs.push(Known { table, address, words: vec![word] }),
            }
        }
        runs
    }
}

impl FromIterator<Known> for Registers {
    fn from_iter<T: IntoIterator<Item = Known>>(runs: T) -> Self {
        let mut registers = Self::default();
        for run in runs {
            registers.put(&Request { table: run.table, address: run.address, count: 0 }, &run.words);
        }
        registers
    }
}

#[cfg(test)]
mod tests;
