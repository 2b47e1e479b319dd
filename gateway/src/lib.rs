//! What is done with the readings: store, metrics, alarms, forwarding, status.

pub mod store;
pub mod telemetry;
