//! Asking the running gateway for what it hears: one line of JSON for each frame, for as long as both want.

use super::sink::Sink;
use crate::cli::modbus::tell;
use crate::cli::{Exit, remote};
use facility_config::Site;
use facility_config::limits::MODBUS_HEARD_BYTES_MAX;
use facility_config::site::Bus;
use facility_drivers::modbus::trace::Wire;

/// Longest line: the bytes as pairs of digits with blanks, and what is around them.
const LINE_BYTES_MAX: usize = MODBUS_HEARD_BYTES_MAX * 3 + 256;
const ADVICE: &str = "Without one, listen by hand: facility-gateway modbus trace --port /dev/…";

pub(super) async fn watch(site: &Site, bus: &Bus, sink: &mut Sink) -> Result<(), Exit> {
    let listen = remote::address(site)?;
    tell(&format!("watching {} through {listen}; ctrl-c ends", bus.name));
    let url = format!("http://{listen}/api/bus/{}/trace", bus.name);
    remote::lines(&url, LINE_BYTES_MAX, ADVICE, |line| take(line, sink)).await?;
    tell("the gateway ended the trace");
    Ok(())
}

/// A line says a frame, or how many were missed; blank ones keep the connection open.
fn take(line: &str, sink: &mut Sink) -> Result<(), Exit> {
    if let Ok(wire) = Wire::from_line(line) {
        return sink.take(&wire);
    }
    if let Some(missed) = remote::missed(line) {
        tell(&format!("{missed} frames were missed"));
    }
    Ok(())
}
