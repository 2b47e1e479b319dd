//! Where frames go: to the terminal in words, and into a recording.

use crate::cli::Exit;
use crate::cli::modbus::print;
use crate::cli::store::no_output;
use facility_config::site::Framing;
use facility_drivers::modbus::trace::{Dir, Head, Wire, hex};
use facility_drivers::modbus::words::describe;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

pub(super) struct Sink {
    framing: Framing,
    file: Option<BufWriter<File>>,
    json: bool,
    last_us: Option<u64>,
}

impl Sink {
    pub(super) fn open(head: &Head, path: Option<&Path>, json: bool) -> Result<Self, Exit> {
        let file = path.map(|path| create(path, head)).transpose()?;
        if json {
            print(&(head.to_line() + "\n"))?;
        }
        Ok(Self { framing: head.framing, file, json, last_us: None })
    }

    /// Shows and keeps one frame.
    pub(super) fn take(&mut self, wire: &Wire) -> Result<(), Exit> {
        if let Some(file) = &mut self.file {
            // Each frame is on its way to the disk at once: a trace ends by a pulled plug as often as by ctrl-c.
            writeln!(file, "{}", wire.to_line()).and_then(|()| file.flush()).map_err(|error| no_output(&error))?;
        }
        if self.json {
            return print(&(wire.to_line() + "\n"));
        }
        let since_us = wire.at_us.saturating_sub(self.last_us.unwrap_or(wire.at_us));
        self.last_us = Some(wire.at_us);
        let (arrow, words) = (if wire.dir == Dir::Out { '→' } else { '←' }, describe(self.framing, wire.dir, &wire.bytes));
        let (at, since) = (wire.at_us as f64 / 1e6, since_us as f64 / 1e3);
        print(&format!("{at:>12.6} {since:>+9.1} ms {arrow} {words}\n{:>26}{}\n", "", hex(&wire.bytes)))
    }

    pub(super) fn end(mut self) -> Result<(), Exit> {
        self.file.as_mut().map_or(Ok(()), |file| file.flush()).map_err(|error| no_output(&error))
    }
}

fn create(path: &Path, head: &Head) -> Result<BufWriter<File>, Exit> {
    let failed = |error: std::io::Error| Exit::Start { code: 74, message: format!("{} cannot be written: {error}", path.display()) };
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    writeln!(file, "{}", head.to_line()).and_then(|()| file.flush()).map_err(failed)?;
    Ok(file)
}
