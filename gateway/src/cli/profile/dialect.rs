//! Models that publish to a broker, as `profile show` tells of them: which topic, what tells a message, what is taken of it
//! and what is known and left behind.

use super::show::row;
use super::table::Table;
use facility_config::profile::{Format, ListUse, Mapped, Message, MessageField, MessageKind, MqttMap, PartOf, TimeFormat};

/// Every message with its topic and fields.
pub(super) fn add_messages(out: &mut String, map: &MqttMap) {
    for message in &map.messages {
        out.push('\n');
        add_head(out, message);
        if message.fields.is_empty() {
            row(out, "fields", nothing(message));
            continue;
        }
        let mut table = Table::new(&["FIELD", "POINT", "PART", "SCALE", "UNIT", "RANGE", "ALSO"]);
        message.fields.iter().for_each(|field| table.row(field_row(field)));
        out.push_str(&table.render("    "));
        for field in message.fields.iter().filter(|field| !field.values.is_empty()) {
            row(out, "", &format!("{} of {}: {}", field.point, shown(&field.pointer), values(field)));
        }
    }
}

/// What a message without fields is for.
fn nothing(message: &Message) -> &'static str {
    match (message.kind, message.format) {
        (MessageKind::Status, _) => "none: the body is the text online or offline",
        _ => "none: that it comes is what it is for",
    }
}

fn add_head(out: &mut String, message: &Message) {
    let kind = match message.kind {
        MessageKind::Telemetry => "telemetry",
        MessageKind::Event => "event",
        MessageKind::Status => "status",
    };
    row(out, kind, &message.topic);
    let format = match message.format {
        Format::Json => "json",
        Format::Cbor => "cbor",
        Format::Plain => "plain, one value",
        Format::Dts => "dts, an EVA-DTS (DEX) audit file",
        Format::Sparkplug => "sparkplug, with births, deaths, time and sequence of its own",
    };
    row(out, "body", &format!("{format}; subscribed with qos {}", message.qos));
    let conditions: Vec<String> = message.when.iter().map(|when| format!("{} = {}", when.place, when.equals)).collect();
    let time = message.time.as_ref().map(|time| format!("{time}, {}", time_words(&message.time_format)));
    let single = [
        ("device", message.device.as_deref()),
        ("time", time.as_deref()),
        ("same id", message.id.as_deref()),
        ("key, hashed", message.key.as_deref()),
        ("sequence", message.seq.as_deref()),
        ("parcel", message.parcel.as_deref()),
        ("quality", message.quality.as_deref()),
    ];
    if !conditions.is_empty() {
        row(out, "when", &conditions.join(" and "));
    }
    single.iter().filter_map(|(head, place)| Some((head, (*place)?))).for_each(|(head, place)| row(out, head, place));
    if let Some(part) = &message.part {
        row(out, "part", &part_words(part));
    }
    let lists = [("required", &message.required), ("left behind", &message.ignored), ("JSON in text", &message.nested)];
    lists.iter().filter(|(_, places)| !places.is_empty()).for_each(|(head, places)| row(out, head, &places.join(" ")));
}

fn time_words(format: &TimeFormat) -> String {
    match format {
        TimeFormat::Auto => "RFC 3339, or a number whose size tells its unit".to_owned(),
        TimeFormat::Seconds => "seconds since 1970".to_owned(),
        TimeFormat::Millis => "milliseconds since 1970".to_owned(),
        TimeFormat::Micros => "microseconds since 1970".to_owned(),
        TimeFormat::Nanos => "nanoseconds since 1970".to_owned(),
        TimeFormat::Pattern { pattern, zone } => format!("as {pattern} in {zone}"),
    }
}

fn part_words(part: &PartOf) -> String {
    let words: Vec<String> = part.values.iter().map(|(raw, name)| format!("{raw} {name}")).collect();
    if words.is_empty() { part.place.to_string() } else { format!("{}: {}", part.place, words.join(" · ")) }
}

fn field_row(field: &MessageField) -> Vec<String> {
    let sum = match (field.scale, field.offset) {
        (1.0, 0.0) => String::new(),
        (scale, 0.0) => format!("×{scale}"),
        (scale, offset) => format!("×{scale} {offset:+}"),
    };
    vec![
        shown(&field.pointer).to_owned(),
        field.point.to_string(),
        field.part.as_deref().unwrap_or_default().to_owned(),
        sum,
        field.point.unit().to_owned(),
        field.range.map_or_else(String::new, |(low, high)| format!("{low}..{high}")),
        also(field),
    ]
}

/// What else decides about the value.
fn also(field: &MessageField) -> String {
    let mut words = Vec::new();
    if !field.words.is_empty() {
        words.push(field.words.join(" "));
    }
    if !field.values.is_empty() {
        words.push(format!("{} values", field.values.len()));
    }
    if !field.silent.is_empty() {
        words.push(format!("says nothing: {}", field.silent.join(" ")));
    }
    match field.list {
        Some(ListUse::Any) => words.push("whether the list holds anything".to_owned()),
        Some(ListUse::Count) => words.push("length of the list".to_owned()),
        None => {}
    }
    if field.loose {
        words.push("may be text".to_owned());
    }
    words.join(", ")
}

fn values(field: &MessageField) -> String {
    let value = |mapped: &Mapped| match mapped {
        Mapped::Bool(yes) => yes.to_string(),
        Mapped::Int(number) => number.to_string(),
        Mapped::Float(number) => number.to_string(),
        Mapped::Text(text) => text.to_string(),
    };
    field.values.iter().map(|(raw, mapped)| format!("{raw} {}", value(mapped))).collect::<Vec<_>>().join(" · ")
}

/// A pointer; that of a plain body is empty.
fn shown(pointer: &str) -> &str {
    if pointer.is_empty() { "(the body)" } else { pointer }
}
