//! Reads a chunk: one series of it, or its columns one after the other.

use super::super::bytes::unzigzag;
use super::LENGTHS_ROWS_MIN;
use super::bits::BitReader;
use super::decoder::Said;
use super::head::{Head, take_text};
use super::ints::decode;
use super::kinds::{Form, Kind, ordered64};
use super::recipe::{Coding, Recipe, unit_ms};
use super::shapes::ColumnFinder;
use facility_drivers::{Quality, Value};
use std::sync::Arc;

/// Values of columns one after the other, each in order of arrival: what they are, and their 64 bits.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) kinds: Vec<Kind>,
    pub(super) bits: Vec<i64>,
    /// Texts that are not in the dictionary.
    pub(super) texts: Vec<Arc<str>>,
    scratch: Vec<i64>,
}

impl Values {
    /// Forgets the values and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.kinds.clear();
        self.bits.clear();
        self.texts.clear();
    }
}

/// A chunk that is being read, column by column.
#[derive(Debug)]
pub(super) struct ChunkReader<'a> {
    head: &'a Head,
    bits: BitReader<'a>,
    recipes: Vec<&'a Recipe>,
    /// Bits of each column, in long chunks.
    lens: Vec<u64>,
    pub(super) times: Vec<i64>,
    /// Columns left behind, without that of the times.
    at: usize,
}

impl<'a> ChunkReader<'a> {
    /// Reads the beginning of a chunk and its times. `None` if it is damaged.
    pub(super) fn new(head: &'a Head, chunk: usize, bytes: &'a [u8], columns: &ColumnFinder) -> Option<Self> {
        let (bytes, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(bytes) != u32::from_le_bytes(*crc) {
            return None;
        }
        let rows = head.shapes_of(chunk).len();
        let mut bits = BitReader::new(bytes, 0);
        let recipes = head.take_recipes(&mut bits, &columns.list)?;
        let mut lens = Vec::new();
        if rows >= LENGTHS_ROWS_MIN {
            let width = bits.take(6) as u32;
            if width > 32 {
                return None;
            }
            bits.take(width);
            lens.extend(columns.list.iter().map(|_| bits.take(width)));
        }
        let mut reader = Self { head, bits, recipes, lens, times: vec![0; rows], at: 0 };
        reader.take_times()?;
        Some(reader)
    }

    fn take_times(&mut self) -> Option<()> {
        let recipe = *self.recipes.first()?;
        let mut times = std::mem::take(&mut self.times);
        take_stream(self.head, &mut self.bits, recipe.codings.first()?, &mut times)?;
        let unit = unit_ms(recipe.form);
        if unit != 1 {
            times.iter_mut().for_each(|time| *time = time.wrapping_mul(unit));
        }
        self.times = times;
        Some(())
    }

    /// Goes to a column of `columns`, not before the one it is at.
    pub(super) fn go_to(&mut self, column: usize, columns: &ColumnFinder, values: &mut Values) -> Option<()> {
        if !self.lens.is_empty() {
            let between: u64 = self.lens.get(self.at..column)?.iter().sum();
            self.bits.skip(usize::try_from(between).ok()?);
            self.at = column;
        }
        while self.at < column {
            self.next(columns.list[self.at].len, values)?;
            values.clear();
        }
        Some(())
    }

    /// Decodes the next column and adds it to `values`. Texts that stand in it are numbered after the dictionary.
    pub(super) fn next(&mut self, len: usize, values: &mut Values) -> Option<()> {
        let recipe = *self.recipes.get(self.at + 1)?;
        self.at += 1;
        let begun_at = values.bits.len();
        values.bits.resize(begun_at + len, 0);
        match recipe.kinds.only() {
            Some(kind) => {
                values.kinds.resize(begun_at + len, kind);
                take_stream(self.head, &mut self.bits, recipe.codings.first()?, &mut values.bits[begun_at..])?;
            }
            None => self.take_mixed(recipe, begun_at, values)?,
        }
        for kind in recipe.kinds.kinds() {
            self.finish(kind, recipe.form, begun_at, values)?;
        }
        self.bits.is_within().then_some(())
    }

    fn take_mixed(&mut self, recipe: &Recipe, begun_at: usize, values: &mut Values) -> Option<()> {
        let Values { kinds, bits, scratch, .. } = values;
        let bits = &mut bits[begun_at..];
        let (first, rest) = recipe.codings.split_first()?;
        take_stream(self.head, &mut self.bits, first, bits)?;
        for int in &*bits {
            let kind = recipe.kinds.kinds().find(|kind| *kind as i64 == *int)?;
            kinds.push(kind);
        }
        let kinds = &kinds[begun_at..];
        for (kind, coding) in recipe.kinds.kinds().zip(rest) {
            scratch.clear();
            scratch.resize(kinds.iter().filter(|of| **of == kind).count(), 0);
            take_stream(self.head, &mut self.bits, coding, scratch)?;
            let places = bits.iter_mut().zip(kinds).filter(|(_, of)| **of == kind);
            places.zip(&*scratch).for_each(|((to, _), int)| *to = *int);
        }
        Some(())
    }

    /// Turns the integers of one kind into the bits of values and checks that there are such values.
    fn finish(&mut self, kind: Kind, form: Form, begun_at: usize, values: &mut Values) -> Option<()> {
        let Values { kinds, bits, texts, .. } = values;
        let mut of_kind = bits[begun_at..].iter_mut().zip(&kinds[begun_at..]).filter(|(_, of)| **of == kind).map(|(int, _)| int);
        let dictionary = self.head.texts_len as i64;
        match kind {
            Kind::Float => of_kind.for_each(|int| *int = form.to_float(*int).to_bits() as i64),
            Kind::Raw => of_kind.for_each(|int| *int = ordered64(*int)),
            Kind::Int => {}
            Kind::Bool => return of_kind.all(|int| (0..=1).contains(int)).then_some(()),
            Kind::Missing => {
                return of_kind.all(|int| u8::try_from(*int).is_ok_and(|code| Quality::from_code(code).is_some())).then_some(());
            }
            Kind::Text => {
                for int in of_kind {
                    if *int == 0 {
                        *int = dictionary + texts.len() as i64;
                        texts.push(take_text(&mut self.bits)?);
                    } else {
                        *int = Some(*int).filter(|int| (1..=dictionary).contains(int))? - 1;
                    }
                }
            }
        }
        Some(())
    }
}

fn take_stream(head: &Head, bits: &mut BitReader<'_>, coding: &Coding, out: &mut [i64]) -> Option<()> {
    if out.is_empty() {
        return Some(());
    }
    let Said::Number(first) = head.code(0)?.take(bits) else { return None };
    let first = coding.center.wrapping_add(unzigzag(first));
    decode(bits, head.code(coding.table)?, coding.prediction, first, out)
}

/// A value from its kind and bits, which were checked when they were decoded; `texts` are the dictionary and those
/// that are not in it.
pub(super) fn value(kind: Kind, bits: u64, texts: &[Arc<str>]) -> Value {
    match kind {
        Kind::Float | Kind::Raw => Value::Float(f64::from_bits(bits)),
        Kind::Int => Value::Int(bits as i64),
        Kind::Bool => Value::Bool(bits != 0),
        Kind::Text => Value::Text(texts.get(bits as usize).cloned().unwrap_or_default()),
        Kind::Missing => Value::Missing(Quality::from_code(bits as u8).unwrap_or(Quality::Uncertain)),
    }
}

/// One series out of one chunk, in order of arrival: `each` gets time, flags and value. `bytes` are exactly the chunk.
/// `None` if the chunk is damaged.
pub(in crate::store) fn series(head: &Head, chunk: usize, bytes: &[u8], metric: u32, mut each: impl FnMut(i64, u8, Value)) -> Option<()> {
    let rows = head.shapes_of(chunk);
    let mut columns = ColumnFinder::new(head.metrics.len(), head.shapes.len());
    columns.find(&head.shapes, rows);
    let mut reader = ChunkReader::new(head, chunk, bytes, &columns)?;
    let Some(at) = columns.list.iter().position(|column| head.metrics[column.metric as usize] == metric) else { return Some(()) };
    let (column, mut values) = (columns.list[at], Values::default());
    reader.go_to(at, &columns, &mut values)?;
    reader.next(column.len, &mut values)?;
    let mut texts = if values.kinds.contains(&Kind::Text) { head.texts()? } else { Vec::new() };
    texts.append(&mut values.texts);
    let mut found = values.kinds.iter().zip(&values.bits);
    for (row, at_ms) in reader.times.iter().enumerate() {
        let shape = rows.get(row)?;
        if column.len == rows.len() || head.shapes.of(shape).contains(&column.metric) {
            let (kind, bits) = found.next()?;
            each(*at_ms, head.shapes.flags[shape as usize], value(*kind, *bits as u64, &texts));
        }
    }
    Some(())
}
