//! Points sorted for writing: by origin, then by metric, each column in order of arrival.

use super::builder::Builder;
use super::shapes::{ColumnFinder, RowShapes, Shapes};
use std::ops::Range;

/// All points of one origin.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) origin: u32,
    /// In [`Gathered::times`] and [`Gathered::row_shapes`].
    pub(super) rows: Range<usize>,
    /// In [`Gathered::columns`].
    pub(super) columns: Range<usize>,
}

/// The values of one metric of one origin.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) metric: u32,
    /// In [`Gathered::values`].
    pub(super) values: Range<usize>,
}

/// The points of a block, sorted.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) shapes: Shapes,
    pub(super) chunks: Vec<Chunk>,
    pub(super) columns: Vec<Column>,
    /// Times of all rows, chunk by chunk.
    pub(super) times: Vec<i64>,
    /// Shapes of all rows, chunk by chunk.
    pub(super) row_shapes: Vec<u32>,
    /// Where the builder has the values, column by column. Places and not copies: this is most of the memory a block takes.
    pub(super) values: Vec<u32>,
    /// The chunk of each row, in order of arrival.
    pub(super) arrivals: Vec<u32>,
}

impl Gathered {
    /// Sorts what a builder holds.
    pub(super) fn new(builder: &Builder) -> Self {
        let (shapes, shape_of_row) = builder.shapes.shapes(builder.rows.iter().map(|row| row.node));
        let mut sorted: Vec<u32> = (0..builder.origins.len() as u32).collect();
        sorted.sort_unstable_by_key(|origin| builder.origins[*origin as usize]);
        let mut chunk_of = vec![0; sorted.len()];
        (0u32..).zip(&sorted).for_each(|(chunk, origin)| chunk_of[*origin as usize] = chunk);
        let arrivals: Vec<u32> = builder.rows.iter().map(|row| chunk_of[row.origin as usize]).collect();
        let (rows, ends) = by_chunk(&arrivals, sorted.len());

        let mut all = Self { arrivals, values: vec![0; builder.len()], ..Self::default() };
        all.times.extend(rows.iter().map(|row| builder.rows[*row as usize].at_ms));
        all.row_shapes.extend(rows.iter().map(|row| shape_of_row[*row as usize]));
        let mut columns = ColumnFinder::new(builder.shapes.metrics.len(), shapes.len());
        let (mut begin, mut value) = (0, 0);
        for (origin, end) in sorted.iter().zip(ends) {
            let in_rows = begin..end;
            columns.find(&shapes, RowShapes::new(&all.row_shapes[in_rows.clone()]));
            let first_column = all.columns.len();
            for column in &columns.list {
                all.columns.push(Column { metric: column.metric, values: value..value + column.len });
                value += column.len;
            }
            let in_columns = first_column..all.columns.len();
            all.place_values(builder, &shapes, &columns, &rows[in_rows.clone()], in_rows.clone(), in_columns.clone());
            all.chunks.push(Chunk { origin: builder.origins[*origin as usize], rows: in_rows, columns: in_columns });
            begin = end;
        }
        all.shapes = shapes;
        all
    }

    /// Puts the values of some rows into their columns.
    fn place_values(
        &mut self,
        builder: &Builder,
        shapes: &Shapes,
        columns: &ColumnFinder,
        rows: &[u32],
        in_rows: Range<usize>,
        in_columns: Range<usize>,
    ) {
        let mut next: Vec<usize> = self.columns[in_columns].iter().map(|column| column.values.start).collect();
        for (row, shape) in rows.iter().zip(&self.row_shapes[in_rows]) {
            let from = builder.rows[*row as usize].value;
            for (from, metric) in (from..).zip(shapes.of(*shape)) {
                let to = &mut next[columns.of(*metric)];
                self.values[*to] = from;
                *to += 1;
            }
        }
    }
}

/// Rows sorted by chunk and otherwise left in order, and where each chunk ends.
fn by_chunk(arrivals: &[u32], chunks: usize) -> (Vec<u32>, Vec<usize>) {
    let mut ends = vec![0; chunks];
    arrivals.iter().for_each(|chunk| ends[*chunk as usize] += 1);
    let mut end = 0;
    for count in &mut ends {
        let begin = end;
        end += *count;
        *count = begin;
    }
    let mut rows = vec![0; arrivals.len()];
    for (row, chunk) in (0u32..).zip(arrivals) {
        let to = &mut ends[*chunk as usize];
        rows[*to] = row;
        *to += 1;
    }
    (rows, ends)
}
