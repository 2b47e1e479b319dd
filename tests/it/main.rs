//! The gateway from outside, by feature: the real binary against real brokers, databases and buses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod alarm;
mod architecture;
mod commands;
mod counts;
mod crash;
mod destinations;
mod disk;
mod explain;
mod input;
mod modbus_commands;
mod modbus_peers;
mod mqtt_commands;
mod mqtt_links;
mod mqtt_site;
mod outage;
mod platform;
mod privacy;
mod revisions;
mod store_commands;
mod tls;
mod ways;
