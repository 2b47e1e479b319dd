//! All columns of a block as streams of integers, and the recipes they are written by.

use super::builder::{Builder, Held, Texts};
use super::gather::{Column, Gathered};
use super::ints::slope;
use super::kinds::{Fits, Form, Kind, ordered64};
use super::plan::{ClassKey, Plan};
use super::recipe::{KindSet, Recipe, unit_ms};
use std::ops::Range;

/// A metric with fewer values than this shares its plans with other such.
const METRIC_VALUES_MIN: usize = 512;
/// Number of the stream of kinds; those of values have the number of their kind.
const KINDS_STREAM: u8 = 6;

/// A column that is ready to be written.
#[derive(Debug)]
pub(super) struct PreparedColumn {
    kinds: KindSet,
    form: Form,
    /// In [`Plan::streams`].
    pub(super) streams: Range<usize>,
    /// Texts that stand in the column itself, in [`Prepared::inline`].
    pub(super) inline: Range<usize>,
    /// In [`Prepared::recipes`]; known after the plan has decided.
    pub(super) recipe: u32,
}

/// All columns of a block; for each chunk its times, then its metrics.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) columns: Vec<PreparedColumn>,
    /// Numbers of texts.
    pub(super) inline: Vec<u32>,
    pub(super) recipes: Vec<Recipe>,
    /// Of the column in hand.
    of_kind: Vec<Kind>,
}

/// Where the texts of a block are.
#[derive(Debug)]
pub(super) struct Dictionary {
    /// By number of the text: one more than its place in the dictionary, 0 for one that stands in its column.
    pub(super) codes: Vec<u32>,
}

impl Dictionary {
    /// Texts that occur more than once are in it.
    pub(super) fn new(texts: &Texts) -> Self {
        let mut last = 0;
        let mut code = |uses: &u32| {
            let is_in = *uses > 1;
            last += u32::from(is_in);
            if is_in { last } else { 0 }
        };
        Self { codes: texts.uses.iter().map(&mut code).collect() }
    }
}

impl Prepared {
    /// Turns everything into streams.
    pub(super) fn new(builder: &Builder, all: &Gathered, dictionary: &Dictionary) -> Self {
        let mut prepared = Self::default();
        prepared.plan.ints.reserve(all.values.len() + all.times.len());
        let looks = look(builder, all);
        for chunk in &all.chunks {
            prepared.add_times(&all.times[chunk.rows.clone()]);
            for column in &all.columns[chunk.columns.clone()] {
                prepared.add_column(builder, column, &all.values[column.values.clone()], looks[column.metric as usize], dictionary);
            }
        }
        prepared
    }

    fn add_times(&mut self, times: &[i64]) {
        let form = Form::Decimal(if times.iter().all(|at_ms| at_ms % 1000 == 0) { 3 } else { 0 });
        let period_s = slope(times).saturating_add(500).div_euclid(1000);
        let from = self.plan.ints.len();
        self.plan.ints.extend(times.iter().map(|at_ms| at_ms / unit_ms(form)));
        self.plan.add(ClassKey::Times(form, period_s), from);
        let kinds = KindSet::of(Kind::Int);
        self.push(kinds, form, self.plan.streams.len() - 1, self.inline.len());
    }

    fn add_column(&mut self, builder: &Builder, column: &Column, values: &[u32], look: Look, dictionary: &Dictionary) {
        let key = |stream| if look.values < METRIC_VALUES_MIN { ClassKey::Few(stream) } else { ClassKey::Metric(column.metric, stream) };
        let (first_stream, first_inline, from) = (self.plan.streams.len(), self.inline.len(), self.plan.ints.len());
        let mut kinds = KindSet::default();
        self.of_kind.clear();
        for at in values {
            let bits = builder.bits[*at as usize];
            let (kind, int) = integer(builder.held[*at as usize], bits, look.form, dictionary);
            if kind == Kind::Text && int == 0 {
                self.inline.push(bits as u32);
            }
            kinds.add(kind);
            self.of_kind.push(kind);
            self.plan.ints.push(int);
        }
        match kinds.only() {
            Some(kind) => self.plan.add(key(kind as u8), from),
            None => self.add_mixed(kinds, from, key),
        }
        self.push(kinds, look.form, first_stream, first_inline);
    }

    /// Makes several streams of the integers after `from`.
    fn add_mixed(&mut self, kinds: KindSet, from: usize, key: impl Fn(u8) -> ClassKey) {
        let ints = self.plan.ints.split_off(from);
        self.plan.ints.extend(self.of_kind.iter().map(|kind| *kind as i64));
        self.plan.add(key(KINDS_STREAM), from);
        for kind in kinds.kinds() {
            let from = self.plan.ints.len();
            self.plan.ints.extend(self.of_kind.iter().zip(&ints).filter(|(of, _)| **of == kind).map(|(_, int)| *int));
            self.plan.add(key(kind as u8), from);
        }
    }

    fn push(&mut self, kinds: KindSet, form: Form, first_stream: usize, first_inline: usize) {
        let (streams, inline) = (first_stream..self.plan.streams.len(), first_inline..self.inline.len());
        self.columns.push(PreparedColumn { kinds, form, streams, inline, recipe: 0 });
    }

    /// Finds the recipe of every column, when the plan has decided. Returns the usual one of each metric; that of the
    /// times is the last.
    pub(super) fn find_recipes(&mut self, all: &Gathered, metrics: usize) -> Vec<u32> {
        let of_chunks = all.chunks.iter().map(|chunk| &all.columns[chunk.columns.clone()]);
        let metric_of = of_chunks.flat_map(|columns| std::iter::once(metrics).chain(columns.iter().map(|column| column.metric as usize)));
        let mut votes = vec![(0, 0); metrics + 1];
        for (column, metric) in self.columns.iter_mut().zip(metric_of) {
            let codings = || self.plan.streams[column.streams.clone()].iter().map(|stream| self.plan.coding(stream));
            let is_it = |recipe: &Recipe| {
                (recipe.kinds, recipe.form) == (column.kinds, column.form) && codings().eq(recipe.codings.iter().copied())
            };
            let (usual, _) = votes[metric];
            let known = match self.recipes.get(usual as usize) {
                Some(recipe) if is_it(recipe) => Some(usual),
                _ => self.recipes.iter().position(is_it).map(|at| at as u32),
            };
            let recipe = known.unwrap_or_else(|| {
                self.recipes.push(Recipe { kinds: column.kinds, form: column.form, codings: codings().collect() });
                self.recipes.len() as u32 - 1
            });
            column.recipe = recipe;
            vote(&mut votes[metric], recipe);
        }
        votes.into_iter().map(|(recipe, _)| recipe).collect()
    }
}

/// The one that more than half are for stays.
fn vote(standing: &mut (u32, u32), recipe: u32) {
    match standing {
        (_, 0) => *standing = (recipe, 1),
        (candidate, votes) if *candidate == recipe => *votes += 1,
        (_, votes) => *votes -= 1,
    }
}

/// What a metric looks like.
#[derive(Debug, Clone, Copy)]
struct Look {
    form: Form,
    values: usize,
}

fn look(builder: &Builder, all: &Gathered) -> Vec<Look> {
    let mut seen = vec![(Fits::default(), 0); builder.shapes.metrics.len()];
    for column in &all.columns {
        let (fits, values) = &mut seen[column.metric as usize];
        *values += column.values.len();
        for at in &all.values[column.values.clone()] {
            if let Held::Float(fit) = builder.held[*at as usize] {
                fits.add(fit);
            }
        }
    }
    seen.into_iter().map(|(fits, values)| Look { form: fits.form(), values }).collect()
}

fn integer(held: Held, bits: u64, form: Form, dictionary: &Dictionary) -> (Kind, i64) {
    match held {
        Held::Float(_) => match form.to_int(f64::from_bits(bits)) {
            Some(int) => (Kind::Float, int),
            None => (Kind::Raw, ordered64(bits as i64)),
        },
        Held::Int => (Kind::Int, bits as i64),
        Held::Bool => (Kind::Bool, bits as i64),
        Held::Text => (Kind::Text, i64::from(dictionary.codes[bits as usize])),
        Held::Missing => (Kind::Missing, bits as i64),
    }
}
