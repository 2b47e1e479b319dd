//! Every word of an MQTT dialect, good and bad.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::profile::{Format, ListUse, Mapped, Message, MessageField, MessageKind, MqttMap, PartOf, TimeFormat, When};

const HEAD: &str = "id = \"own\"\nkind = \"vending\"\nmaker = \"M\"\nmodel = \"X\"\norigin = \"manual\"\ninterval_s = 60\n";
/// What a case about the head of a message changes; `topic` is line 9, what comes after it begins at line 10.
const MESSAGE: &str = "[[mqtt.message]]\nkind = \"telemetry\"\ntopic = \"kiosk/{device}/up\"\n";
const FIELD: &str = "[[mqtt.message.field]]\npointer = \"/t\"\npoint = \"vending.air_c\"\n";

fn map_of(text: &str) -> MqttMap {
    match read(&format!("{HEAD}{text}")).unwrap_or_else(|faults| panic!("{faults}\n{text}")).dialect {
        Dialect::Mqtt(map) => map,
        other => panic!("{other:?}"),
    }
}

fn message_of(lines: &str) -> Message {
    map_of(&format!("{MESSAGE}{lines}\n")).messages.remove(0)
}

fn field_of(lines: &str) -> MessageField {
    message_of(&format!("[[mqtt.message.field]]\n{lines}")).fields.remove(0)
}

/// Refused for this reason; where, as line and column.
fn refused(text: &str, reason: &str) -> (usize, usize) {
    let text = format!("{HEAD}{text}");
    let Err(faults) = read(&text) else { panic!("accepted, though {reason}:\n{text}") };
    let fault = faults.0.iter().find(|fault| fault.message.contains(reason));
    let fault = fault.unwrap_or_else(|| panic!("{reason} is not in: {faults}\n{text}"));
    let before = &text[..fault.span.start];
    (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap().chars().count() + 1)
}

#[test]
fn a_message_says_where_everything_stands() {
    let text = "[[mqtt.message]]\nkind = \"event\"\nformat = \"cbor\"\ntopic = \"a/{group}/x\"\nqos = 0\ndevice = \"/mac\"\n\
        when = { \"/method\" = \"beat\", \"/n\" = 4, \"/ok\" = true, \"{group}\" = \"g\" }\ntime = \"/ts\"\n\
        time_format = \"%Y-%m-%d %H:%M:%S\"\ntime_zone = \"Asia/Shanghai\"\nid = \"/id\"\nkey = \"/k\"\nseq = \"/seq\"\nparcel = \"/waybill\"\n\
        part = \"/what\"\npart_values = { \"1\" = \"vend_ok\" }\nrequired = [\"/what\"]\nignored = [\"/user/phone\"]\nnested = [\"/data\"]\n\
        loose = true\n[[mqtt.message.field]]\npointer = \"/data/s\"\npoint = \"event.dur_s\"\n";
    let pattern = TimeFormat::Pattern { pattern: "%Y-%m-%d %H:%M:%S".into(), zone: "Asia/Shanghai".into() };
    let when = |place: &str, equals: &str| When { place: place.into(), equals: equals.into() };
    let expected = Message {
        format: Format::Cbor,
        qos: 0,
        device: Some("/mac".into()),
        when: vec![when("/method", "beat"), when("/n", "4"), when("/ok", "true"), when("{group}", "g")],
        time: Some("/ts".into()),
        time_format: pattern,
        id: Some("/id".into()),
        key: Some("/k".into()),
        seq: Some("/seq".into()),
        parcel: Some("/waybill".into()),
        part: Some(PartOf { place: "/what".into(), values: vec![("1".into(), "vend_ok".into())] }),
        required: vec!["/what".into()],
        ignored: vec!["/user/phone".into()],
        nested: vec!["/data".into()],
        fields: vec![MessageField { loose: true, ..MessageField::plain("/data/s", Point::EventDuration) }],
        ..Message::plain(MessageKind::Event, "a/{group}/x")
    };
    assert_eq!(map_of(text).messages, [expected]);
}

#[test]
fn times_are_written_in_many_ways() {
    let words = [
        ("auto", TimeFormat::Auto),
        ("s", TimeFormat::Seconds),
        ("ms", TimeFormat::Millis),
        ("us", TimeFormat::Micros),
        ("ns", TimeFormat::Nanos),
    ];
    for (word, expected) in words {
        assert_eq!(message_of(&format!("time = \"/ts\"\ntime_format = \"{word}\"")).time_format, expected);
    }
    for pattern in ["%Y%m%d%H%M%S", "%Y-%m-%d %H:%M", "%d.%m.%y %I:%M:%S %p", "%Y/%m/%d %H:%M:%S%.f", "%s", "%Y-%m-%dT%H:%M:%S%z"] {
        let expected = TimeFormat::Pattern { pattern: pattern.into(), zone: "+08:00".into() };
        assert_eq!(message_of(&format!("time = \"/ts\"\ntime_format = \"{pattern}\"")).time_format, expected);
    }
    let cases = [
        ("time_format = \"seconds\"", "none of auto"),
        ("time_format = \"%Y-%m-%d\"", "time of day"),
        ("time_format = \"%H:%M:%S\"", "date and a time"),
        ("time_format = \"%Y-%m-%d %I:%M:%S\"", "time of day"),
        ("time_format = \"%Y %!\"", "nobody knows"),
        ("time_format = \"ms\"\ntime_zone = \"+08:00\"", "a pattern"),
        ("time_zone = \"+08:00\"", "a pattern"),
        ("time_format = \"%F %T\"\ntime_zone = \"Asia/Fuzhou\"", "Asia/Fuzhou"),
        ("time_format = \"%F %T\"\ntime_zone = \"+8\\u0001\"", "neither"),
    ];
    for (lines, reason) in cases {
        refused(&format!("{MESSAGE}time = \"/ts\"\n{lines}\n{FIELD}"), reason);
    }
    refused(&format!("{MESSAGE}time_format = \"ms\"\n{FIELD}"), "goes with `time`");
}

#[test]
fn a_field_says_what_its_value_means() {
    let text = |text: &str| Mapped::Text(text.into());
    let cases: [(&str, MessageField); 9] = [
        (
            "pointer = \"/s\"\npoint = \"vending.status\"\nvalues = { \"0\" = \"in_service\", \"1\" = \"fault\" }\nsilent = [2, \"x\"]",
            MessageField {
                values: vec![("0".into(), text("in_service")), ("1".into(), text("fault"))],
                silent: vec!["2".into(), "x".into()],
                ..MessageField::plain("/s", Point::VendingStatus)
            },
        ),
        (
            "pointer = \"/s\"\npoint = \"lane.fault\"\npart = \"A1\"\nvalues = { on = true }",
            MessageField {
                part: Some("A1".into()),
                values: vec![("on".into(), Mapped::Bool(true))],
                ..MessageField::plain("/s", Point::LaneFault)
            },
        ),
        (
            "pointer = \"/s\"\npoint = \"vending.air_c\"\nvalues = { low = 4, high = 8.5 }",
            MessageField {
                values: vec![("high".into(), Mapped::Float(8.5)), ("low".into(), Mapped::Float(4.0))],
                ..MessageField::plain("/s", Point::VendingAir)
            },
        ),
        (
            "pointer = \"/s\"\npoint = \"vending.vends_total\"\nvalues = { none = 0 }",
            MessageField { values: vec![("none".into(), Mapped::Int(0))], ..MessageField::plain("/s", Point::VendingVends) },
        ),
        (
            "pointer = \"/f\"\npoint = \"vending.air_c\"\nscale = 0.5\noffset = -17.5\nloose = true\nsilent = [-127]\nrange = [-60, 80]",
            MessageField {
                scale: 0.5,
                offset: -17.5,
                loose: true,
                silent: vec!["-127".into()],
                range: Some((-60.0, 80.0)),
                ..MessageField::plain("/f", Point::VendingAir)
            },
        ),
        (
            "pointer = \"/alarms\"\npoint = \"cabinet.alarm\"\nlist = \"any\"",
            MessageField { list: Some(ListUse::Any), ..MessageField::plain("/alarms", Point::CabinetAlarm) },
        ),
        (
            "pointer = \"/boxes\"\npoint = \"locker.comp_total\"\nlist = \"count\"",
            MessageField { list: Some(ListUse::Count), ..MessageField::plain("/boxes", Point::LockerTotal) },
        ),
        ("pointer = \"/lanes/*/n\"\npoint = \"lane.level\"", MessageField::plain("/lanes/*/n", Point::LaneLevel)),
        (
            "pointer = \"/lanes/*/n\"\npoint = \"lane.level\"\npart = \"no\"",
            MessageField { part: Some("no".into()), ..MessageField::plain("/lanes/*/n", Point::LaneLevel) },
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(field_of(lines), expected, "{lines}");
    }
}

#[test]
fn a_field_that_cannot_mean_anything_is_refused() {
    let cases = [
        ("pointer = \"w\"\npoint = \"vending.air_c\"", "no pointer"),
        ("pointer = \"\"\npoint = \"vending.air_c\"", "no pointer"),
        ("pointer = \"/a~2\"\npoint = \"vending.air_c\"", "no pointer"),
        ("pointer = \"/a*/b\"\npoint = \"lane.level\"", "no pointer"),
        ("pointer = \"/*/*\"\npoint = \"lane.level\"", "more than one `*`"),
        ("pointer = \"/*/w\"\npoint = \"vending.air_c\"", "goes with a point that has parts"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\npart = \"1\"", "goes with a point that has parts"),
        ("pointer = \"/w\"\npoint = \"lane.level\"", "whose no is it"),
        ("pointer = \"/w\"\npoint = \"lane.level\"\npart = \"\"", "empty"),
        ("pointer = \"/w\"\npoint = \"lane.level\"\npart = \"a lane with a very long name\"", "too long"),
        ("pointer = \"/*/w\"\npoint = \"lane.level\"\npart = \"a/b\"", "no member"),
        ("pointer = \"/w\"\npoint = \"event.code\"", "kind = \"event\""),
        ("pointer = \"/w\"\npoint = \"vending.status\"\nvalues = { \"0\" = true }", "is not a text"),
        ("pointer = \"/w\"\npoint = \"cabinet.light\"\nvalues = { \"0\" = 1 }", "is not true or false"),
        ("pointer = \"/w\"\npoint = \"vending.vends_total\"\nvalues = { \"0\" = 1.5 }", "is not a whole number"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\nvalues = { \"0\" = nan }", "is not a number"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\nvalues = { \"0\" = 1979-05-27 }", "a text, a number, true or false"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\nvalues = { \"0\" = 1 }\nsilent = [0]", "is silent"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\nvalues = { \"0\" = 1 }\nscale = 2", "taken as they come"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\nvalues = { \"0\" = 1 }\nrange = [0, 1]", "taken as they come"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\nscale = 0", "scale is not 0"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\noffset = inf", "scale is not 0"),
        ("pointer = \"/w\"\npoint = \"cabinet.light\"\noffset = 1", "go with numbers"),
        ("pointer = \"/w\"\npoint = \"vending.status\"\nrange = [0, 1]", "goes with numbers"),
        ("pointer = \"/w\"\npoint = \"vending.air_c\"\nwords = [\"a\"]", "words go with a text"),
        ("pointer = \"/w\"\npoint = \"vending.status\"\nwords = [\"a\"]\nvalues = { b = \"a\" }", "words go with a text"),
        ("pointer = \"/w\"\npoint = \"vending.status\"\nloose = true", "loose goes with"),
        ("pointer = \"/w\"\npoint = \"vending.vends_total\"\nlist = \"any\"", "makes yes or no"),
        ("pointer = \"/w\"\npoint = \"cabinet.alarm\"\nlist = \"count\"", "makes a whole number"),
        ("pointer = \"/w\"\npoint = \"cabinet.alarm\"\nlist = \"any\"\nsilent = [0]", "only `any` or `count`"),
    ];
    for (lines, reason) in cases {
        assert_eq!(
            refused(&format!("{MESSAGE}[[mqtt.message.field]]\n{lines}\n"), reason).0,
            if reason.starts_with("a text,") { 13 } else { 10 },
            "{lines}"
        );
    }
    refused(&format!("{MESSAGE}{FIELD}{FIELD}"), "mapped twice");
}

#[test]
fn a_topic_names_its_levels_and_its_device() {
    for topic in ["/server/{device}", "{a}/+/{device}", "x/{site}-{kind}/{device}/{lane}", "v1/dev-{device}"] {
        let text = format!("{}{FIELD}", MESSAGE.replace("kiosk/{device}/up", topic));
        assert_eq!(&*map_of(&text).messages[0].topic, topic);
    }
    let cases = [
        ("kiosk/up", "name the device"),
        ("{device}/{device}", "name the device"),
        ("a/#/{device}", "has a `#`"),
        ("a+/{device}", "levels"),
        ("a//{device}", "levels"),
        ("/", "levels"),
        ("{device}/", "levels"),
        ("x{room}/{device}", "levels"),
        ("{a b}/{device}", "levels"),
        ("{a}/{a}/{device}", "twice"),
        ("$SYS/{device}", "subscribed"),
    ];
    for (topic, reason) in cases {
        refused(&format!("{}{FIELD}", MESSAGE.replace("kiosk/{device}/up", topic)), reason);
    }
    // A device that the payload or a level names.
    for (topic, device, expected) in [("a/b", "/mac", Some("/mac")), ("a/{n}", "{n}", Some("{n}")), ("a/{device}", "{device}", None)] {
        let text = format!("[[mqtt.message]]\nkind = \"telemetry\"\ntopic = \"{topic}\"\ndevice = \"{device}\"\n{FIELD}");
        assert_eq!(map_of(&text).messages[0].device.as_deref(), expected, "{topic}");
    }
    for (topic, device, reason) in [("a/{device}", "/mac", "without `{device}`"), ("a/b", "{n}", "no level"), ("a/b", "mac", "no pointer")]
    {
        let text = format!("[[mqtt.message]]\nkind = \"telemetry\"\ntopic = \"{topic}\"\ndevice = \"{device}\"\n{FIELD}");
        assert_eq!(refused(&text, reason), (10, 10), "{topic}");
    }
}

#[test]
fn a_message_that_contradicts_itself_is_refused_where_it_stands() {
    let cases = [
        ("qos = 2", "qos is 0 or 1", (10, 7)),
        ("when = { \"{n}\" = 1 }", "no level `{n}`", (10, 8)),
        ("when = { \"x\" = 1 }", "no pointer", (10, 8)),
        ("part = \"{n}\"", "no level `{n}`", (10, 8)),
        ("part_values = { a = \"b\" }", "part_values goes with", (10, 15)),
        ("time = \"ts\"", "no pointer", (10, 8)),
        ("seq = \"/*\"", "only one place", (10, 7)),
        ("required = [\"/a\", \"b\"]", "no pointer", (10, 19)),
        ("key = \"/k\"", "go with kind = \"event\"", (7, 1)),
        ("parcel = \"/k\"", "go with kind = \"event\"", (7, 1)),
        ("time = \"/a\"\nseq = \"/a\"", "both", (7, 1)),
        ("time = \"/t\"", "both time and vending.air_c", (7, 1)),
        ("nested = [\"/data\"]", "nothing inside", (7, 1)),
        ("part = \"/n\"", "has no parts", (11, 1)),
        ("[[mqtt.message.field]]\npointer = \"/b\"\npoint = \"vending.air\"", "did you mean `vending.air_c`", (12, 9)),
        ("[[mqtt.message.field]]\npointer = \"/b\"\npoint = \"x\"", "SERIES.md", (12, 9)),
    ];
    for (lines, reason, place) in cases {
        let found = refused(&format!("{MESSAGE}{lines}\n{FIELD}"), reason);
        assert_eq!(found, place, "{lines}");
    }
    let event = MESSAGE.replace("telemetry", "event");
    refused(&event, "an event has a type");
    refused(&format!("{event}part = \"/n\"\n{FIELD}"), "only event.");
    refused(&format!("{event}part = \"/n\"\n{}", FIELD.replace("vending.air_c", "event.key")), "comes from `key`");
    refused(&format!("{}{FIELD}", MESSAGE.replace("telemetry", "status")), "only device_health.");
    let shared = "[[mqtt.message]]\nkind = \"telemetry\"\ntopic = \"a\"\ndevice = \"/data/mac\"\nnested = [\"/data\"]\n";
    refused(&format!("{shared}{FIELD}"), "cannot lie inside");
    refused("[mqtt]\nmessage = []\n", "no message");
}

#[test]
fn messages_on_one_topic_are_told_apart() {
    let message = |lines: &str| format!("{MESSAGE}{lines}\n{FIELD}");
    let two = |one: &str, other: &str| message(one) + &message(other);
    assert_eq!(map_of(&two("when = { \"/a\" = 1 }", "")).messages.len(), 2);
    for (one, other, reason) in [
        ("", "when = { \"/a\" = 1 }", "takes everything"),
        ("when = { \"/a\" = 1 }", "when = { \"/a\" = 1, \"/b\" = 2 }", "takes everything"),
        ("when = { \"/a\" = 1 }", "qos = 0", "one qos"),
        ("when = { \"/a\" = 1 }", "format = \"cbor\"", "one format"),
    ] {
        refused(&two(one, other), reason);
    }
}

#[test]
fn a_format_has_places_of_its_own() {
    let with = |format: &str, topic: &str, pointer: &str, lines: &str| {
        let field = FIELD.replace("/t", pointer);
        format!("[[mqtt.message]]\nkind = \"telemetry\"\nformat = \"{format}\"\ntopic = \"{topic}\"\n{lines}\n{field}")
    };
    let good = [
        ("plain", "a/{device}/temp", "", ""),
        ("plain", "a/{id}/temp", "", "device = \"{id}\"\nwhen = { \"{id}\" = \"x\" }"),
        ("dts", "a/{device}", "/VA1/02", ""),
        ("sparkplug", "spBv1.0/{group}/+/{node}/{device}", "/Temp/Air", ""),
        ("sparkplug", "spBv1.0/fuzhou/+/+/{device}", "/Temp", "ignored = [\"/bdSeq\"]"),
    ];
    for (format, topic, pointer, lines) in good {
        map_of(&with(format, topic, pointer, lines));
    }
    let bad = [
        ("plain", "a/{device}", "/t", "", "one value"),
        ("plain", "a/{device}", "", "time = \"/ts\"", "one value"),
        ("plain", "a/b", "", "device = \"\"", "one value, and that is the field"),
        ("plain", "a/{device}", "", "when = { \"\" = 1 }", "one value, and that is the field"),
        ("dts", "a/{device}", "/VA1/2", "", "audit file"),
        ("dts", "a/{device}", "/va1/02", "", "audit file"),
        ("dts", "a/{device}", "/VA1/00", "", "audit file"),
        ("dts", "a/{device}", "/VA1", "", "audit file"),
        ("dts", "a/{device}", "/VA1/02", "quality = \"/VA1/03\"", "json and cbor"),
        ("sparkplug", "a/{device}", "/Temp", "", "spBv1.0/GROUP"),
        ("sparkplug", "spBv1.0/g/DDATA/n/{device}", "/Temp", "", "spBv1.0/GROUP"),
        ("sparkplug", "spBv1.0/g/+/n/{device}", "/Temp", "seq = \"/seq\"", "its own time"),
        ("sparkplug", "spBv1.0/g/+/n/{device}", "/Temp", "when = { \"/a\" = 1 }", "its own"),
    ];
    for (format, topic, pointer, lines, reason) in bad {
        refused(&with(format, topic, pointer, lines), reason);
    }
}

/// Whoever writes a profile can let such a value link a parcel or be left out, nothing else.
#[test]
fn a_name_of_a_person_is_no_field() {
    let names = "phone user_phone receiverMobile mobiles tel name userName Address room id_card ID-Card openid wxOpenId unionid \
        waybill express_no trackingNo pickup_code verifyCode qrcode cardNo bikeCode pan access_token order_no tradeNo \
        courier phone2 收件人手机号 姓名 取件码 shoujihao quJianMa";
    for name in names.split_whitespace() {
        let event = format!("{}part = \"/what\"\nparcel = \"/{name}\"\nignored = [\"/a/{name}\"]\n", MESSAGE.replace("telemetry", "event"));
        map_of(&event);
        let cases = [
            format!("{MESSAGE}{}", FIELD.replace("/t", &format!("/data/{name}"))),
            format!("{MESSAGE}[[mqtt.message.field]]\npointer = \"/{name}/*/0\"\npoint = \"lane.level\"\n"),
            format!("{MESSAGE}[[mqtt.message.field]]\npointer = \"/lanes/*/n\"\npart = \"{name}\"\npoint = \"lane.level\"\n"),
            format!("{MESSAGE}part = \"/{name}\"\n"),
            format!("[[mqtt.message]]\nkind = \"telemetry\"\ntopic = \"a\"\ndevice = \"/{name}\"\n"),
            format!("{}part = \"/what\"\nkey = \"/{name}\"\n", MESSAGE.replace("telemetry", "event")),
        ];
        for text in cases {
            refused(&text, "PIPL art. 6");
        }
    }
    let others = "temperature no lockId siteId macno status code mode addr devCode names_of_modes panel network_rssi eid";
    for name in others.split_whitespace() {
        map_of(&format!("{MESSAGE}{}", FIELD.replace("/t", &format!("/{name}"))));
    }
}

/// A profile that is cut off anywhere, or has any one letter changed, is read or refused, and nothing else happens.
#[test]
fn no_text_makes_it_panic() {
    let text = builtin_text("vending-showdoc").unwrap();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let _ = read(&text[..end]);
    }
    for (at, _) in text.char_indices().step_by(3) {
        let mut changed = text.to_owned();
        changed.insert(at, ['*', '{', '/', '%', '"', '~'][at % 6]);
        let _ = read(&changed);
    }
}
