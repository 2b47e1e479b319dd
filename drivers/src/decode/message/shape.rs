//! A message of a profile, compiled: its JSON pointers as one tree, so that a payload is walked once.
//!
//! Built when the configuration is read, never while a message is decoded. Bounded by the profile itself.

use super::leaf::Leaf;
use super::personal::part_named;
use super::time::TimeRule;
use super::topic;
use facility_config::Part;
use facility_config::profile::{Format, Message, MessageField, MessageKind};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Index of the root in [`Shape::nodes`].
pub(super) const ROOT: usize = 0;

/// One compiled message.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kind: MessageKind,
    pub(super) format: Format,
    /// A status without fields is one of two words.
    pub(super) has_no_fields: bool,
    pub(super) nodes: Vec<Node>,
    /// Values of a payload that holds each field once.
    pub(super) values: usize,
    /// Nodes that a payload must hold.
    pub(super) required: Vec<usize>,
    /// Nodes of fields by dotted path (`temps.product`), as a quality map names them.
    pub(super) dotted: HashMap<Box<str>, usize>,
    pub(super) part: PartRule,
    /// The maker's words for parts to ours.
    pub(super) part_values: Vec<(Box<str>, Part)>,
    pub(super) time: TimeRule,
}

/// Where the name of the part comes from that all readings of a message are about.
#[derive(Debug, Clone, Copy)]
pub(super) enum PartRule {
    /// They are about the whole device.
    Whole,
    Named(Part),
    /// Level of the topic, from 0.
    Level(usize),
    Payload,
}

/// One place in a payload.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Members, sorted by the length of their names, then by name.
    children: Vec<Member>,
    /// Which of them stood first last time.
    first: AtomicUsize,
    /// What every element of an array, or every other member of an object, looks like.
    pub(super) star: Option<usize>,
    /// Whether an element names itself; otherwise its position, from 1, is its name.
    pub(super) star_named: bool,
    /// Members that are not known are skipped without a fault.
    pub(super) ignored: bool,
    /// A text here is JSON itself.
    pub(super) nested: bool,
    pub(super) uses: Vec<Use>,
    pub(super) leaves: Vec<Leaf>,
    /// Pointer, for people.
    pub(super) path: Box<str>,
}

#[derive(Debug)]
struct Member {
    name: Box<str>,
    node: usize,
    /// Which of the members stood behind it last time: a device names its fields in one order, so that most are found
    /// without a search. Nothing but the time it takes depends on it.
    next: AtomicUsize,
}

/// What a value at a node is for besides readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Time,
    Id,
    /// The name of the device itself, on a topic that several share.
    Owner,
    Key,
    Seq,
    Parcel,
    MessagePart,
    ElementPart,
    Quality,
    /// Read before the walk: by number, among the places that tell device and message.
    Clue(usize),
}

impl Use {
    /// Word for people.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Id | Self::Owner => "id",
            Self::Key => "key",
            Self::Seq => "seq",
            Self::Parcel => "parcel",
            Self::MessagePart | Self::ElementPart => "part",
            Self::Quality => "quality",
            Self::Clue(_) => "condition",
        }
    }
}

impl Shape {
    /// Compiles a message.
    pub(super) fn new(message: &Message) -> Self {
        let mut shape = Self::empty(message.kind, message.format);
        shape.has_no_fields = message.fields.is_empty();
        if message.format == Format::Plain {
            // There is no place in such a body; its topic says which value it is.
            shape.nodes[ROOT].path = message.topic.clone();
        }
        shape.time = TimeRule::new(&message.time_format);
        for field in &message.fields {
            shape.add_field(field);
        }
        for pointer in &message.ignored {
            let at = shape.place(pointer);
            shape.nodes[at].ignored = true;
        }
        for pointer in &message.nested {
            let at = shape.place(pointer);
            shape.nodes[at].nested = true;
        }
        let uses = [
            (&message.time, Use::Time),
            (&message.id, Use::Id),
            (&message.key, Use::Key),
            (&message.seq, Use::Seq),
            (&message.parcel, Use::Parcel),
            (&message.quality, Use::Quality),
        ];
        for (pointer, what) in uses {
            if let Some(pointer) = pointer {
                shape.add_use(pointer, what);
            }
        }
        for pointer in message.when.iter().map(|when| &when.place).filter(|place| place.starts_with('/')) {
            shape.add_use(pointer, Use::Clue(0));
        }
        if let Some(pointer) = message.device.as_deref().filter(|place| place.starts_with('/')) {
            shape.add_use(pointer, Use::Owner);
        }
        shape.add_part(message);
        shape.required = message.required.iter().map(|pointer| shape.place(pointer)).collect();
        shape.values = shape.nodes.iter().map(|node| node.leaves.len()).sum::<usize>() + 1;
        shape.sort();
        shape
    }

    /// A tree of nothing but places that are read before the walk, numbered as they stand here.
    pub(super) fn of_clues(pointers: &[&str], nested: &[&str], format: Format) -> Self {
        let mut shape = Self::empty(MessageKind::Telemetry, format);
        for (number, pointer) in pointers.iter().enumerate() {
            shape.add_use(pointer, Use::Clue(number));
        }
        for pointer in nested {
            let at = shape.place(pointer);
            shape.nodes[at].nested = true;
        }
        shape.sort();
        shape
    }

    fn empty(kind: MessageKind, format: Format) -> Self {
        Self {
            kind,
            format,
            has_no_fields: true,
            nodes: vec![Node::default()],
            values: 0,
            required: Vec::new(),
            dotted: HashMap::new(),
            part: PartRule::Whole,
            part_values: Vec::new(),
            time: TimeRule::Auto,
        }
    }

    fn sort(&mut self) {
        for node in &mut self.nodes {
            node.children.sort_by(|a, b| by_length(&a.name, &b.name));
        }
    }

    fn add_use(&mut self, pointer: &str, what: Use) {
        let at = self.place(pointer);
        if !self.nodes[at].uses.contains(&what) {
            self.nodes[at].uses.push(what);
        }
    }

    fn add_part(&mut self, message: &Message) {
        let Some(part) = &message.part else { return };
        self.part_values = part.values.iter().filter_map(|(word, name)| Some((word.clone(), part_named(name)?))).collect();
        self.part = if part.place.starts_with('/') {
            self.add_use(&part.place, Use::MessagePart);
            PartRule::Payload
        } else if let Some(level) = topic::level(&message.topic, &part.place) {
            PartRule::Level(level)
        } else {
            part_named(&part.place).map_or(PartRule::Whole, PartRule::Named)
        };
    }

    fn add_field(&mut self, field: &MessageField) {
        let at = self.place(&field.pointer);
        let leaf = Leaf::new(field, self.format);
        self.nodes[at].leaves.push(leaf);
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
        if !self.nodes[name].uses.contains(&Use::ElementPart) {
            self.nodes[name].uses.push(Use::ElementPart);
        }
    }

    /// The node of a JSON pointer (RFC 6901), made if need be. In Sparkplug a metric's name may hold `/`: its parts are
    /// objects there too.
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
        let star = self.add_node(at, "*");
        self.nodes[at].star = Some(star);
        star
    }

    fn child(&mut self, at: usize, name: &str) -> usize {
        if let Some(child) = self.nodes[at].children.iter().find(|known| *known.name == *name) {
            return child.node;
        }
        let node = self.add_node(at, name);
        self.nodes[at].children.push(Member { name: name.into(), node, next: AtomicUsize::default() });
        node
    }

    fn add_node(&mut self, parent: usize, name: &str) -> usize {
        let path = format!("{}/{name}", self.nodes[parent].path).into();
        self.nodes.push(Node { path, ..Node::default() });
        self.nodes.len() - 1
    }
}

impl Node {
    /// The member of that name.
    pub(super) fn member(&self, name: &str) -> Option<usize> {
        self.member_after(None, name).map(|at| self.node_of(at))
    }

    /// Where the member of that name stands in the list, for one who reads a payload from its beginning: `last` is the
    /// member before it.
    pub(super) fn member_after(&self, last: Option<usize>, name: &str) -> Option<usize> {
        let guess = last.and_then(|last| self.children.get(last)).map_or(&self.first, |last| &last.next);
        let at = guess.load(Relaxed);
        if self.children.get(at).is_some_and(|member| *member.name == *name) {
            return Some(at);
        }
        let at = self.children.binary_search_by(|known| by_length(&known.name, name)).ok()?;
        guess.store(at, Relaxed);
        Some(at)
    }

    /// The node of a member by its place in the list.
    pub(super) fn node_of(&self, member: usize) -> usize {
        self.children[member].node
    }

    /// Whether something in it is known.
    pub(super) fn has_members(&self) -> bool {
        !self.children.is_empty() || self.star.is_some()
    }

    /// Whether no value of its own is expected here.
    pub(super) fn is_branch(&self) -> bool {
        self.uses.is_empty() && self.leaves.is_empty()
    }

    /// Whether nothing in it is read: it is ignored, or only its presence matters.
    pub(super) fn is_skipped(&self) -> bool {
        !self.has_members() && self.is_branch()
    }
}

/// Most names that are not the same are not of the same length either: their letters need not be looked at.
fn by_length(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}
