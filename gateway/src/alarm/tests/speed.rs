//! How long one message takes, and what a device costs. Not a test of anything: run by hand, `--ignored --nocapture`, twice.

use super::fixture::*;
use crate::aggregate::fixture::{T0, device, site, text};
use crate::alarm::Engine;
use facility_config::alarm::{RuleKind, Suits};
use facility_config::device::ColdClass;
use facility_config::{Device, Kind, Point};
use std::time::Instant;

/// Ten readings of a frozen cabinet, as in the benchmark of ingest.
fn ten(air_c: f64) -> Says {
    vec![
        whole(Point::CabinetAir, air_c),
        whole(Point::CabinetProduct, -18.2),
        whole(Point::CabinetEvap, -27.1),
        whole(Point::CabinetCond, 38.2),
        whole(Point::CabinetSetpoint, -20.0),
        (Point::CabinetMode.into(), text("cooling")),
        is(Point::CabinetCompressor, true),
        is(Point::CabinetDoor, false),
        whole(Point::EnergyVoltage, 228.4),
        whole(Point::EnergyActive, 486.0),
    ]
}

#[test]
#[ignore = "a measurement that prints nanoseconds per message; a timing is no assertion"]
#[expect(clippy::print_stdout, reason = "a measurement")]
fn nanoseconds_per_message() {
    let suits = |suits: Suits| suits.fits(Kind::Cabinet, Some(ColdClass::Frozen));
    let rules: Vec<_> = RuleKind::ALL.iter().filter(|kind| suits(kind.info().suits)).map(|kind| kind.default_rule()).collect();
    let one = |no: u16| Device { id: format!("fz-{no}").into(), rules: rules.clone(), ..device("x", Kind::Cabinet, 60) };
    for (what, air_c) in [("in order", -19.4), ("in alarm", -10.0)] {
        let mut engine = Engine::new(site(minutes(5), (1..=200).map(one).collect()));
        let mut messages: Vec<_> = (1..=200).map(|ix| said(ix, T0, ten(air_c))).collect();
        for round in 0..5_i64 {
            let (rounds, mut told, began) = (500, 0, Instant::now());
            for step in 0..rounds {
                let now_ms = T0 + (round * rounds + step) * MIN_MS;
                for message in &mut messages {
                    message.at_ms = now_ms;
                    told += engine.observe(message, now_ms).len();
                }
            }
            let ns = began.elapsed().as_nanos() / (rounds as u128 * 200);
            let began = Instant::now();
            (0..1000).for_each(|_| told += engine.tick(T0 + (round + 1) * rounds * MIN_MS - 1).len());
            let tick_us = began.elapsed().as_micros() / 1000;
            println!("{what}: {ns} ns a message of 10 readings, {tick_us} µs a tick of 200 devices, {told} events");
        }
        println!("{what}: {} bytes of snapshot a device, {} rules", engine.snapshot().len() / 200, rules.len());
    }
}
