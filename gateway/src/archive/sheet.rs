//! Days of one kind of device as a table: who, which day, which issue, and a column for every number of its sums.
//!
//! ```text
//! sheet   text kind | count of devices, each: text id | count of rows
//!         lists: device | day, Unix ms | revision | revisions after the end of its month, quarter, year | position
//!         count of columns, each: text name | 0 numbers, 1 lists | base | body
//! base    0 none, or 1 + an earlier column of numbers: what is written is the difference to it
//! numbers list of 0 and 1: whether there is one | list of those
//! lists   list of lengths | list of all numbers
//! ```
//! Names stand in every sheet, so a column that this version does not know is left alone and one that a sheet does not have
//! is absent. Pure. Reading never panics; what it allocates is bounded by [`FIGURES_ROWS_MAX`] and [`FIGURES_COLUMNS_MAX`].

use crate::aggregate::{Cell, Cells, Kept, Name};
use crate::store::{PackReader, PackWriter};
use facility_config::limits::{DEVICES_MAX, FIGURES_COLUMNS_MAX, FIGURES_LISTED_MAX, FIGURES_ROWS_MAX};

/// Whose day, and which issue of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// In [`Sheet::ids`].
    pub(super) device: usize,
    /// Start of the local day, Unix ms.
    pub(super) day_ms: i64,
    /// 0 for the first issue.
    pub(super) rev: i64,
    /// How many of its revisions came after the end of its month, of its quarter, of its year.
    pub(super) after: [i64; 3],
    /// Position of the readings log at which it was made.
    pub(super) upto: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Ints(Vec<Option<i64>>),
    Lists(Vec<Vec<i64>>),
}

/// A table of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) kind: Box<str>,
    pub(super) ids: Vec<Box<str>>,
    pub(super) keys: Vec<Key>,
    columns: Vec<(Box<str>, Column)>,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'s> {
    sheet: &'s Sheet,
    at: usize,
}

impl Sheet {
    /// A table without rows.
    pub(super) fn new(kind: &str) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    /// Rows.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// A row.
    pub(super) fn row(&self, at: usize) -> Row<'_> {
        Row { sheet: self, at }
    }

    /// Whose row it is.
    pub(super) fn id(&self, at: usize) -> &str {
        self.keys.get(at).and_then(|key| self.ids.get(key.device)).map_or("", |id| id)
    }

    /// Adds a day of a device; its `key` names no device yet.
    pub(super) fn push(&mut self, id: &str, key: Key, cells: &Cells) {
        self.begin(id, key);
        for (name, cell) in cells {
            let at = self.columns.iter().position(|(text, _)| name.is(text)).unwrap_or_else(|| self.add_column(&name.to_string(), cell));
            self.set(at, cell.clone());
        }
        self.fill();
    }

    /// Adds a row of another table of the same kind.
    pub(super) fn copy(&mut self, other: &Self, row: usize) {
        let Some(key) = other.keys.get(row) else { return };
        self.begin(other.id(row), key.clone());
        for (name, column) in &other.columns {
            let cell = match column {
                Column::Ints(values) => Cell::Int(values.get(row).copied().flatten()),
                Column::Lists(lists) => Cell::List(lists.get(row).cloned().unwrap_or_default()),
            };
            let at = self.columns.iter().position(|(known, _)| known == name).unwrap_or_else(|| self.add_column(name, &cell));
            self.set(at, cell);
        }
        self.fill();
    }

    fn begin(&mut self, id: &str, key: Key) {
        let device = self.ids.iter().rposition(|known| **known == *id).unwrap_or_else(|| {
            self.ids.push(id.into());
            self.ids.len() - 1
        });
        self.keys.push(Key { device, ..key });
    }

    fn add_column(&mut self, name: &str, like: &Cell) -> usize {
        let before = self.keys.len().saturating_sub(1);
        let column = match like {
            Cell::Int(_) => Column::Ints(vec![None; before]),
            Cell::List(_) => Column::Lists(vec![Vec::new(); before]),
        };
        self.columns.push((name.into(), column));
        self.columns.len() - 1
    }

    fn set(&mut self, at: usize, cell: Cell) {
        match (self.columns.get_mut(at).map(|(_, column)| column), cell) {
            (Some(Column::Ints(values)), Cell::Int(value)) => values.push(value),
            (Some(Column::Lists(lists)), Cell::List(list)) => lists.push(list),
            // A name that has changed its kind: absent, like one that is not there.
            _ => {}
        }
    }

    /// Columns that the newest row does not have.
    fn fill(&mut self) {
        let rows = self.keys.len();
        for (_, column) in &mut self.columns {
            match column {
                Column::Ints(values) => values.resize(rows, None),
                Column::Lists(lists) => lists.resize(rows, Vec::new()),
            }
        }
    }

    /// Appends its bytes. The rows should be in the order of device and day: like stands beside like.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut pack = PackWriter::new(out);
        pack.text(&self.kind);
        pack.number(self.ids.len() as i64);
        self.ids.iter().for_each(|id| pack.text(id));
        pack.number(self.keys.len() as i64);
        for of in KEYS {
            pack.list(&self.keys.iter().map(of).collect::<Vec<_>>());
        }
        pack.number(self.columns.len() as i64);
        for (at, (name, column)) in self.columns.iter().enumerate() {
            pack.text(name);
            match column {
                Column::Ints(values) => {
                    let base = self.best_base(at, values);
                    pack.number(0);
                    pack.number(base as i64);
                    put_ints(&mut pack, values, self.base(base));
                }
                Column::Lists(lists) => {
                    pack.number(1);
                    pack.list(&lists.iter().map(|list| list.len() as i64).collect::<Vec<_>>());
                    pack.list(&lists.concat());
                }
            }
        }
        pack.finish();
    }

    /// Column that stands for a base; none for 0.
    fn base(&self, base: usize) -> Option<&[Option<i64>]> {
        match self.columns.get(base.checked_sub(1)?) {
            Some((_, Column::Ints(values))) => Some(values),
            _ => None,
        }
    }

    /// The base with which a column takes least: what was observed of one probe was mostly observed of the next.
    fn best_base(&self, at: usize, values: &[Option<i64>]) -> usize {
        let mut scratch = Vec::new();
        let mut bits = |base: usize| {
            scratch.clear();
            let mut pack = PackWriter::new(&mut scratch);
            put_ints(&mut pack, values, self.base(base));
            pack.bit_len()
        };
        (0..=at).filter(|base| *base == 0 || self.base(*base).is_some()).min_by_key(|base| bits(*base)).unwrap_or(0)
    }

    /// Reads a table; `None` if the bytes are not one.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let pack = &mut PackReader::new(bytes);
        let kind = pack.text()?;
        let ids: Vec<Box<str>> = (0..pack.count(DEVICES_MAX.max(FIGURES_ROWS_MAX))?).map(|_| pack.text()).collect::<Option<_>>()?;
        let rows = pack.count(FIGURES_ROWS_MAX)?;
        let lists: Vec<Vec<i64>> = KEYS.iter().map(|_| pack.list(rows)).collect::<Option<_>>()?;
        let key = |row: usize| {
            let of = |list: usize| lists[list][row];
            let device = usize::try_from(of(0)).ok().filter(|device| *device < ids.len())?;
            Some(Key { device, day_ms: of(1), rev: of(2), after: [of(3), of(4), of(5)], upto: of(6) })
        };
        let keys = (0..rows).map(key).collect::<Option<_>>()?;
        let mut sheet = Self { kind, ids, keys, columns: Vec::new() };
        for _ in 0..pack.count(FIGURES_COLUMNS_MAX)? {
            let (name, is_list) = (pack.text()?, pack.count(1)? == 1);
            let column = if is_list { Column::Lists(take_lists(pack, rows)?) } else { Column::Ints(sheet.take_ints(pack, rows)?) };
            sheet.columns.push((name, column));
        }
        Some(sheet)
    }

    fn take_ints(&self, pack: &mut PackReader<'_>, rows: usize) -> Option<Vec<Option<i64>>> {
        let base = pack.count(self.columns.len())?;
        let base = if base == 0 { None } else { Some(self.base(base)?) };
        let is_there = pack.list(rows)?;
        let mut differences = pack.list(is_there.iter().filter(|is| **is != 0).count())?.into_iter();
        let value = |(row, is): (usize, &i64)| match is {
            0 => Some(None),
            _ => Some(Some(differences.next()?.wrapping_add(under(base, row)))),
        };
        is_there.iter().enumerate().map(value).collect()
    }

    /// Bits of a row that each column takes.
    #[cfg(test)]
    pub(super) fn columns_cost(&self) -> String {
        let mut all = Vec::new();
        for at in 0..=self.columns.len() {
            let mut bytes = Vec::new();
            Self { columns: self.columns[..at].to_vec(), ..self.clone() }.encode(&mut bytes);
            all.push(bytes.len());
        }
        let bits = |(at, (name, _)): (usize, &(Box<str>, Column))| {
            format!(" {name} {:.1}", (all[at + 1] - all[at]) as f64 * 8.0 / self.len() as f64)
        };
        format!("keys {:.1}", all[0] as f64 * 8.0 / self.len() as f64) + &self.columns.iter().enumerate().map(bits).collect::<String>()
    }

    /// Nobody asks any more at which position a row was made.
    pub(super) fn forget_positions(&mut self) {
        self.keys.iter_mut().for_each(|key| key.upto = 0);
    }
}

/// What the lists of the keys say, in their order.
const KEYS: [fn(&Key) -> i64; 7] =
    [|key| key.device as i64, |key| key.day_ms, |key| key.rev, |key| key.after[0], |key| key.after[1], |key| key.after[2], |key| key.upto];

/// What a row's number is written as the difference to.
fn under(base: Option<&[Option<i64>]>, row: usize) -> i64 {
    base.and_then(|base| base.get(row).copied().flatten()).unwrap_or(0)
}

fn put_ints(pack: &mut PackWriter<'_>, values: &[Option<i64>], base: Option<&[Option<i64>]>) {
    pack.list(&values.iter().map(|value| i64::from(value.is_some())).collect::<Vec<_>>());
    let difference = |(row, value): (usize, &Option<i64>)| value.map(|value| value.wrapping_sub(under(base, row)));
    pack.list(&values.iter().enumerate().filter_map(difference).collect::<Vec<_>>());
}

fn take_lists(pack: &mut PackReader<'_>, rows: usize) -> Option<Vec<Vec<i64>>> {
    let lens: Vec<usize> = pack.list(rows)?.into_iter().map(|len| usize::try_from(len).ok()).collect::<Option<_>>()?;
    let total = lens.iter().try_fold(0usize, |sum, len| sum.checked_add(*len)).filter(|total| *total <= FIGURES_LISTED_MAX)?;
    let all = pack.list(total)?;
    let mut rest = all.as_slice();
    let list = |len: usize| {
        let (list, behind) = rest.split_at_checked(len)?;
        rest = behind;
        Some(list.to_vec())
    };
    lens.into_iter().map(list).collect()
}

impl Kept for Row<'_> {
    fn int(&self, name: Name) -> Option<i64> {
        match self.column(name) {
            Some(Column::Ints(values)) => values.get(self.at).copied().flatten(),
            _ => None,
        }
    }

    fn list(&self, name: Name) -> Vec<i64> {
        match self.column(name) {
            Some(Column::Lists(lists)) => lists.get(self.at).cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

impl<'s> Row<'s> {
    fn column(&self, name: Name) -> Option<&'s Column> {
        self.sheet.columns.iter().find(|(text, _)| name.is(text)).map(|(_, column)| column)
    }
}
