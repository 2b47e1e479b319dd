//! The lines of a file, plain or compressed, with their numbers. Bounded: one line of at most [`LINE_BYTES_MAX`].

use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// No line of an export is longer.
const LINE_BYTES_MAX: u64 = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A file that is read line by line.
pub(super) struct Source {
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

/// One line.
pub(super) enum Line<'a> {
    /// Its number, counted from 1, and its text without the end.
    Text(u64, &'a str),
    /// It cannot be used.
    Bad(u64, &'static str),
}

impl Source {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let input: Box<dyn BufRead> = match file.fill_buf()?.starts_with(&GZIP_MAGIC) {
            true => Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file))),
            false => Box::new(file),
        };
        Ok(Self { input, line: Vec::new(), number: 0 })
    }

    /// The next line that is not empty; `None` at the end. After a file that breaks off, one bad line and then the end.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
            match read {
                Ok(0) => return None,
                Ok(_) => {}
                Err(_) => {
                    self.input = Box::new(io::empty());
                    return Some(Line::Bad(self.number, "the file breaks off here or cannot be read any further"));
                }
            }
            if self.line.len() as u64 == LINE_BYTES_MAX && self.line.last() != Some(&b'\n') {
                return Some(self.step_over());
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        Some(match std::str::from_utf8(&self.line) {
            Ok(text) => Line::Text(self.number, text.trim_end_matches(['\n', '\r'])),
            Err(_) => Line::Bad(self.number, "not UTF-8"),
        })
    }

    fn step_over(&mut self) -> Line<'_> {
        while self.line.last() != Some(&b'\n') {
            self.line.clear();
            let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
            if !matches!(read, Ok(1..)) {
                break;
            }
        }
        Line::Bad(self.number, "too long")
    }
}
