//! What the devices say: MQTT and Modbus to [`Batch`]es of readings.
//!
//! Knows protocols. Never knows the store, the database, HTTP routes of the gateway or its commands, and never
//! writes to a device: no function here builds a Modbus write or an unlock command.

pub mod clock;
pub mod fault;
pub mod link;
pub mod reading;

pub use clock::Clock;
pub use fault::Fault;
pub use reading::{Ack, Batch, Metric, Quality, Reading, Subject, Value};
