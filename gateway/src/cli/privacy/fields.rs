//! The fields of one device model: where each comes from, what it becomes, where that goes, what guards it. Pure.
//!
//! Nothing here is a list of fields: places come from the profile, series from the one table, what goes out from the rules
//! that the roll-up and the forwarder ask too.

use crate::aggregate::{FIGURES_OF_ALL, figures_of};
use crate::privacy::{self, stays_here};
use facility_config::limits::{FIRMWARE_DIGITS_MAX, FREE_TEXT_DIGITS_MAX, PART_BYTES_MAX, TEXT_BYTES_MAX};
use facility_config::profile::{Dialect, Message, MessageField, MessageKind, PartOf, RegisterPoint};
use facility_config::series::{Class, Type};
use facility_config::{Device, Kind, Measurement, Part, Point, Profile};
use serde::Serialize;

/// Whether a database is written to, and whether readings go there too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlet {
    Nothing,
    Figures,
    Readings,
}

/// Whether a field leaves the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sent {
    /// It is stored on this gateway and nowhere else.
    Never,
    /// To the database.
    Always,
    /// With events about the machine; of what people do at a locker it stays here.
    OfMachine,
}

/// One field that can be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Field {
    /// Message, register, channel, or what makes it.
    pub(super) from: String,
    /// Pointer in the payload; empty if it is not out of one.
    pub(super) place: String,
    /// `measurement.field`.
    pub(super) series: &'static str,
    /// Tag with the part, and where the part's name comes from.
    pub(super) part: Option<String>,
    pub(super) sent: Sent,
    /// Of what people do at a locker it is not even stored.
    pub(super) stored_of_machine_only: bool,
    /// What keeps a text from being anything else.
    pub(super) guard: Option<String>,
    pub(super) en: &'static str,
    pub(super) zh: &'static str,
    #[serde(skip)]
    pub(super) point: Point,
}

/// Rows of a model.
pub(super) struct Rows {
    kind: Kind,
    outlet: Outlet,
    pub(super) fields: Vec<Field>,
}

impl Rows {
    pub(super) fn new(kind: Kind, outlet: Outlet) -> Self {
        Self { kind, outlet, fields: Vec::new() }
    }

    /// Everything that devices of this model can leave behind.
    pub(super) fn add_model(&mut self, profile: &Profile, devices: &[&Device]) {
        match &profile.dialect {
            Dialect::Modbus(map) => map.points.iter().for_each(|point| self.add_register(point)),
            Dialect::Frame(map) => map.points.iter().for_each(|point| {
                let channel = if point.channel == 0 { "all channels".to_owned() } else { format!("channel {}", point.channel) };
                self.add(&channel, "", point.point, named(point.part), None);
            }),
            Dialect::Mqtt(map) => map.messages.iter().for_each(|message| self.add_message(message)),
            Dialect::Internal => {}
        }
        self.add_made(devices);
    }

    fn add_register(&mut self, point: &RegisterPoint) {
        let guard = (point.point.info().ty == Type::Text).then(|| match point.map.is_empty() {
            true => free_text(point.point),
            false => format!("one of {} words of the model", point.map.len()),
        });
        let place = format!("{} {}", point.table.as_str(), point.address);
        self.add(&place, "", point.point, named(point.part), guard);
    }

    fn add_message(&mut self, message: &Message) {
        let from = from(message);
        let part = message.part.as_ref();
        for field in &message.fields {
            self.add(&from, &field.pointer, field.point, part_of(field, part), guard(field));
        }
        let whole = part.map(part_words);
        match message.kind {
            // Its text says whether the device is there.
            MessageKind::Status if message.fields.is_empty() => self.add(&from, "", Point::HealthOnline, None, None),
            MessageKind::Event => {
                self.add(&from, "", Point::EventCount, whole.clone(), None);
                if let Some(key) = &message.key {
                    self.add(&from, key, Point::EventKey, whole.clone(), None);
                }
                if message.parcel.is_some() {
                    self.add("time since the deposit", "", Point::EventDuration, whole, None);
                }
            }
            MessageKind::Telemetry | MessageKind::Status => {}
        }
    }

    /// What the gateway itself makes of it: by the table, so rather too much than too little.
    fn add_made(&mut self, devices: &[&Device]) {
        let mut figures: Vec<Measurement> = self.fields.iter().flat_map(|field| figures_of(field.point.measurement())).copied().collect();
        figures.extend(FIGURES_OF_ALL);
        figures.sort_unstable();
        figures.dedup();
        figures.into_iter().for_each(|measurement| self.add_all("computed here", measurement, None));
        self.add_all("counted here", Measurement::DeviceHealth, None);
        self.add_all("silence told here", Measurement::Missing, Some("why".to_owned()));
        if devices.iter().any(|device| device.cold.is_some()) {
            self.add_all("cold-chain log kept here", Measurement::ColdChain, Some("head".to_owned()));
        }
        self.add_rules(devices);
    }

    /// The gateway's own, with what it raises about itself.
    pub(super) fn add_gateway(&mut self, gateway: &Device) {
        self.add_all("counted here", Measurement::Gateway, None);
        FIGURES_OF_ALL.into_iter().for_each(|measurement| self.add_all("computed here", measurement, None));
        self.add_all("lost interval", Measurement::Gap, Some("why".to_owned()));
        self.add_all("metered way", Measurement::Uplink, Some("destination".to_owned()));
        self.add_all("silence told here", Measurement::Missing, Some("why".to_owned()));
        self.add_all("came or went", Measurement::Link, Some("kind and name".to_owned()));
        self.add_rules(&[gateway]);
    }

    fn add_rules(&mut self, devices: &[&Device]) {
        let mut rules: Vec<&str> = devices.iter().flat_map(|device| &device.rules).map(|rule| rule.kind.as_str()).collect();
        rules.sort_unstable();
        rules.dedup();
        if !rules.is_empty() {
            self.add_all("alarm raised here", Measurement::Alarm, Some(rules.join(" ")));
        }
    }

    fn add_all(&mut self, from: &str, measurement: Measurement, part: Option<String>) {
        for point in Point::ALL.iter().copied().filter(|point| point.measurement() == measurement) {
            if !self.fields.iter().any(|field| field.point == point) {
                self.add(from, "", point, part.clone(), None);
            }
        }
    }

    fn add(&mut self, from: &str, place: &str, point: Point, part: Option<String>, guard: Option<String>) {
        let info = point.info();
        let is_split = privacy::is_split(self.kind, point);
        self.fields.push(Field {
            from: from.to_owned(),
            place: place.to_owned(),
            series: info.name,
            part: part.map(|name| format!("{} = {name}", info.measurement.info().part_tag.unwrap_or("part"))),
            sent: self.sent(point),
            stored_of_machine_only: is_split && privacy::is_telling(point),
            guard,
            en: info.en,
            zh: info.zh,
            point,
        });
    }

    /// Whether values of a point go out.
    pub(super) fn sent(&self, point: Point) -> Sent {
        let is_reading = point.measurement().info().class == Class::Reading;
        match self.outlet {
            Outlet::Nothing => Sent::Never,
            Outlet::Figures if is_reading => Sent::Never,
            _ if privacy::is_split(self.kind, point) && !point.stays_here() => Sent::OfMachine,
            _ if stays_here(Some(self.kind), point, Part::WHOLE) => Sent::Never,
            _ => Sent::Always,
        }
    }
}

/// Topic and condition of a message.
pub(super) fn from(message: &Message) -> String {
    let when: String = message.when.iter().map(|when| format!(" if {} = {}", when.place, when.equals)).collect();
    format!("{}{when}", message.topic)
}

fn named(part: Part) -> Option<String> {
    (!part.is_whole()).then(|| part.to_string())
}

/// Where the name of a field's part comes from.
fn part_of(field: &MessageField, whole: Option<&PartOf>) -> Option<String> {
    let is_list = field.pointer.contains('*');
    match (&field.part, whole) {
        (Some(member), _) if is_list => Some(free_part(&format!("{}/{}", field.pointer.trim_end_matches(|c| c != '*'), member))),
        (Some(name), _) => Some(name.to_string()),
        (None, _) if is_list => Some(free_part("the key or number at *")),
        (None, Some(whole)) => Some(part_words(whole)),
        (None, None) => None,
    }
}

fn part_words(part: &PartOf) -> String {
    match (&part.values[..], part.place.starts_with(['/', '{'])) {
        (_, false) => part.place.to_string(),
        ([], true) => free_part(&part.place),
        (values, true) => {
            let mut words: Vec<&str> = values.iter().map(|(_, ours)| &**ours).collect();
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        }
    }
}

fn free_part(place: &str) -> String {
    format!(
        "{place} (a code of letters, digits and _.:#+-: at most {PART_BYTES_MAX} bytes and {FREE_TEXT_DIGITS_MAX} digits in a row, whatever separates them)"
    )
}

/// What a text may be that its model has no words for, from a payload or from registers.
fn free_text(point: Point) -> String {
    let digits = if point == Point::HealthFirmware { FIRMWARE_DIGITS_MAX } else { FREE_TEXT_DIGITS_MAX };
    format!(
        "free text: at most {TEXT_BYTES_MAX} bytes and {digits} digits in a row, whatever separates them; anything else is dropped and counted as personal or bad_text"
    )
}

/// What a text of a payload may be; what bounds a number that comes without a limit.
fn guard(field: &MessageField) -> Option<String> {
    match field.point.info().ty {
        Type::Text if !field.values.is_empty() => Some(format!("one of {} words of the model", field.values.len())),
        Type::Text if !field.words.is_empty() => Some(format!("one of: {}", field.words.join(" "))),
        Type::Text => Some(format!("a code of letters, digits and _.:#+-; {}", free_text(field.point))),
        Type::Int if field.range.is_none() && field.values.is_empty() && field.list.is_none() => {
            Some("a whole number without a range in its model: any number passes".to_owned())
        }
        _ => None,
    }
}
