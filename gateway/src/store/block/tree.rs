//! The shapes of rows while a block is filled: a tree with one node per point of a row.
//!
//! A device says nearly always the same, so that following the tree costs one comparison per point.

use super::shapes::Shapes;
use std::collections::HashMap;

/// No node, no metric.
const NONE: u32 = u32::MAX;

/// One more metric after those of its parent; a row that has begun and has none yet has no parent.
#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    /// Number of the metric in the log; of a row that has begun, its flags.
    id: u32,
    /// Position of the metric in [`Tree::metrics`].
    metric: u32,
    /// Child that was followed last.
    next: u32,
    /// What the last value looked like, for the one who fills the block.
    hint: u32,
}

/// Shapes of the rows so far.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    children: HashMap<(u32, u32), u32>,
    /// Rows that have begun, by flags; few.
    roots: Vec<(u8, u32)>,
    /// Numbers of the metrics in the log, in order of appearance.
    pub(super) metrics: Vec<u32>,
    known: HashMap<u32, u32>,
}

impl Tree {
    /// Forgets everything and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.children.clear();
        self.roots.clear();
        self.metrics.clear();
        self.known.clear();
    }

    /// The beginning of a row.
    pub(super) fn begin(&mut self, flags: u8) -> u32 {
        if let Some((_, root)) = self.roots.iter().find(|(of, _)| *of == flags) {
            return *root;
        }
        let root = self.add(NONE, u32::from(flags), NONE);
        self.roots.push((flags, root));
        root
    }

    /// The row with one more metric; `None` if it has that already.
    pub(super) fn follow(&mut self, node: u32, id: u32) -> Option<u32> {
        let next = self.nodes[node as usize].next;
        if next != NONE && self.nodes[next as usize].id == id {
            return Some(next);
        }
        let child = match self.children.get(&(node, id)) {
            Some(child) => *child,
            None if self.has(node, id) => return None,
            None => self.branch(node, id),
        };
        self.nodes[node as usize].next = child;
        Some(child)
    }

    /// What the value before this one looked like.
    pub(super) fn hint(&mut self, node: u32) -> &mut u32 {
        &mut self.nodes[node as usize].hint
    }

    fn branch(&mut self, parent: u32, id: u32) -> u32 {
        let new = self.metrics.len() as u32;
        let metric = *self.known.entry(id).or_insert(new);
        if metric == new {
            self.metrics.push(id);
        }
        let node = self.add(parent, id, metric);
        self.children.insert((parent, id), node);
        node
    }

    fn add(&mut self, parent: u32, id: u32, metric: u32) -> u32 {
        self.nodes.push(Node { parent, id, metric, next: NONE, hint: 0 });
        self.nodes.len() as u32 - 1
    }

    /// From the last metric of a row to the first, then the node with its flags.
    fn path(&self, end: u32) -> impl Iterator<Item = Node> {
        let mut at = end;
        std::iter::from_fn(move || {
            let node = *self.nodes.get(at as usize)?;
            at = node.parent;
            Some(node)
        })
    }

    fn has(&self, end: u32, id: u32) -> bool {
        self.path(end).any(|node| node.parent != NONE && node.id == id)
    }

    /// The shapes of rows that end at these nodes, each once, and which of them each row has.
    pub(super) fn shapes(&self, ends: impl Iterator<Item = u32>) -> (Shapes, Vec<u32>) {
        let mut shapes = Shapes::default();
        let mut number = vec![NONE; self.nodes.len()];
        let number_of = |end: u32| {
            let number = &mut number[end as usize];
            if *number == NONE {
                *number = shapes.len() as u32;
                let mut path: Vec<Node> = self.path(end).collect();
                let flags = path.pop().map_or(0, |root| root.id as u8);
                shapes.push(flags, path.iter().rev().map(|node| node.metric));
            }
            *number
        };
        let rows = ends.map(number_of).collect();
        (shapes, rows)
    }
}
