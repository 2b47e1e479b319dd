//! Asking the running gateway for what it hears: one line of JSON for each frame, for as long as both want.

use super::sink::Sink;
use crate::cli::Exit;
use crate::cli::modbus::{UNAVAILABLE, tell, usage};
use facility_config::Site;
use facility_config::limits::MODBUS_HEARD_BYTES_MAX;
use facility_config::site::Bus;
use facility_drivers::modbus::trace::Wire;
use serde::Deserialize;

/// Longest line: the bytes as pairs of digits with blanks, and what is around them.
const LINE_BYTES_MAX: usize = MODBUS_HEARD_BYTES_MAX * 3 + 256;

pub(super) async fn watch(site: &Site, bus: &Bus, sink: &mut Sink) -> Result<(), Exit> {
    let Some(listen) = site.api.listen.filter(|listen| listen.port() != 0) else {
        return Err(usage(
            "the status page of this configuration is off or has no fixed port (api.listen): a running gateway cannot be asked",
        ));
    };
    let url = format!("http://{listen}/api/bus/{}/trace", bus.name);
    let failed = |why: String| Exit::Start {
        code: UNAVAILABLE,
        message: format!(
            "{url}: {why}. Is the gateway running with this configuration? Without one, listen by hand: facility-gateway modbus trace --port /dev/…"
        ),
    };
    // reqwest looks for a provider even where none is needed; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().map_err(|error| Exit::Defect(error.to_string()))?;
    let mut response = client.get(&url).send().await.map_err(|error| failed(cause(&error)))?;
    if !response.status().is_success() {
        return Err(failed(format!("the answer is {}", response.status())));
    }
    tell(&format!("watching {} through {listen}; ctrl-c ends", bus.name));
    let mut held: Vec<u8> = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(cause(&error)))? {
        held.extend_from_slice(&chunk);
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=end).collect();
            take(&line, sink)?;
        }
        if held.len() > LINE_BYTES_MAX {
            return Err(failed("what comes is no trace".into()));
        }
    }
    tell("the gateway ended the trace");
    Ok(())
}

/// A line says a frame, or how many were missed; blank ones keep the connection open.
fn take(line: &[u8], sink: &mut Sink) -> Result<(), Exit> {
    let Ok(line) = std::str::from_utf8(line) else { return Ok(()) };
    if let Ok(wire) = Wire::from_line(line.trim()) {
        return sink.take(&wire);
    }
    if let Ok(Missed { missed }) = serde_json::from_str(line) {
        tell(&format!("{missed} frames were missed"));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Missed {
    missed: u64,
}

/// The innermost reason: the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
