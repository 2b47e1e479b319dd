//! Characters in registers.

use super::*;

fn text(length: u16, layout: Layout, encoding: Encoding) -> RegisterPoint {
    RegisterPoint { length, layout, encoding, ..RegisterPoint::plain(Point::HealthFirmware, Table::Holding, 0, RegisterType::Text) }
}

#[test]
fn characters_become_texts() {
    use Encoding::{Ascii, Gbk, Utf8};
    use Layout::{Both, High, Low, Swapped};
    let said = |text: &str| Ok(Text(text.into()));
    check(vec![
        ("two in each", text(2, Both, Ascii), vec![0x5631, 0x2E32], None, said("V1.2")),
        ("low byte first", text(2, Swapped, Ascii), vec![0x3156, 0x322E], None, said("V1.2")),
        ("high bytes", text(2, High, Ascii), vec![0x56FF, 0x3101], None, said("V1")),
        ("low bytes", text(2, Low, Ascii), vec![0xFF56, 0x0131], None, said("V1")),
        ("ends at the first NUL", text(3, Both, Ascii), vec![0x5631, 0x0041, 0x4242], None, said("V1")),
        ("what is behind NUL is nothing", text(2, Both, Ascii), vec![0x5600, 0xFFFF], None, said("V")),
        ("padded with blanks", text(3, Both, Ascii), vec![0x2056, 0x3120, 0x2020], None, said(" V1")),
        ("nothing", text(2, Both, Ascii), vec![0, 0], None, Ok(Missing(Quality::SensorError))),
        ("blanks", text(2, Both, Ascii), vec![0x2020, 0x2020], None, Ok(Missing(Quality::SensorError))),
        ("a control character", text(1, Both, Ascii), vec![0x5607], None, Err(Fault::BadText)),
        ("not ASCII", text(1, Both, Ascii), vec![0x56C3], None, Err(Fault::BadText)),
        ("erased flash", text(1, Both, Utf8), vec![0xFFFF], None, Err(Fault::BadText)),
        ("UTF-8", text(3, Both, Utf8), vec![0xE696, 0xB0E9, 0xB29C], None, said("新鲜")),
        ("UTF-8, cut in two", text(1, Both, Utf8), vec![0xE696], None, Err(Fault::BadText)),
        ("GBK", text(2, Both, Gbk), vec![0xD0C2, 0xCFCA], None, said("新鲜")),
        ("GBK, cut in two", text(1, Both, Gbk), vec![0x41D0], None, Err(Fault::BadText)),
        ("a telephone number", text(6, Both, Ascii), vec![0x3133, 0x3931, 0x3233, 0x3435, 0x3637, 0x3800], None, Err(Fault::Personal)),
        ("64 bytes", text(32, Both, Ascii), vec![0x4142; 32], None, said(&"AB".repeat(32))),
        ("more than 64 bytes", text(33, Both, Ascii), vec![0x4142; 33], None, Err(Fault::BadText)),
        ("more than 64 bytes as UTF-8", text(24, Both, Gbk), vec![0xD0C2; 24], None, Err(Fault::BadText)),
        ("too few registers", text(2, Both, Ascii), vec![0x4142], None, Err(Fault::Malformed)),
    ]);
}

#[test]
fn texts_go_there_and_back() {
    for layout in [Layout::Both, Layout::Swapped, Layout::High, Layout::Low] {
        for (encoding, words) in
            [(Encoding::Ascii, &["V1.2", "x", "EKC 202D"][..]), (Encoding::Utf8, &["新鲜", "é1"]), (Encoding::Gbk, &["福州鼓楼", "A新b"])]
        {
            for word in words {
                let (point, value) = (text(8, layout, encoding), Text((*word).into()));
                let registers = encode(&point, &value).unwrap_or_else(|| panic!("{layout:?} {encoding:?} {word}"));
                assert_eq!(decode(&point, &registers, None), Ok(value), "{layout:?} {encoding:?} {word}");
            }
        }
    }
    let silent = text(2, Layout::Both, Encoding::Ascii);
    assert_eq!(encode(&silent, &Missing(Quality::SensorError)), Some(vec![0, 0]));
    for unsayable in ["", "V1.2b", "V ", "é", "a\0b"] {
        assert_eq!(encode(&silent, &Text(unsayable.into())), None, "{unsayable:?}");
    }
    assert_eq!(encode(&text(8, Layout::Both, Encoding::Gbk), &Text("😀".into())), None, "GBK has no such character");
}
