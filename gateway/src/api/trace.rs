//! The frames of a bus as they go by. Registers of devices are no personal data; what MQTT brings is shown by `tail` alone.

use super::taps;
use axum::response::Response;
use facility_drivers::modbus::Tap;

/// An answer that ends with its reader, or with the gateway.
pub(super) fn stream(tap: &Tap) -> Response {
    taps::stream(tap.watch(), |wire| wire.to_line())
}
