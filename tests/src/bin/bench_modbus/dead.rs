//! What one dead unit of ten, and one slow one, costs the other nine on a line that has no time to spare.

use crate::client::{Polled, on_line, runtime, unit};
use crate::figures::{DEAD_FIRST, DEAD_LOSS, NINE_RATE, SLOW_LOSS, SLOW_RATE, TEN_RATE};
use crate::wire::{Wire, bank};
use facility_drivers::sim::modbus::Bank;
use facility_tests::table::Table;
use std::collections::BTreeMap;
use std::time::Duration;

const BAUD: u32 = 9_600;
/// Nine rounds of this line take longer: there is always somebody waiting.
const INTERVAL: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_millis(200);
const SLOW: Duration = Duration::from_millis(150);
/// The unit that is different.
const TENTH: u8 = 10;
/// Rounds before anything is counted.
const WARM_UP: usize = 30;

pub(crate) fn measure(table: &mut Table, span: Duration) {
    let [nine] = run("nine units alone", 9, bank(9), [span]);
    let dead = bank(TENTH);
    dead.silence(TENTH, true);
    let [first, known] = run("nine units beside a dead tenth", TENTH, dead, [span; 2]);
    let [ten] = run("ten equal units", TENTH, bank(TENTH), [span]);
    let slow = bank(TENTH);
    slow.delay(TENTH, SLOW);
    let [beside_slow] = run("nine units beside a slow tenth", TENTH, slow, [span]);
    let loss = |before: &Rates, after: &Rates| 100.0 * (1.0 - after.nine / before.nine);
    table.add(&NINE_RATE, nine.nine);
    table.add(&DEAD_FIRST, loss(&nine, &first));
    table.add(&DEAD_LOSS, loss(&nine, &known));
    table.add(&TEN_RATE, ten.nine);
    table.add(&SLOW_LOSS, loss(&ten, &beside_slow));
    table.add(&SLOW_RATE, beside_slow.tenth);
    table.note(format!(
        "dead: {BAUD} baud, every {} ms, timeout {} ms; spans of {} s",
        INTERVAL.as_millis(),
        TIMEOUT.as_millis(),
        span.as_secs()
    ));
}

/// Polls per second.
#[derive(Debug, Clone, Copy, Default)]
struct Rates {
    nine: f64,
    tenth: f64,
}

impl Rates {
    fn of(rounds: &BTreeMap<u16, u64>, span: Duration) -> Self {
        let (tenth, nine): (Vec<_>, Vec<_>) = rounds.iter().partition(|(device, _)| **device == u16::from(TENTH));
        let rate = |of: Vec<(&u16, &u64)>| of.into_iter().map(|(_, rounds)| *rounds).sum::<u64>() as f64 / span.as_secs_f64();
        Self { nine: rate(nine), tenth: rate(tenth) }
    }
}

/// One span after the other on the same running bus.
fn run<const SPANS: usize>(what: &str, units: u8, bank: Bank, spans: [Duration; SPANS]) -> [Rates; SPANS] {
    let wire = Wire::start(BAUD, bank);
    runtime().block_on(async {
        // A slow unit is in time; a dead one costs the time-out of the others.
        let units = (1..=units).map(|number| unit(number, INTERVAL, TIMEOUT)).collect();
        let mut polled = Polled::start(vec![(on_line(&wire.path, BAUD), units)]);
        polled.warm_up(WARM_UP).await;
        let mut rates = [Rates::default(); SPANS];
        for (rates, span) in rates.iter_mut().zip(spans) {
            *rates = Rates::of(&polled.count(span).await, span);
            eprintln!("{what}: {:.2} polls/s of the nine, {:.2} of the tenth", rates.nine, rates.tenth);
        }
        rates
    })
}
