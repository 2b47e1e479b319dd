//! What the devices say: MQTT and Modbus to [`Batch`]es of readings.
//!
//! Knows protocols. Never knows the store, the database, HTTP routes of the gateway or its commands, and never
//! writes to a device: no function here builds a Modbus write or an unlock command.

pub mod backoff;
pub mod clock;
pub mod decode;
pub mod fault;
pub mod heard;
pub mod link;
pub mod modbus;
pub mod mqtt;
pub mod plan;
pub mod pseudonym;
pub mod reading;
pub mod scan;
pub mod serial;
pub mod session;
pub mod sim;
pub mod tls;

pub use backoff::Backoff;
pub use clock::Clock;
pub use fault::Fault;
pub use heard::{DroppedPlace, Heard, Letter, Stranger};
pub use link::{Link, LinkState};
pub use reading::{Ack, Batch, Metric, Quality, Reading, Released, Subject, Value};
