//! Listening to a line that another master asks on. Never sends a byte.

use super::sink::Sink;
use crate::cli::Exit;
use crate::cli::modbus::{line, tell, usage};
use facility_config::site::{Bus, Framing};
use facility_drivers::modbus::trace::{Dir, Wire};
use facility_drivers::modbus::{Inquiry, Tap};
use facility_drivers::scan::Splitter;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

/// Silence after which what is held back is all there will be: more than the latency of a USB adapter.
const QUIET: Duration = Duration::from_millis(40);
/// The line is listened to in pieces; how long each is does not matter.
const SPAN: Duration = Duration::from_secs(60);

pub(super) async fn watch(bus: &Bus, sink: &mut Sink) -> Result<(), Exit> {
    if bus.framing == Framing::Tcp {
        return Err(usage("a TCP connection is nobody else's: there is nothing to listen to; trace the bus of a running gateway instead"));
    }
    let mut inquiry = line::open(bus, Tap::new()).await?;
    let wires = inquiry.tap().watch();
    tell(&format!("listening on {}; ctrl-c ends", line::place(bus)));
    tokio::select! {
        lost = listen(&mut inquiry) => Err(line::not_open(bus, &lost)),
        ended = show(bus.framing, wires, sink) => ended,
    }
}

async fn listen(inquiry: &mut Inquiry) -> std::io::Error {
    loop {
        if let Err(error) = inquiry.listen(SPAN, &mut Vec::new()).await {
            return error;
        }
    }
}

async fn show(framing: Framing, mut wires: Receiver<Arc<Wire>>, sink: &mut Sink) -> Result<(), Exit> {
    let (mut splitter, mut lines, mut at_us) = (Splitter::default(), Lines::default(), 0);
    loop {
        let frames = match timeout(QUIET, wires.recv()).await {
            Ok(Ok(wire)) => {
                at_us = wire.at_us;
                if framing == Framing::Rtu { splitter.feed(&wire.bytes) } else { lines.feed(&wire.bytes) }
            }
            Ok(Err(RecvError::Lagged(missed))) => {
                tell(&format!("{missed} pieces were missed"));
                continue;
            }
            Ok(Err(RecvError::Closed)) => return Ok(()),
            Err(_) => splitter.flush(),
        };
        for (dir, bytes) in frames {
            sink.take(&Wire { at_us, dir, bytes })?;
        }
    }
}

/// Frames of Modbus ASCII end with a line; who speaks takes turns.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// Longest ASCII frame (Modbus over serial line V1.02, 2.5.2).
    const BYTES_MAX: usize = 513;

    fn feed(&mut self, bytes: &[u8]) -> Vec<(Dir, Vec<u8>)> {
        let mut frames = Vec::new();
        for byte in bytes {
            self.0.push(*byte);
            if *byte == b'\n' || self.0.len() >= Self::BYTES_MAX {
                // A question of reading has 17 characters, and hardly an answer does: it would have three bytes of data.
                let dir = if self.0.len() == 17 { Dir::Out } else { Dir::In };
                frames.push((dir, std::mem::take(&mut self.0)));
            }
        }
        frames
    }
}
