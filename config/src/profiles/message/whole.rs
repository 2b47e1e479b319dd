//! What the words of one message mean together, and messages of one topic to each other.

use super::place;
use crate::profile::{Format, Message, MessageField, MessageKind};
use std::collections::BTreeMap;

/// What goes with events only, and what they cannot do without.
pub(super) fn check_kind(message: &Message) -> Result<(), String> {
    match message.kind {
        MessageKind::Event if message.part.is_none() => Err("an event has a type: say `part`, a place or the type itself".into()),
        MessageKind::Event => Ok(()),
        _ if message.key.is_some() || message.parcel.is_some() => Err("`key` and `parcel` go with kind = \"event\"".into()),
        MessageKind::Status if message.part.is_some() => Err("a status is about the whole device: it has no `part`".into()),
        _ => Ok(()),
    }
}

/// What a format cannot have.
pub(super) fn check_format(message: &Message) -> Result<(), String> {
    let points_into = |place: &str| place.starts_with('/') || place.is_empty();
    let is_json = matches!(message.format, Format::Json | Format::Cbor);
    if !is_json && (!message.nested.is_empty() || message.quality.is_some()) {
        return Err("`nested` and `quality` go with json and cbor".into());
    }
    match message.format {
        Format::Json | Format::Cbor | Format::Dts => Ok(()),
        Format::Plain => {
            let places = [&message.time, &message.id, &message.key, &message.seq, &message.parcel];
            let of_body = message.when.iter().any(|when| points_into(&when.place))
                || message.device.as_deref().is_some_and(points_into)
                || message.part.as_ref().is_some_and(|part| points_into(&part.place));
            match of_body || places.iter().any(|place| place.is_some()) || !(message.required.is_empty() && message.ignored.is_empty()) {
                true => Err("a plain body is one value, and that is the field; everything else can only be a level of the topic".into()),
                false => Ok(()),
            }
        }
        Format::Sparkplug => {
            place::check_sparkplug_topic(&message.topic)?;
            let own = [&message.time, &message.id, &message.seq, &message.device];
            match message.kind != MessageKind::Telemetry || own.iter().any(|place| place.is_some()) || !message.when.is_empty() {
                true => {
                    Err("Sparkplug has its own time, seq, births and deaths: kind is telemetry, without time, id, seq, device and when"
                        .into())
                }
                false => Ok(()),
            }
        }
    }
}

/// A value has one use, and a point one value.
pub(super) fn check_uses(message: &Message) -> Result<(), String> {
    let part = message.part.as_ref().map(|part| &part.place).filter(|place| place.starts_with('/'));
    let single = [
        ("time", message.time.as_ref()),
        ("id", message.id.as_ref()),
        ("key", message.key.as_ref()),
        ("seq", message.seq.as_ref()),
        ("parcel", message.parcel.as_ref()),
        ("part", part),
        ("quality", message.quality.as_ref()),
    ];
    let mut used: BTreeMap<&str, &str> = BTreeMap::new();
    for (used_as, place) in single.iter().filter_map(|(used_as, place)| Some((*used_as, (*place)?))) {
        if let Some(other) = used.insert(place, used_as) {
            return Err(format!("`{place}` is both {other} and {used_as}"));
        }
    }
    for (at, field) in message.fields.iter().enumerate() {
        if let Some(other) = used.get(&*field.pointer) {
            return Err(format!("`{}` is both {other} and {}", field.pointer, field.point));
        }
        let is_same = |other: &&MessageField| {
            (other.point, &other.part) == (field.point, &field.part)
                && (!field.pointer.contains('*') || !other.pointer.contains('*') || other.pointer == field.pointer)
        };
        if message.fields.iter().take(at).any(|other| is_same(&other)) {
            return Err(format!("{} is mapped twice", field.point));
        }
    }
    Ok(())
}

/// A text that is JSON is read because of what is inside, and only after it is known which message it is.
pub(super) fn check_nested(message: &Message) -> Result<(), String> {
    let inside = |outer: &str, place: &str| place.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let part = message.part.as_ref().map(|part| &part.place);
    let places = [&message.time, &message.id, &message.key, &message.seq, &message.parcel, &message.quality];
    let places = places.into_iter().flatten().chain(part).chain(&message.required).chain(&message.ignored).chain(&message.nested);
    let places: Vec<&str> = places.chain(message.fields.iter().map(|field| &field.pointer)).map(|place| &**place).collect();
    for nested in &message.nested {
        if message.device.iter().chain(message.when.iter().map(|when| &when.place)).any(|place| inside(nested, place)) {
            return Err(format!("`device` and `when` cannot lie inside the nested `{nested}`"));
        }
        if !places.iter().any(|place| inside(nested, place)) {
            return Err(format!("nothing inside the nested `{nested}` is used"));
        }
    }
    Ok(())
}

/// Messages on one topic are told apart by what they say, and read alike until that is known.
pub(super) fn check_neighbours(before: &[Message], message: &Message) -> Result<(), String> {
    let bare = |topic: &str| {
        topic.split('/').map(|level| if place::named(level).next().is_some() { "+" } else { level }.to_owned()).collect::<Vec<_>>()
    };
    for other in before.iter().filter(|other| bare(&other.topic) == bare(&message.topic)) {
        let topic = &message.topic;
        if (other.format, &other.device, other.qos) != (message.format, &message.device, message.qos) {
            return Err(format!("messages on one topic (`{topic}`) have one format, one `device` and one qos"));
        }
        if other.when.iter().all(|condition| message.when.contains(condition)) {
            return Err(format!("topic `{topic}`: an earlier message takes everything this one could be; `when` tells them apart"));
        }
    }
    Ok(())
}
