//! A message of a profile, compiled: its JSON pointers as one tree, so that a payload is walked once.
//!
//! Built when the configuration is read, never while a message is decoded. Bounded by the profile itself.

use facility_config::Point;
use facility_config::profile::{JsonField, JsonMessage, MessageKind};
use facility_config::series::Type;
use std::collections::HashMap;
use std::sync::Arc;

/// Index of the root in [`Shape::nodes`].
pub(super) const ROOT: usize = 0;

/// One compiled message.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kind: MessageKind,
    pub(super) nodes: Vec<Node>,
    /// Nodes that a payload must hold.
    pub(super) required: Vec<usize>,
    /// Nodes of fields by dotted path (`temps.product`), as a quality map names them.
    pub(super) dotted: HashMap<Box<str>, usize>,
    /// Whether the message names the part that all its readings are about.
    pub(super) has_part: bool,
}

/// One place in a payload.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Members by name, sorted.
    children: Vec<(Box<str>, usize)>,
    /// What every element of an array, or every other member of an object, looks like.
    pub(super) star: Option<usize>,
    /// Whether an element names itself; otherwise its position, from 1, is its name.
    pub(super) star_named: bool,
    /// Members that are not known are skipped without a fault.
    pub(super) ignored: bool,
    pub(super) role: Role,
}

/// What a value at a node is for.
#[derive(Debug, Default)]
pub(super) enum Role {
    #[default]
    Branch,
    Time,
    Id,
    MessageKey,
    MessagePart,
    ElementPart,
    Quality,
    Fields(Vec<Leaf>),
}

/// How a value becomes a reading.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) point: Point,
    pub(super) ty: Type,
    pub(super) scale: f64,
    pub(super) range: Option<(f64, f64)>,
    /// Shared with every reading that holds one of them.
    pub(super) words: Vec<Arc<str>>,
}

impl Shape {
    /// Compiles a message.
    pub(super) fn new(message: &JsonMessage) -> Self {
        let mut shape = Self {
            kind: message.kind,
            nodes: vec![Node::default()],
            required: Vec::new(),
            dotted: HashMap::new(),
            has_part: message.part.is_some(),
        };
        for field in &message.fields {
            shape.add_field(field);
        }
        for pointer in &message.ignored {
            let at = shape.place(pointer);
            shape.nodes[at].ignored = true;
        }
        let roles = [
            (&message.time, Role::Time),
            (&message.id, Role::Id),
            (&message.key, Role::MessageKey),
            (&message.part, Role::MessagePart),
            (&message.quality, Role::Quality),
        ];
        for (pointer, role) in roles {
            if let Some(pointer) = pointer {
                let at = shape.place(pointer);
                shape.nodes[at].role = role;
            }
        }
        shape.required = message.required.iter().map(|pointer| shape.place(pointer)).collect();
        for node in &mut shape.nodes {
            node.children.sort();
        }
        shape
    }

    fn add_field(&mut self, field: &JsonField) {
        let at = self.place(&field.pointer);
        let leaf = Leaf {
            point: field.point,
            ty: field.point.info().ty,
            scale: field.scale,
            range: field.range,
            words: field.words.iter().map(|word| Arc::from(&**word)).collect(),
        };
        match &mut self.nodes[at].role {
            Role::Fields(leaves) => leaves.push(leaf),
            role => *role = Role::Fields(vec![leaf]),
        }
        if !field.pointer.contains('*') {
            self.dotted.insert(field.pointer.trim_start_matches('/').replace('/', ".").into(), at);
        }
        if let Some(part) = &field.part {
            self.name_elements(&field.pointer, part);
        }
    }

    /// Gives the elements under the pointer's `*` a member that names them.
    fn name_elements(&mut self, pointer: &str, part: &str) {
        let Some((list, _)) = pointer.split_once("/*") else { return };
        let at = self.place(list);
        self.nodes[at].star_named = true;
        let element = self.star(at);
        let name = self.child(element, part);
        self.nodes[name].role = Role::ElementPart;
    }

    /// The node of a JSON pointer (RFC 6901), made if need be.
    fn place(&mut self, pointer: &str) -> usize {
        pointer.split('/').skip(1).fold(ROOT, |at, token| match token {
            "*" => self.star(at),
            token => self.child(at, &token.replace("~1", "/").replace("~0", "~")),
        })
    }

    fn star(&mut self, at: usize) -> usize {
        if let Some(star) = self.nodes[at].star {
            return star;
        }
        self.nodes.push(Node::default());
        let star = self.nodes.len() - 1;
        self.nodes[at].star = Some(star);
        star
    }

    fn child(&mut self, at: usize, name: &str) -> usize {
        if let Some((_, child)) = self.nodes[at].children.iter().find(|(known, _)| **known == *name) {
            return *child;
        }
        self.nodes.push(Node::default());
        let child = self.nodes.len() - 1;
        self.nodes[at].children.push((name.into(), child));
        child
    }
}

impl Node {
    /// The member of that name.
    pub(super) fn member(&self, name: &str) -> Option<usize> {
        let found = self.children.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(self.children[found].1)
    }

    /// Whether nothing in it is read: it is ignored, or only its presence matters.
    pub(super) fn is_skipped(&self) -> bool {
        self.children.is_empty() && self.star.is_none() && matches!(self.role, Role::Branch)
    }
}
