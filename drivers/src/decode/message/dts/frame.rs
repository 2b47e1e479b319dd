//! An audit file as lines: where it begins and ends, and whether it is whole.

use super::VALUES_MAX;
use crate::fault::Fault;

/// Elements of a segment that are looked at, its name included: positions have two digits.
const ELEMENTS_MAX: usize = 100;

/// The segments after ST and before G85 or SE.
///
/// # Errors
/// [`Fault::Undecodable`] if there is no ST or SE or more than one, bytes that no file has, another number of segments than
/// SE says, or another checksum than G85 says; [`Fault::Oversize`] for too many segments.
pub(super) fn segments(body: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    let mut lines = body.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty());
    lines.find(|line| name(line) == b"ST").map(Set::new).ok_or(Fault::Undecodable)?.read(lines)
}

/// A transaction set: everything from ST to SE.
struct Set<'a> {
    segments: Vec<&'a [u8]>,
    /// Segments so far, those that mark loops (LS, LE) apart: not every machine counts them.
    count: usize,
    loops: usize,
    crc: u16,
    /// The checksum that the file gives itself.
    g85: Option<u16>,
}

impl<'a> Set<'a> {
    fn new(st: &[u8]) -> Self {
        Self { segments: Vec::new(), count: 1, loops: 0, crc: line_crc(0, st), g85: None }
    }

    fn read(mut self, mut lines: impl Iterator<Item = &'a [u8]>) -> Result<Vec<&'a [u8]>, Fault> {
        for line in lines.by_ref() {
            match name(line) {
                b"ST" => return Err(Fault::Undecodable),
                b"SE" => {
                    let is_whole = self.is_counted(line)? && self.g85.is_none_or(|g85| g85 == self.crc);
                    let is_last = lines.all(|line| name(line) != b"ST");
                    return if is_whole && is_last { Ok(self.segments) } else { Err(Fault::Undecodable) };
                }
                b"G85" => {
                    self.count += 1;
                    self.g85 = checksum(line)?;
                }
                _ if self.g85.is_some() => return Err(Fault::Undecodable),
                _ => self.segment(line)?,
            }
        }
        Err(Fault::Undecodable)
    }

    fn segment(&mut self, line: &'a [u8]) -> Result<(), Fault> {
        self.crc = line_crc(self.crc, line);
        match name(line) {
            b"LS" | b"LE" => self.loops += 1,
            _ => self.count += 1,
        }
        if line.iter().any(u8::is_ascii_control) {
            return Err(Fault::Undecodable);
        }
        if self.segments.len() >= VALUES_MAX {
            return Err(Fault::Oversize);
        }
        self.segments.push(line);
        Ok(())
    }

    /// Whether SE101 is the number of segments, ST, G85 and SE included.
    fn is_counted(&self, se: &[u8]) -> Result<bool, Fault> {
        let Some(said) = element(se).filter(|said| !said.is_empty()) else { return Ok(true) };
        let said: usize = said.parse().map_err(|_| Fault::Undecodable)?;
        Ok(said == self.count + 1 || said == self.count + 1 + self.loops)
    }
}

/// A segment's name and elements.
pub(super) fn elements(segment: &[u8]) -> Vec<&str> {
    // Names of goods are in whatever encoding the machine likes. Nothing else can be beyond ASCII, and they are not needed.
    let text = |element| std::str::from_utf8(element).ok().filter(|text| text.is_ascii()).unwrap_or_default().trim();
    segment.split(|byte| *byte == b'*').take(ELEMENTS_MAX).map(text).collect()
}

fn name(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b'*').next().unwrap_or_default()
}

/// The first element of a line; `None` if there is none.
fn element(line: &[u8]) -> Option<&str> {
    line.split(|byte| *byte == b'*').nth(1).and_then(|element| std::str::from_utf8(element).ok()).map(str::trim)
}

fn checksum(g85: &[u8]) -> Result<Option<u16>, Fault> {
    match element(g85) {
        None | Some("") => Ok(None),
        Some(hex) => u16::from_str_radix(hex, 16).map(Some).map_err(|_| Fault::Undecodable),
    }
}

/// Goes on with the checksum (CRC-16/ARC: polynomial 8005h reflected, from 0) over a line and the CR LF that the standard ends
/// it with, also where a forwarder has made LF of it.
fn line_crc(crc: u16, line: &[u8]) -> u16 {
    line.iter()
        .chain(b"\r\n")
        .fold(crc, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xa001 } else { crc >> 1 }))
}

/// The machine's date and time (ID501 `YYMMDD` or `YYYYMMDD`, ID502 `HHMM` or `HHMMSS`) as `YYYY-MM-DD HH:MM:SS`. It is local
/// time; that it is one at all, the reader of the text finds out.
pub(super) fn date_time(elements: &[&str]) -> Option<String> {
    let [date, time, ..] = elements else { return None };
    if !date.bytes().chain(time.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date = match date.len() {
        6 => format!("20{date}"),
        8 => (*date).to_owned(),
        _ => return None,
    };
    let time = match time.len() {
        4 => format!("{time}00"),
        6 => (*time).to_owned(),
        _ => return None,
    };
    let (year, day) = date.split_at(4);
    Some(format!("{year}-{}-{} {}:{}:{}", &day[..2], &day[2..], &time[..2], &time[2..4], &time[4..]))
}
