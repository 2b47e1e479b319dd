//! The dictionary of a log: small numbers for tag sets and metrics, never given out twice.
//!
//! ```text
//! body of a names frame: u32 next_origin | u32 next_metric | entries
//! entry: 1 | varint id | text tags        or        2 | varint id | text name | text part
//! ```
//! The same bytes are the names section of a block. Every ring segment and every file of blocks names what its own
//! points use, so no file depends on another. Bounded by the
//! devices and parts there are; numbers above [`ID_MAX`] are not believed.

use super::bytes::{Input, put_text, put_varint};
use super::format::{Kind, Stamp, put_frame};
use super::record::{MetricName, Names, Origin, Seq};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::Metric;
use std::collections::HashMap;
use std::sync::Arc;

/// Largest number of a name: more would be damage, not a dictionary.
const ID_MAX: u32 = 1 << 20;
const ORIGIN: u8 = 1;
const METRIC: u8 = 2;

/// A set of small numbers that is emptied often.
#[derive(Debug, Default)]
pub(super) struct IdSet {
    seen: Vec<bool>,
    pub(super) ids: Vec<u32>,
}

impl IdSet {
    /// Whether it is new.
    pub(super) fn insert(&mut self, id: u32) -> bool {
        let at = id as usize;
        if at >= self.seen.len() {
            self.seen.resize(at + 1, false);
        }
        let new = !std::mem::replace(&mut self.seen[at], true);
        if new {
            self.ids.push(id);
        }
        new
    }

    pub(super) fn contains(&self, id: u32) -> bool {
        self.seen.get(id as usize) == Some(&true)
    }

    fn without(&self, other: &Self) -> Self {
        let mut rest = Self::default();
        for id in self.ids.iter().filter(|id| !other.contains(**id)) {
            rest.insert(*id);
        }
        rest
    }

    fn clear(&mut self) {
        for id in self.ids.drain(..) {
            self.seen[id as usize] = false;
        }
    }
}

/// Which names: of a commit, of a segment.
#[derive(Debug, Default)]
pub(super) struct NameSet {
    pub(super) origins: IdSet,
    pub(super) metrics: IdSet,
}

impl NameSet {
    pub(super) fn clear(&mut self) {
        self.origins.clear();
        self.metrics.clear();
    }

    pub(super) fn of(origins: &[u32], metrics: &[u32]) -> Self {
        let mut set = Self::default();
        for id in origins {
            set.origins.insert(*id);
        }
        for id in metrics {
            set.metrics.insert(*id);
        }
        set
    }

    pub(super) fn add(&mut self, other: &Self) {
        for id in &other.origins.ids {
            self.origins.insert(*id);
        }
        for id in &other.metrics.ids {
            self.metrics.insert(*id);
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        let rest = Self { origins: self.origins.without(&other.origins), metrics: self.metrics.without(&other.metrics) };
        *self = rest;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.origins.ids.is_empty() && self.metrics.ids.is_empty()
    }
}

/// Names and numbers, both ways.
#[derive(Debug)]
pub(super) struct Dictionary {
    names: Arc<Names>,
    known_origins: Vec<bool>,
    /// Tag set of each configured device.
    tags: Vec<Arc<str>>,
    devices: HashMap<Arc<str>, DeviceIx>,
    origin_of_tags: HashMap<Arc<str>, u32>,
    origin_of_device: Vec<Option<u32>>,
    metric_of_point: Vec<Option<u32>>,
    metric_of_part: HashMap<Metric, u32>,
}

impl Dictionary {
    /// Without names yet; `tags` by device.
    pub(super) fn new(tags: Vec<String>) -> Self {
        let tags: Vec<Arc<str>> = tags.into_iter().map(Arc::from).collect();
        let devices = tags.iter().zip(0u16..).map(|(tags, at)| (tags.clone(), DeviceIx(at))).collect();
        Self {
            names: Arc::default(),
            known_origins: Vec::new(),
            origin_of_device: vec![None; tags.len()],
            metric_of_point: vec![None; Point::ALL.len()],
            tags,
            devices,
            origin_of_tags: HashMap::new(),
            metric_of_part: HashMap::new(),
        }
    }

    /// For readers.
    pub(super) fn names(&self) -> Arc<Names> {
        self.names.clone()
    }

    /// Number of a device's tag set, a new one if it has none; `None` for a device that was not declared.
    pub(super) fn origin(&mut self, device: DeviceIx) -> Option<u32> {
        if let Some(id) = *self.origin_of_device.get(device.at())? {
            return Some(id);
        }
        let tags = self.tags[device.at()].clone();
        let id = match self.origin_of_tags.get(&tags) {
            Some(id) => *id,
            None => {
                let id = self.names.origins.len() as u32;
                self.learn_origin(id, &tags);
                id
            }
        };
        self.origin_of_device[device.at()] = Some(id);
        Some(id)
    }

    /// Number of a metric, a new one if it has none.
    pub(super) fn metric(&mut self, metric: Metric) -> u32 {
        if let Some(id) = self.metric_id(metric) {
            return id;
        }
        let id = self.names.metrics.len() as u32;
        self.learn_metric(id, metric.point.info().name, metric.part);
        id
    }

    /// Numbers of the tag sets that hold this tag.
    pub(super) fn origins_with(&self, tag: &str) -> Vec<u32> {
        let has = |origin: &Origin| origin.tags.split(',').any(|known| known == tag);
        (0..).zip(&self.names.origins).filter(|(_, origin)| has(origin)).map(|(id, _)| id).collect()
    }

    /// Number of a metric, if it has one.
    pub(super) fn metric_id(&self, metric: Metric) -> Option<u32> {
        if metric.part.is_whole() {
            return self.metric_of_point[metric.point as usize];
        }
        self.metric_of_part.get(&metric).copied()
    }

    /// Whether both names of a point are known.
    pub(super) fn knows(&self, origin: u32, metric: u32) -> bool {
        self.knows_origin(origin) && self.knows_metric(metric)
    }

    pub(super) fn knows_origin(&self, origin: u32) -> bool {
        self.known_origins.get(origin as usize) == Some(&true)
    }

    pub(super) fn knows_metric(&self, metric: u32) -> bool {
        self.names.metrics.get(metric as usize).is_some_and(|metric| !metric.name.is_empty())
    }

    /// Makes sure that no number up to these is given out again, though its name may be lost.
    pub(super) fn reserve(&mut self, next_origin: u32, next_metric: u32) {
        if next_origin as usize > self.names.origins.len() && next_origin <= ID_MAX {
            let unknown = Origin { tags: Arc::from(""), device: None };
            Arc::make_mut(&mut self.names).origins.resize(next_origin as usize, unknown);
            self.known_origins.resize(next_origin as usize, false);
        }
        if next_metric as usize > self.names.metrics.len() && next_metric <= ID_MAX {
            let unknown = MetricName { name: Arc::from(""), part: Part::WHOLE, point: None };
            Arc::make_mut(&mut self.names).metrics.resize(next_metric as usize, unknown);
        }
    }

    /// Next numbers to be given out: origins, metrics.
    pub(super) fn next(&self) -> (u32, u32) {
        (self.names.origins.len() as u32, self.names.metrics.len() as u32)
    }

    /// Takes in what the body of a names frame holds and notes it in `named`.
    pub(super) fn learn(&mut self, body: &[u8], named: &mut NameSet) {
        let mut input = Input(body);
        if let (Some(next_origin), Some(next_metric)) = (input.u32(), input.u32()) {
            self.reserve(next_origin, next_metric);
            while self.learn_entry(&mut input, named).is_some() {}
        }
    }

    fn learn_entry(&mut self, input: &mut Input<'_>, named: &mut NameSet) -> Option<()> {
        let kind = input.u8()?;
        let id = u32::try_from(input.varint()?).ok().filter(|id| *id < ID_MAX)?;
        let name = input.text()?;
        match kind {
            ORIGIN => {
                self.learn_origin(id, &Arc::from(name));
                named.origins.insert(id);
            }
            METRIC => {
                self.learn_metric(id, name, Part::new(input.text()?)?);
                named.metrics.insert(id);
            }
            _ => return None,
        }
        Some(())
    }

    fn learn_origin(&mut self, id: u32, tags: &Arc<str>) {
        self.reserve(id.saturating_add(1), 0);
        if self.known_origins.get(id as usize) != Some(&false) {
            return;
        }
        let device = self.devices.get(tags).copied();
        Arc::make_mut(&mut self.names).origins[id as usize] = Origin { tags: tags.clone(), device };
        self.known_origins[id as usize] = true;
        self.origin_of_tags.insert(tags.clone(), id);
    }

    fn learn_metric(&mut self, id: u32, name: &str, part: Part) {
        self.reserve(0, id.saturating_add(1));
        if !self.names.metrics.get(id as usize).is_some_and(|metric| metric.name.is_empty()) {
            return;
        }
        let point = Point::from_name(name);
        Arc::make_mut(&mut self.names).metrics[id as usize] = MetricName { name: Arc::from(name), part, point };
        match point {
            Some(point) if part.is_whole() => self.metric_of_point[point as usize] = Some(id),
            Some(point) => _ = self.metric_of_part.insert(Metric { point, part }, id),
            None => {}
        }
    }

    /// Bytes an origin takes in a names frame, at most.
    pub(super) fn origin_bytes(&self, id: u32) -> usize {
        self.names.origins.get(id as usize).map_or(0, |origin| origin.tags.len() + 16)
    }

    /// Bytes a metric takes in a names frame, at most.
    pub(super) fn metric_bytes(&self, id: u32) -> usize {
        self.names.metrics.get(id as usize).map_or(0, |metric| metric.name.len() + metric.part.as_str().len() + 16)
    }

    /// Appends names frames with these names, each name once; `finish` is called after each frame (padding).
    pub(super) fn put_frames(
        &self,
        out: &mut Vec<u8>,
        stamp: &Stamp,
        first: Seq,
        (origins, metrics): (&[u32], &[u32]),
        body_max: usize,
        finish: fn(&mut Vec<u8>),
    ) {
        let mut body = self.head();
        let head_len = body.len();
        let entries = origins.iter().map(|id| (ORIGIN, *id)).chain(metrics.iter().map(|id| (METRIC, *id)));
        for (kind, id) in entries {
            let len = if kind == ORIGIN { self.origin_bytes(id) } else { self.metric_bytes(id) };
            if body.len() + len > body_max && body.len() > head_len {
                put_frame(out, Kind::Names, stamp, first, 0, &body);
                finish(out);
                body.truncate(head_len);
            }
            self.put_entry(&mut body, kind, id);
        }
        put_frame(out, Kind::Names, stamp, first, 0, &body);
        finish(out);
    }

    /// All these names as one body; empty for none.
    pub(super) fn body(&self, names: &NameSet) -> Vec<u8> {
        if names.is_empty() {
            return Vec::new();
        }
        let mut body = self.head();
        for id in &names.origins.ids {
            self.put_entry(&mut body, ORIGIN, *id);
        }
        for id in &names.metrics.ids {
            self.put_entry(&mut body, METRIC, *id);
        }
        body
    }

    fn head(&self) -> Vec<u8> {
        let (next_origin, next_metric) = self.next();
        [next_origin.to_le_bytes(), next_metric.to_le_bytes()].concat()
    }

    fn put_entry(&self, body: &mut Vec<u8>, kind: u8, id: u32) {
        body.push(kind);
        put_varint(body, u64::from(id));
        if kind == ORIGIN {
            put_text(body, &self.names.origins[id as usize].tags);
        } else {
            let metric = &self.names.metrics[id as usize];
            put_text(body, &metric.name);
            put_text(body, metric.part.as_str());
        }
    }
}
