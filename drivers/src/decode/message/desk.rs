//! One message on its way from the door to a batch: whose it is, whether it may pass, what it says.
//!
//! Holds what outlives a message: room per device, keys of parcels, places and strangers. Time is an argument.

use super::bucket::Bucket;
use super::open::{self, Body, Opened};
use super::peek::Clues;
use super::personal::Names;
use super::places::{Drops, Places};
use super::repair;
use super::router::{Known, Pattern, Router};
use super::shape::Shape;
use super::sketch::{Draw, Sketch};
use super::sparkplug::{self, Nodes};
use super::strangers::{Strangers, is_nobodys_number};
use super::topic::{self, Level};
use super::trail::Trail;
use super::walk::{About, Tools, Walk};
use super::{Arrival, Explained, Matched};
use crate::fault::Fault;
use crate::pseudonym::Pseudonyms;
use crate::reading::{Batch, Subject, Value};
use facility_config::profile::{Format, MessageKind};
use facility_config::site::Retained;
use facility_config::{DeviceIx, Point};
use serde::de::DeserializeSeed;
use std::borrow::Cow;

/// A Sparkplug message, read once however many templates its topic fits.
pub(super) type Reported = Option<Result<sparkplug::Report, Fault>>;

/// Why a message is none of a template's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Miss {
    pub(super) fault: Fault,
    pub(super) device: Option<DeviceIx>,
}

/// What outlives a message.
#[derive(Debug)]
pub(super) struct Desk {
    retained: Retained,
    /// By device index.
    buckets: Vec<Bucket>,
    clues: Clues,
    pseudonyms: Pseudonyms,
    drops: Drops,
    /// See [`Tools::seen`].
    seen: Vec<u32>,
    names: Names,
    pub(super) nodes: Nodes,
    pub(super) places: Places,
    pub(super) strangers: Strangers,
}

/// A message whose device and place in the profile are known.
struct Meant<'a> {
    device: DeviceIx,
    known: &'a Known,
    /// Its number among the shapes.
    message: usize,
    shape: &'a Shape,
}

impl Desk {
    pub(super) fn new(retained: Retained, devices: impl Iterator<Item = u32>) -> Self {
        Self {
            retained,
            buckets: devices.map(Bucket::new).collect(),
            clues: Clues::default(),
            pseudonyms: Pseudonyms::new(),
            drops: Drops::default(),
            seen: Vec::new(),
            names: Names::default(),
            nodes: Nodes::new(),
            places: Places::default(),
            strangers: Strangers::default(),
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Takes a message for one of a template's.
    ///
    /// # Errors
    /// If it is none: another template may fit.
    pub(super) fn attempt(
        &mut self,
        router: &Router,
        pattern: &Pattern,
        device: Option<DeviceIx>,
        arrival: &Arrival<'_>,
        reported: &Reported,
        story: Option<&mut Explained>,
    ) -> Result<Batch, Miss> {
        let device = device.or_else(|| router.device(pattern, arrival.topic));
        let refused = |device, fault| Ok(Batch::refused(device, fault, arrival.now_ms));
        match device {
            None if !pattern.is_shared() => return Err(Miss { fault: Fault::UnknownDevice, device: None }),
            // Whoever floods must still be able to go: a birth or a last will is one word and always passes.
            Some(known) if self.is_plain_status(router, pattern, arrival.topic) => {
                tell(story, router, pattern, known, None);
                return Ok(status(known, arrival));
            }
            Some(known) if !self.may_pass(known, arrival.now_ms) => return refused(device, Fault::RateLimited),
            _ => {}
        }
        let opened = match self.open(pattern, arrival.payload, reported) {
            Ok(opened) => opened,
            Err(fault) => return refused(device, fault),
        };
        let device = match device {
            Some(device) => device,
            None => self.named(router, pattern)?,
        };
        if pattern.is_shared() && !self.may_pass(device, arrival.now_ms) {
            return refused(Some(device), Fault::RateLimited);
        }
        let meant = self.meant(router, pattern, device, arrival.topic)?;
        let story = tell(story, router, pattern, device, Some(&opened));
        Ok(self.read(&meant, &opened.body, arrival, reported, story))
    }

    /// The first message of the template whose conditions hold.
    fn meant<'r>(&self, router: &'r Router, pattern: &Pattern, device: DeviceIx, topic: &str) -> Result<Meant<'r>, Miss> {
        let candidate = pattern.message(topic, &self.clues).ok_or(Miss { fault: Fault::UnknownMessage, device: Some(device) })?;
        let known = router.known(device).ok_or(Miss { fault: Fault::UnknownDevice, device: None })?;
        Ok(Meant { device, known, message: candidate.shape, shape: &router.shapes[candidate.shape] })
    }

    /// Whether the message can be nothing but `online` or `offline`.
    fn is_plain_status(&self, router: &Router, pattern: &Pattern, topic: &str) -> bool {
        let is_plain = |shape: &Shape| shape.kind == MessageKind::Status && shape.has_no_fields && shape.format != Format::Sparkplug;
        pattern.clues.is_none() && pattern.message(topic, &self.clues).is_some_and(|message| is_plain(&router.shapes[message.shape]))
    }

    /// The body as its format says, looked into for what tells device and message.
    fn open<'p>(&mut self, pattern: &Pattern, payload: &'p [u8], reported: &Reported) -> Result<Opened<'p>, Fault> {
        open_into(&mut self.clues, pattern, payload, reported)
    }

    fn may_pass(&mut self, device: DeviceIx, now_ms: i64) -> bool {
        self.buckets.get_mut(device.at()).is_none_or(|bucket| bucket.take(now_ms))
    }

    /// The device that the payload names.
    fn named(&self, router: &Router, pattern: &Pattern) -> Result<DeviceIx, Miss> {
        let nameless = pattern.payload_id(&self.clues).is_none();
        let fault = if nameless { Fault::MissingField } else { Fault::UnknownDevice };
        router.device_by(pattern, &self.clues).ok_or(Miss { fault, device: None })
    }

    fn read(
        &mut self,
        meant: &Meant<'_>,
        body: &Body<'_>,
        arrival: &Arrival<'_>,
        reported: &Reported,
        story: Option<&mut Explained>,
    ) -> Batch {
        let refused = |fault| Batch::refused(Some(meant.device), fault, arrival.now_ms);
        if arrival.retained && self.retained == Retained::Drop && meant.shape.kind != MessageKind::Status {
            return refused(Fault::Retained);
        }
        let report = reported.as_ref().and_then(|report| report.as_ref().ok());
        if report.is_some_and(|report| report.kind == sparkplug::Kind::Death) {
            return online(meant.device, false, arrival.now_ms);
        }
        let Self { retained, pseudonyms, drops, names, places, seen, .. } = self;
        let names = &*names;
        let trail = story.is_some().then(|| Trail::new(names));
        let mut tools = Tools { pseudonyms, drops, trail, seen: std::mem::take(seen) };
        let walked = walk(meant, body, arrival, &mut tools);
        let Tools { drops, trail, .. } = tools;
        *seen = tools.seen;
        let mut batch = walked.unwrap_or_else(refused);
        if let Some(report) = report.filter(|_| batch.refused.is_none()) {
            batch.device_ms = batch.device_ms.or(report.time_ms);
        }
        // A birth, or a heartbeat that says nothing: that it comes is what it says.
        let is_birth = report.is_some_and(|report| report.kind == sparkplug::Kind::Birth);
        let is_heartbeat = meant.shape.kind == MessageKind::Telemetry && meant.shape.has_no_fields;
        if batch.refused.is_none() && (is_birth || is_heartbeat) {
            batch.push(Point::HealthOnline, Value::Bool(true));
        }
        settle(*retained, meant, arrival, &mut batch);
        if batch.refused.is_none() && drops.len() > 0 {
            places.count(names, meant.device, meant.message, meant.shape, drops, arrival.now_ms);
        }
        if let (Some(story), Some(trail)) = (story, trail) {
            story.steps = trail.finish(&batch);
        }
        batch
    }

    /// Notes a message of a device that nobody declared. Where the topic names it, its body is opened only to be shown.
    pub(super) fn stranger(&mut self, router: &Router, pattern: &Pattern, arrival: &Arrival<'_>, reported: &Reported) {
        let Self { clues, names, strangers, .. } = self;
        let (profile, now_ms) = (router.profile(pattern), arrival.now_ms);
        let look = |opened: Result<Opened<'_>, Fault>| {
            let shape = opened.map(|opened| sketch(pattern.format, &opened.body, names)).unwrap_or_default();
            (shown(router, Some(pattern), arrival.topic, names), shape)
        };
        if let Some(id) = pattern.topic_id(arrival.topic) {
            return strangers.hear(id, profile, now_ms, || look(open_into(clues, pattern, arrival.payload, reported)));
        }
        let opened = open_into(clues, pattern, arrival.payload, reported);
        if let Some(id) = pattern.payload_id(clues) {
            strangers.hear(id, profile, now_ms, || look(opened));
        }
    }
}

/// The body as its format says, looked into for what tells device and message.
fn open_into<'p>(clues: &mut Clues, pattern: &Pattern, payload: &'p [u8], reported: &Reported) -> Result<Opened<'p>, Fault> {
    body(pattern.format, payload, reported).and_then(|opened| look(clues, pattern, opened))
}

/// Reads what tells device and message. A text that only infinities keep from being JSON is mended.
fn look<'a>(found: &mut Clues, pattern: &Pattern, mut opened: Opened<'a>) -> Result<Opened<'a>, Fault> {
    let Some(clues) = &pattern.clues else { return Ok(opened) };
    let looked = match &opened.body {
        Body::Tree(tree) => found.look(clues, tree),
        Body::Text(text) if found.look_into(clues, text) => true,
        Body::Text(text) => match repair::without_infinities(text) {
            Some(mended) => {
                let looked = found.look_into(clues, &mended);
                opened.body = Body::Text(Cow::Owned(mended));
                looked
            }
            None => false,
        },
    };
    if looked { Ok(opened) } else { Err(Fault::Undecodable) }
}

/// The body as its format says.
fn body<'a>(format: Format, payload: &'a [u8], reported: &Reported) -> Result<Opened<'a>, Fault> {
    match reported {
        Some(Ok(report)) if format == Format::Sparkplug => {
            Ok(Opened { body: Body::Tree(report.values.clone()), packing: None, bytes: payload.len() })
        }
        Some(Err(fault)) if format == Format::Sparkplug => Err(*fault),
        _ => open::open(format, payload),
    }
}

fn walk<'a>(meant: &Meant<'a>, body: &Body<'_>, arrival: &Arrival<'a>, tools: &mut Tools<'a>) -> Result<Batch, Fault> {
    let Meant { device, known, shape, .. } = *meant;
    let subject = match shape.kind {
        MessageKind::Telemetry => Subject::Telemetry,
        MessageKind::Event => Subject::Event,
        MessageKind::Status => Subject::Health,
    };
    let about = About { id: &known.id, topic_id: &known.topic_id, topic: arrival.topic };
    let batch = || Batch::new(device, subject, arrival.now_ms);
    let walked = match body {
        Body::Tree(tree) => Walk::new(shape, about, tools, batch()).run_tree(tree),
        Body::Text(text) if shape.format == Format::Plain => Walk::new(shape, about, tools, batch()).run_plain(text.trim()),
        Body::Text(text) => match Walk::new(shape, about, tools, batch()).run(text) {
            // Only what the reader itself refused can be cured, and only of its infinities.
            Err(None) => match repair::without_infinities(text) {
                Some(text) => Walk::new(shape, about, tools, batch()).run(&text),
                None => Err(None),
            },
            walked => walked,
        },
    };
    walked.map_err(|fault| fault.unwrap_or(Fault::Undecodable))
}

/// What the device's declaration says about its clock, and whether a message that was kept is fresh enough.
fn settle(retained: Retained, meant: &Meant<'_>, arrival: &Arrival<'_>, batch: &mut Batch) {
    if batch.refused.is_some() {
        return;
    }
    let ingest = &meant.known.ingest;
    // A last will is written when the device connects: its time is older than everything the device said since.
    let own = batch.device_ms.filter(|_| ingest.own_clock && meant.shape.kind != MessageKind::Status);
    batch.device_ms = own.map(|ms| ms.saturating_sub(ingest.clock_offset_ms));
    let age_ms_max = meant.known.interval_ms.saturating_mul(2);
    let fresh = batch.device_ms.is_some_and(|ms| arrival.now_ms.saturating_sub(ms).saturating_abs() <= age_ms_max);
    if arrival.retained && retained == Retained::Fresh && meant.shape.kind != MessageKind::Status && !fresh {
        *batch = Batch::refused(Some(meant.device), Fault::Retained, arrival.now_ms);
    }
}

/// A birth message or a last will. An empty payload only clears a retained one and says nothing.
fn status(device: DeviceIx, arrival: &Arrival<'_>) -> Batch {
    match arrival.payload.trim_ascii() {
        b"online" => online(device, true, arrival.now_ms),
        b"offline" => online(device, false, arrival.now_ms),
        b"" => Batch::new(device, Subject::Health, arrival.now_ms),
        _ => Batch::refused(Some(device), Fault::Undecodable, arrival.now_ms),
    }
}

pub(super) fn online(device: DeviceIx, online: bool, now_ms: i64) -> Batch {
    let mut batch = Batch::new(device, Subject::Health, now_ms);
    batch.push(Point::HealthOnline, Value::Bool(online));
    batch
}

/// Writes down, for whoever asked, where the message belongs and how it was written.
fn tell<'s>(
    story: Option<&'s mut Explained>,
    router: &Router,
    pattern: &Pattern,
    device: DeviceIx,
    opened: Option<&Opened<'_>>,
) -> Option<&'s mut Explained> {
    let story = story?;
    story.route = Some(Matched { device, profile: router.profile(pattern).into(), template: pattern.template.clone() });
    let word = opened.map_or("plain", |_| open::word(pattern.format));
    story.format = opened.and_then(|opened| opened.packing).map_or(word.into(), |packing| format!("{packing}, {word}").into());
    if let Some(opened) = opened {
        story.unpacked_bytes = opened.bytes;
    }
    Some(story)
}

/// The places of a payload, without what stands there.
fn sketch(format: Format, body: &Body<'_>, names: &Names) -> Vec<Box<str>> {
    let mut sketch = Sketch::new(names);
    match body {
        Body::Tree(tree) => Draw(&mut sketch).deserialize(tree).unwrap_or_default(),
        Body::Text(_) if format == Format::Plain => sketch.note("text"),
        Body::Text(text) => Draw(&mut sketch).deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap_or_default(),
    }
    sketch.places
}

/// A topic that is fit to be shown. Levels that the template writes out and names of devices stay; what the template leaves
/// open may be anything, and so may be everything on a topic that is no template's.
pub(super) fn shown(router: &Router, pattern: Option<&Pattern>, topic: &str, names: &Names) -> String {
    let id = pattern.and_then(|pattern| pattern.topic_id(topic).filter(|id| router.is_declared(pattern, id) || is_nobodys_number(id)));
    let level = |at: usize| pattern.and_then(|pattern| pattern.levels.get(at));
    let parts = topic.split('/').enumerate().map(|(at, part)| match level(at) {
        Some(Level::Text(_)) => Cow::Borrowed(part),
        Some(level @ Level::Device(..)) if id.is_some() && topic::device(level, part) == id => Cow::Borrowed(part),
        Some(Level::Any) if id == Some(part) => Cow::Borrowed(part),
        _ => names.harmless(part),
    });
    parts.collect::<Vec<_>>().join("/")
}
