//! Alarms as tables: what a device says minute by minute, and what is raised and cleared when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod basics;
mod excursion;
mod fixture;
mod links;
mod people;
mod present;
mod restart;
mod rules;
mod speed;
