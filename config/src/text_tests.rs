#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn positions_count_characters_from_one() {
    let text = Text::new("t", "\u{feff}名 = 1\r\nb = \"长\"\n");
    let cases = [
        (0..3, (1, 1, 1, "名 = 1")),
        (6..7, (1, 5, 1, "名 = 1")),
        (13..18, (2, 5, 3, "b = \"长\"")),
        // A span over the line's end is cut there; one at the end of the text has length 1.
        (9..18, (2, 1, 7, "b = \"长\"")),
        (0..18, (1, 1, 5, "名 = 1")),
        (19..19, (3, 1, 1, "")),
        (999..1000, (3, 1, 1, "")),
        // Inside a character.
        (1..2, (1, 1, 1, "名 = 1")),
    ];
    for (span, expected) in cases {
        let place = text.place(span.clone());
        assert_eq!((place.line, place.column, place.len, place.text.as_str()), expected, "{span:?}");
    }
}

#[test]
fn a_very_long_line_is_not_shown() {
    let place = Text::new("t", &"x".repeat(1000)).place(500..501);
    assert_eq!((place.line, place.column, place.text.as_str()), (1, 501, ""));
}

#[test]
fn no_line_shows_a_secret() {
    let cases = [
        ("password = \"hunter2\" # note", "password = ********* # note"),
        ("password = \"hunter2", "password = ********"),
        ("m = { token = 'abc', url = \"mqtt://h\" }", "m = { token = *****, url = \"mqtt://h\" }"),
        ("pasword=hunter2", "pasword=*******"),
        ("mqtt.m.password = \"a\"", "mqtt.m.password = ***"),
        ("\"password\" = \"a\"", "\"password\" = ***"),
        ("api_token = \"a\"", "api_token = ***"),
        ("url = \"mqtt://user:p@ss@host:1883\"", "url = \"mqtt://*********@host:1883\""),
        ("password_file = \"/etc/p\"", "password_file = \"/etc/p\""),
        ("topic_id = \"a\"", "topic_id = \"a\""),
        ("url = \"mqtt://host\" # mail me@example.cn", "url = \"mqtt://host\" # mail me@example.cn"),
    ];
    for (line, shown) in cases {
        assert_eq!(Text::new("t", line).place(0..1).text, shown);
    }
}
