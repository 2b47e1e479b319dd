//! Decides how every column is written, from all columns of its metric.
//!
//! Columns of one metric share a prediction, a typical beginning and a prefix code; a column that is better off with
//! the other prediction says so. Streams whose errors are about as wide share a prefix code, whatever their metric.
//! Metrics with few values share everything, or what is said about them would outweigh them.

use super::super::bytes::zigzag;
use super::code::{Encoder, Histogram, Token};
use super::ints::{Prediction, rounded, slope};
use super::kinds::Form;
use super::recipe::Coding;
use std::collections::HashMap;

/// What streams have in common that are planned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ClassKey {
    /// Times, by form and whole seconds from one row to the next.
    Times(Form, i64),
    /// A stream of the columns of a metric.
    Metric(u32, u8),
    /// The same stream of the columns of all metrics with few values.
    Few(u8),
}

/// Beginnings and steps that a class remembers to find a typical one.
const SAMPLES_MAX: usize = 63;
/// A column must save this much to differ from its class, quarters of a bit.
const WORTH: u64 = 4 * 48;
/// Streams whose errors differ by less share a table, sixteenths of a bit per number.
const TABLE_WIDTH: u64 = 4;
/// Numbers that are worth a table of their own.
const TABLE_VALUES_MIN: u64 = 256;
/// Tables of a block.
const TABLES_MAX: usize = 64;

/// Integers that are written together.
#[derive(Debug)]
pub(super) struct Stream {
    class: usize,
    /// In [`Plan::ints`].
    from: usize,
    len: usize,
    pub(super) prediction: Prediction,
    /// The number that is written apart.
    pub(super) first: i64,
}

/// Streams that are planned together. What there is one of for each prediction: for delta, then for level.
#[derive(Debug, Default)]
struct Class {
    slopes: Vec<i64>,
    firsts: Vec<i64>,
    slope: i64,
    center: i64,
    /// What it costs if all streams use it.
    costs: [u64; 2],
    /// What it costs those that do use it, and how many numbers they are.
    used: [(u64, u64); 2],
    tables: [u8; 2],
}

/// All streams of a block.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) ints: Vec<i64>,
    pub(super) streams: Vec<Stream>,
    classes: Vec<Class>,
    keys: HashMap<ClassKey, usize>,
}

impl Plan {
    /// Adds the integers after `from` as a stream.
    pub(super) fn add(&mut self, key: ClassKey, from: usize) {
        let values = &self.ints[from..];
        let class = *self.keys.entry(key).or_insert_with(|| {
            self.classes.push(Class::default());
            self.classes.len() - 1
        });
        let known = &mut self.classes[class];
        if known.firsts.len() < SAMPLES_MAX {
            known.firsts.extend(values.first());
            known.slopes.push(slope(values));
        }
        self.streams.push(Stream { class, from, len: values.len(), prediction: Prediction::default(), first: 0 });
    }

    /// Integers of a stream.
    pub(super) fn values(&self, stream: &Stream) -> &[i64] {
        &self.ints[stream.from..stream.from + stream.len]
    }

    /// How a stream is written.
    pub(super) fn coding(&self, stream: &Stream) -> Coding {
        let class = &self.classes[stream.class];
        let table = class.tables[usize::from(stream.prediction.level)];
        Coding { prediction: stream.prediction, center: class.center, table }
    }

    /// Decides; then every stream has its prediction, and these are the prefix codes.
    pub(super) fn decide(&mut self) -> Vec<Encoder> {
        for class in &mut self.classes {
            class.slope = rounded(middle(&mut class.slopes));
            class.center = middle(&mut class.firsts);
        }
        self.choose_predictions();
        let mut histograms = vec![Histogram::default(); self.choose_tables()];
        for stream in self.streams.iter().filter(|stream| stream.len > 0) {
            let (coding, values) = (self.coding(stream), self.values(stream));
            histograms[0].add(Token::number(zigzag(stream.first.wrapping_sub(coding.center))));
            let histogram = &mut histograms[usize::from(coding.table)];
            stream.prediction.tokens(stream.first, values, |token| histogram.add(token));
        }
        histograms.iter().map(Encoder::new).collect()
    }

    fn choose_predictions(&mut self) {
        let mut all_costs = Vec::with_capacity(self.streams.len());
        for stream in &self.streams {
            let class = &mut self.classes[stream.class];
            let values = &self.ints[stream.from..stream.from + stream.len];
            let costs = [false, true].map(|level| Prediction { level, slope: class.slope }.cost(values));
            class.costs = [class.costs[0] + costs[0], class.costs[1] + costs[1]];
            all_costs.push(costs);
        }
        for (stream, costs) in self.streams.iter_mut().zip(all_costs) {
            let class = &mut self.classes[stream.class];
            let usual = usize::from(class.costs[1] < class.costs[0]);
            let chosen = if costs[1 - usual] + WORTH < costs[usual] { 1 - usual } else { usual };
            let (cost, values) = class.used[chosen];
            class.used[chosen] = (cost + costs[chosen], values + stream.len as u64);
            stream.prediction = Prediction { level: chosen == 1, slope: class.slope };
            stream.first = stream.prediction.first(&self.ints[stream.from..stream.from + stream.len]);
        }
    }

    /// Gives a table to every prediction of every class. Returns how many there are; the first is that of first numbers.
    fn choose_tables(&mut self) -> usize {
        let mut widths = Vec::new();
        for (at, class) in self.classes.iter().enumerate() {
            for (level, (cost, values)) in class.used.into_iter().enumerate().filter(|(_, (_, values))| *values > 0) {
                widths.push((cost * 4 / values, at, level, values));
            }
        }
        widths.sort_unstable();
        let (mut table, mut narrowest, mut held) = (1, 0, 0);
        for (width, class, level, values) in widths {
            if width > narrowest + TABLE_WIDTH && held >= TABLE_VALUES_MIN && table + 1 < TABLES_MAX {
                (table, narrowest, held) = (table + 1, width, 0);
            }
            held += values;
            self.classes[class].tables[level] = table as u8;
        }
        table + 1
    }
}

/// The median; 0 of nothing.
fn middle(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
