//! What is done with the readings: store, metrics, alarms, forwarding, status.

pub mod admit;
pub mod aggregate;
pub mod alarm;
pub mod api;
pub mod app;
pub mod cli;
pub mod collect;
pub mod forward;
pub mod gaps;
pub mod health;
pub mod latest;
pub mod learned;
pub mod ledger;
pub mod letters;
pub mod parcels;
pub mod pipeline;
pub mod privacy;
pub mod process;
pub mod rollup;
pub mod status;
pub mod store;
pub mod strangers;
pub mod tasks;
pub mod telemetry;
pub mod wear;
