//! Boards with frames of their own, as `profile show` tells of them. Messages of a broker are in `dialect.rs`.

use super::show::{add_golden, add_quirks, row, serial_words};
use super::table::Table;
use facility_config::profile::{FrameMap, Packing, Polarity};

/// Question and answer of a serial board, and its channels.
pub(super) fn add_frames(out: &mut String, map: &FrameMap) {
    row(out, "answers", &format!("after about {} ms, given up after {} ms", map.turnaround.as_millis(), map.timeout.as_millis()));
    if let Some(serial) = map.serial {
        row(out, "serial", &serial_words(serial));
    }
    row(out, "boards", &format!("{} to {}, {} channels each", map.units.start(), map.units.end(), map.channels));
    row(out, "question", &map.ask.to_string());
    row(out, "answer", &map.answer.to_string());
    let packing = match map.packing {
        Packing::BitsFirst => "a bit each, the first channels in the first byte",
        Packing::BitsLast => "a bit each, the first channels in the last byte",
        Packing::Bytes => "a byte each",
        Packing::Digits => "a digit each",
        Packing::List => "numbers with commas in between",
    };
    row(out, "data", packing);
    add_golden(out, &map.golden);
    add_quirks(out, &map.quirks);
    let mut table = Table::new(&["POINT", "PART", "CHANNEL", "A SET BIT IS"]);
    for point in &map.points {
        let says = match point.polarity {
            Polarity::Set => "yes",
            Polarity::Clear => "no",
            Polarity::Commissioned => "what door_open_is of the device says",
        };
        let channel = if point.channel == 0 { "all".to_owned() } else { point.channel.to_string() };
        table.row(vec![point.point.to_string(), point.part.to_string(), channel, says.to_owned()]);
    }
    out.push('\n');
    out.push_str(&table.render("  "));
}
