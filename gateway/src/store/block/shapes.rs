//! Shapes: which metrics a row has, in which order, and its flags. A block has few of them.

/// No column.
const NONE: u32 = u32::MAX;

/// The shapes of a block.
#[derive(Debug, Default, Clone)]
pub(super) struct Shapes {
    pub(super) flags: Vec<u8>,
    /// Where the metrics of each end.
    ends: Vec<u32>,
    metrics: Vec<u32>,
}

/// The values of one metric in one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) metric: u32,
    pub(super) len: usize,
}

impl Shapes {
    /// Adds a shape.
    pub(super) fn push(&mut self, flags: u8, metrics: impl Iterator<Item = u32>) {
        self.flags.push(flags);
        self.metrics.extend(metrics);
        self.ends.push(self.metrics.len() as u32);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.flags.len()
    }

    /// Metrics of one shape, as positions in the list of metrics.
    pub(super) fn of(&self, shape: u32) -> &[u32] {
        let at = shape as usize;
        let begun_at = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.metrics[begun_at..self.ends[at] as usize]
    }

    /// Metrics of all shapes, one after the other.
    pub(super) fn all(&self) -> &[u32] {
        &self.metrics
    }
}

/// Shapes of the rows of a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) enum RowShapes<'a> {
    /// All the same: the shape, and how many rows.
    Same(u32, usize),
    Each(&'a [u32]),
}

impl<'a> RowShapes<'a> {
    /// Of rows one by one.
    pub(super) fn new(each: &'a [u32]) -> Self {
        match each {
            [first, rest @ ..] if rest.iter().all(|shape| shape == first) => Self::Same(*first, each.len()),
            _ => Self::Each(each),
        }
    }

    /// How many rows.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Same(_, len) => len,
            Self::Each(each) => each.len(),
        }
    }

    /// Of one row.
    pub(super) fn get(self, row: usize) -> Option<u32> {
        match self {
            Self::Same(shape, len) => (row < len).then_some(shape),
            Self::Each(each) => each.get(row).copied(),
        }
    }
}

/// Finds the columns of chunks; one is enough for all chunks of a block.
#[derive(Debug)]
pub(super) struct ColumnFinder {
    /// Of the chunk looked at last, in order of appearance.
    pub(super) list: Vec<Column>,
    /// Position in the list, by metric.
    at: Vec<u32>,
    /// Rows of each shape of this chunk.
    rows: Vec<u32>,
    /// Shapes of this chunk in order of appearance.
    shapes: Vec<u32>,
}

impl ColumnFinder {
    /// For a block with so many metrics and shapes.
    pub(super) fn new(metrics: usize, shapes: usize) -> Self {
        Self { list: Vec::new(), at: vec![NONE; metrics], rows: vec![0; shapes], shapes: Vec::new() }
    }

    /// Looks at a chunk whose rows have these shapes.
    pub(super) fn find(&mut self, shapes: &Shapes, rows: RowShapes<'_>) {
        self.list.drain(..).for_each(|column| self.at[column.metric as usize] = NONE);
        self.shapes.clear();
        match rows {
            RowShapes::Same(shape, rows) => self.count(shape, rows as u32),
            RowShapes::Each(each) => each.iter().for_each(|shape| self.count(*shape, 1)),
        }
        for shape in &self.shapes {
            let rows = std::mem::take(&mut self.rows[*shape as usize]) as usize;
            for metric in shapes.of(*shape) {
                let at = &mut self.at[*metric as usize];
                if *at == NONE {
                    *at = self.list.len() as u32;
                    self.list.push(Column { metric: *metric, len: 0 });
                }
                self.list[*at as usize].len += rows;
            }
        }
    }

    fn count(&mut self, shape: u32, rows: u32) {
        let count = &mut self.rows[shape as usize];
        if *count == 0 {
            self.shapes.push(shape);
        }
        *count += rows;
    }

    /// Which column of the chunk a metric is in. It must be in one.
    pub(super) fn of(&self, metric: u32) -> usize {
        self.at[metric as usize] as usize
    }
}
