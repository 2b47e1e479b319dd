//! What a request costs in time on its line. Pure.

use super::Request;
use facility_config::site::{Bus, Framing, SerialLine, Transport};
use std::time::Duration;

/// Bytes of a question (RTU: unit, function, address, count, checksum).
pub(super) const QUESTION_BYTES: u64 = 8;
/// Bytes of an answer besides its data (RTU: unit, function, byte count, checksum).
pub(super) const ANSWER_BYTES: u64 = 5;
/// Above this speed the gap between frames is not 3.5 characters but fixed (Modbus over serial line V1.02, 2.5.1.1).
const FIXED_GAP_ABOVE_BAUD: u32 = 19_200;
const FIXED_GAP: Duration = Duration::from_micros(1_750);
/// A byte through a network, ns: a hundred megabits per second.
const NETWORK_BYTE_NS: u64 = 80;
/// There and back through a network, ns.
const ROUND_TRIP_NS: u64 = 2_000_000;
/// An ASCII frame has a colon, CR and LF, but a byte less of checksum: question and answer together have two characters more
/// than twice their RTU bytes.
const ASCII_MORE_CHARS: u64 = 2;

/// How long things take on a line, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// One byte of a frame.
    pub byte_ns: u64,
    /// One request besides its bytes: gap between frames, pause, the device's turnaround.
    pub request_ns: u64,
}

impl Line {
    /// The line of a bus, with a device that thinks so long before it answers. What is behind a network is not known: its
    /// bytes cost next to nothing.
    #[must_use]
    pub fn of(bus: &Bus, turnaround: Duration) -> Self {
        let waits_ns = nanos(turnaround).saturating_add(nanos(bus.pause));
        match &bus.transport {
            Transport::Serial(serial) => Self::serial(serial, bus, waits_ns),
            Transport::Dial { .. } | Transport::Listen { .. } => {
                Self { byte_ns: NETWORK_BYTE_NS, request_ns: waits_ns.saturating_add(ROUND_TRIP_NS) }
            }
        }
    }

    fn serial(serial: &SerialLine, bus: &Bus, waits_ns: u64) -> Self {
        let char_ns = u64::from(serial.char_bits()) * 1_000_000_000 / u64::from(serial.baud.max(1));
        let (byte_ns, more_ns, standard_ns) = match bus.framing {
            // Two characters a byte, and frames that show their own ends.
            Framing::Ascii => (char_ns * 2, char_ns * ASCII_MORE_CHARS, 0),
            Framing::Rtu | Framing::Tcp => (char_ns, 0, nanos(rtu_gap(serial.baud, serial.char_bits()))),
        };
        let gap_ns = bus.gap.map_or(standard_ns, nanos);
        Self { byte_ns, request_ns: waits_ns.saturating_add(gap_ns).saturating_add(more_ns) }
    }

    /// Time of one request and its answer.
    #[must_use]
    pub fn cost_ns(&self, request: &Request) -> u64 {
        let bytes = QUESTION_BYTES + ANSWER_BYTES + request.data_bytes() as u64;
        self.byte_ns.saturating_mul(bytes).saturating_add(self.request_ns)
    }
}

/// Silence between two RTU frames: what the driver waits for, and what a plan counts with.
pub(crate) fn rtu_gap(baud: u32, char_bits: u32) -> Duration {
    match baud {
        0..=FIXED_GAP_ABOVE_BAUD => Duration::from_nanos(u64::from(char_bits) * 1_000_000_000 / u64::from(baud.max(1)) * 7 / 2),
        _ => FIXED_GAP,
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
