//! A neighbourhood in a process: behaving devices, a broker, a bus and a database, on loopback sockets only.
//!
//! The same code is the demonstration and the fleet of the tests. Seeded: the same seed behaves the same.

pub mod broker;
pub mod fleet;
pub mod modbus;
pub mod mqtt;
pub mod neighbourhood;
pub mod story;
pub mod tsdb;
pub mod workload;
