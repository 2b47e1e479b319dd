//! What a frame says, in one line for a technician. Pure, total: any bytes have a line, and it is never long.
//!
//! Only for showing: whether bytes are the answer to a question is decided in `frame.rs`, never here.

use super::crc16;
use super::trace::{Dir, hex};
use facility_config::site::Framing;

/// Values written out; of more, how many.
const VALUES_MAX: usize = 16;
/// Bytes written out; of more, how many.
const BYTES_MAX: usize = 24;

/// One line about bytes that went out or came in together: unit, function, addresses and count, or values, or the
/// exception; or why it is no frame.
#[must_use]
pub fn describe(framing: Framing, dir: Dir, bytes: &[u8]) -> String {
    match framing {
        Framing::Tcp => tcp(dir, bytes),
        Framing::Rtu => rtu(dir, bytes),
        Framing::Ascii => ascii(dir, bytes),
    }
}

fn tcp(dir: Dir, bytes: &[u8]) -> String {
    let [t0, t1, p0, p1, l0, l1, plain @ ..] = bytes else { return too_short(bytes) };
    let (transaction, length) = (u16::from_be_bytes([*t0, *t1]), usize::from(u16::from_be_bytes([*l0, *l1])));
    if (*p0, *p1) != (0, 0) {
        return format!("not Modbus TCP (protocol {}): {}", u16::from_be_bytes([*p0, *p1]), shown(bytes));
    }
    let Some((plain, rest)) = plain.split_at_checked(length).filter(|(plain, _)| plain.len() >= 2) else {
        return format!("transaction {transaction}, too short: {length} bytes announced, {} came: {}", plain.len(), shown(bytes));
    };
    format!("transaction {transaction}, {}{}", of_plain(dir, plain), more(rest))
}

fn rtu(dir: Dir, bytes: &[u8]) -> String {
    if bytes.len() < 4 {
        return too_short(bytes);
    }
    // Two frames that came together: the first one, if its length and checksum say so.
    let first = rtu_len(dir, bytes).and_then(|len| bytes.split_at_checked(len)).filter(|(frame, _)| checksum(frame).is_none());
    let (frame, rest) = first.unwrap_or((bytes, &[]));
    let (plain, _) = frame.split_at(frame.len() - 2);
    match checksum(frame) {
        None => format!("{}{}", of_plain(dir, plain), more(rest)),
        Some(wrong) => format!("{wrong}: {}", shown(bytes)),
    }
}

fn ascii(dir: Dir, bytes: &[u8]) -> String {
    let Some(start) = bytes.iter().position(|byte| *byte == b':') else { return format!("no frame begins: {}", shown(bytes)) };
    let Some(end) = bytes[start..].windows(2).position(|pair| pair == b"\r\n") else {
        return format!("too short, CR LF has not come: {}", shown(bytes));
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| if let [high, low] = *pair { Some(digit(high)? << 4 | digit(low)?) } else { None };
    let Some(frame) = bytes[start + 1..start + end].chunks(2).map(byte).collect::<Option<Vec<u8>>>() else {
        return format!("not pairs of hexadecimal digits: {}", shown(bytes));
    };
    let [plain @ .., lrc] = frame.as_slice() else { return too_short(bytes) };
    let right = plain.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    match plain.len() {
        0 | 1 => too_short(bytes),
        _ if *lrc != right => format!("checksum wrong (is {lrc:02X}, should be {right:02X}): {}", shown(&frame)),
        _ => format!("{}{}", of_plain(dir, plain), more(&bytes[start + end + 2..])),
    }
}

/// Length of the frame that starts here, if its function tells.
fn rtu_len(dir: Dir, bytes: &[u8]) -> Option<usize> {
    match (dir, bytes) {
        (Dir::Out, [_, 1..=4, ..]) => Some(8),
        (Dir::In, [_, 1..=4, count, ..]) => Some(5 + usize::from(*count)),
        (Dir::In, [_, 0x80..=0xFF, ..]) => Some(5),
        _ => None,
    }
}

/// What is wrong with the last two bytes; `None` if they are the checksum of the others.
fn checksum(frame: &[u8]) -> Option<String> {
    let (body, is) = frame.split_last_chunk::<2>()?;
    let right = crc16(body).to_le_bytes();
    (*is != right).then(|| format!("checksum wrong (is {}, should be {})", hex(is), hex(&right)))
}

/// Unit, function and the rest, without framing; at least two bytes.
fn of_plain(dir: Dir, plain: &[u8]) -> String {
    let [unit, function, data @ ..] = plain else { return too_short(plain) };
    let said = match (dir, function, data) {
        (_, 0x80.., [code]) => format!("refuses to {}: {code} {}", act(*function & 0x7f), exception(*code)),
        (Dir::Out, 1..=4, [a0, a1, c0, c1]) => question(*function, [*a0, *a1, *c0, *c1]),
        (Dir::In, 1..=2, [count, bits @ ..]) if usize::from(*count) == bits.len() => format!("{}: {}", table(*function), bits_shown(bits)),
        (Dir::In, 3..=4, [count, words @ ..]) if usize::from(*count) == words.len() && words.len() % 2 == 0 => values(*function, words),
        (Dir::In, 1..=4, [a0, a1, c0, c1]) => format!("{} (a question: an echo?)", question(*function, [*a0, *a1, *c0, *c1])),
        (Dir::In, 1..=4, [count, data @ ..]) => {
            format!("{}, length wrong: {count} bytes announced, {} came: {}", table(*function), data.len(), shown(data))
        }
        _ => format!("function {function} ({}): {}", act(*function & 0x7f), shown(data)),
    };
    format!("unit {unit}: {said}")
}

fn question(function: u8, [a0, a1, c0, c1]: [u8; 4]) -> String {
    let (first, count) = (u16::from_be_bytes([a0, a1]), u16::from_be_bytes([c0, c1]));
    match (count, u32::from(first) + u32::from(count)) {
        (0, _) => format!("{}, none of them, from {first} (0x{first:04X})", act(function)),
        (1, _) => format!("{} {first} (0x{first:04X})", act(function)),
        (_, end) => format!("{} {first} to {} (0x{first:04X}, {count})", act(function), end - 1),
    }
}

/// What a function does, for the names of V1.1b3.
fn act(function: u8) -> &'static str {
    match function {
        1 => "read coils",
        2 => "read discrete inputs",
        3 => "read holding registers",
        4 => "read input registers",
        5 | 15 => "write coils",
        6 | 16 | 22 => "write registers",
        7 => "read exception status",
        8 => "diagnose",
        11 => "count events",
        12 => "log events",
        17 => "report identity",
        20 => "read file records",
        21 => "write file records",
        23 => "write and read registers",
        24 => "read a queue",
        43 => "read device identification",
        _ => "unknown",
    }
}

fn table(function: u8) -> &'static str {
    act(function).strip_prefix("read ").unwrap_or("unknown")
}

fn exception(code: u8) -> &'static str {
    match code {
        1 => "illegal function",
        2 => "illegal address",
        3 => "illegal count or value",
        4 => "device failure",
        5 => "accepted, needs long",
        6 => "busy",
        7 => "cannot do it",
        8 => "memory error",
        10 => "gateway has no path",
        11 => "device behind the gateway does not answer",
        _ => "unknown exception",
    }
}

fn values(function: u8, data: &[u8]) -> String {
    let words: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let value = |word: &u16| {
        let signed = *word as i16;
        let sign = if signed < 0 { format!("/{signed}") } else { String::new() };
        format!("{word}{sign} (0x{word:04X})")
    };
    let listed: Vec<String> = words.iter().take(VALUES_MAX).map(value).collect();
    format!("{}: {}{}", table(function), listed.join(", "), beyond(words.len(), VALUES_MAX))
}

/// Bits in the order of their addresses, in groups of eight.
fn bits_shown(data: &[u8]) -> String {
    let group = |byte: &u8| (0..8).map(|bit| if byte >> bit & 1 == 1 { '1' } else { '0' }).collect::<String>();
    let groups: Vec<String> = data.iter().take(VALUES_MAX).map(group).collect();
    format!("{} (first bit left){}", groups.join(" "), beyond(data.len(), VALUES_MAX))
}

fn too_short(bytes: &[u8]) -> String {
    format!("too short: {}", shown(bytes))
}

fn more(rest: &[u8]) -> String {
    if rest.is_empty() { String::new() } else { format!(", then {}", shown(rest)) }
}

fn shown(bytes: &[u8]) -> String {
    match bytes.len() {
        0 => "nothing".into(),
        len => format!("{}{}", hex(&bytes[..len.min(BYTES_MAX)]), beyond(len, BYTES_MAX)),
    }
}

fn beyond(len: usize, max: usize) -> String {
    if len > max { format!(" and {} more", len - max) } else { String::new() }
}

#[cfg(test)]
mod tests;
