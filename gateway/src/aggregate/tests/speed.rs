//! How long one reading takes through the windows. Not a test of anything: run by hand, `--ignored --nocapture`, twice.

use crate::aggregate::Fold;
use crate::aggregate::fixture::*;
use crate::completeness::Ledger;
use facility_config::device::ColdClass;
use facility_config::{Device, DeviceIx, Kind, Part, Point};
use facility_drivers::{Metric, Value};
use std::time::{Duration, Instant};

const DEVICES: u16 = 200;

/// What a device of each kind says every minute.
fn said_by(kind: Kind) -> Vec<(Metric, Value)> {
    let whole = |point: Point, value| (Metric::whole(point), value);
    match kind {
        Kind::Cabinet => vec![
            whole(Point::CabinetAir, Value::Float(-19.4)),
            whole(Point::CabinetProduct, Value::Float(-18.2)),
            whole(Point::CabinetEvap, Value::Float(-27.1)),
            whole(Point::CabinetCompressor, Value::Bool(true)),
            whole(Point::CabinetDefrost, Value::Bool(false)),
            whole(Point::CabinetDoor, Value::Bool(false)),
            whole(Point::EnergyVoltage, Value::Float(228.4)),
            whole(Point::EnergyActive, Value::Float(486.0)),
            whole(Point::EnergyTotal, Value::Float(1374.51)),
        ],
        Kind::Locker => vec![
            whole(Point::LockerTotal, Value::Int(60)),
            whole(Point::LockerOccupied, Value::Int(41)),
            whole(Point::LockerFaulted, Value::Int(2)),
            whole(Point::LockerDisabled, Value::Int(0)),
            whole(Point::LockerDeposits, Value::Int(18_044)),
            whole(Point::LockerPickups, Value::Int(18_003)),
        ],
        _ => {
            let lane = |no: usize| (Metric { point: Point::LaneLevel, part: Part::new(&format!("A{no}")).unwrap() }, Value::Int(5));
            let machine = [whole(Point::VendingStatus, text("in_service")), whole(Point::VendingVends, Value::Int(20_817))];
            machine.into_iter().chain((1..40).map(lane)).collect()
        }
    }
}

#[test]
#[ignore = "a measurement that prints nanoseconds per reading and bytes per device; a timing is no assertion"]
#[expect(clippy::print_stdout, reason = "a measurement")]
fn nanoseconds_per_reading() {
    let kinds = [Kind::Cabinet, Kind::Locker, Kind::Vending];
    let kind_of = |at: u16| kinds[usize::from(at) % kinds.len()];
    let declared = |at: u16| Device {
        cold: (kind_of(at) == Kind::Cabinet).then_some(ColdClass::Frozen),
        ..device(&format!("d-{at}"), kind_of(at), 60)
    };
    let site = site(Duration::from_secs(300), (0..DEVICES).map(declared).collect());
    let said: Vec<_> = (0..DEVICES).map(|at| said_by(kind_of(at))).collect();
    for _ in 0..3 {
        let (mut fold, mut readings, mut figures, began) = (Fold::new(site.clone()), 0_u64, 0_usize, Instant::now());
        for minute in 0..24 * 60 {
            for (at, said) in said.iter().enumerate() {
                let at_ms = T0 + minute * 60_000 + at as i64 * 100;
                figures += fold.close(at_ms).iter().map(|batch| batch.readings.len()).sum::<usize>();
                fold.turns();
                for (metric, value) in said {
                    fold.observe(at_ms, DeviceIx(at as u16 + 1), *metric, at_ms, value);
                    readings += 1;
                }
            }
        }
        let ns = began.elapsed().as_nanos() / u128::from(readings);
        let bytes = fold.snapshot().len() / usize::from(DEVICES);
        let (mut ledger, mut rows, began) = (Ledger::new(site.clone()), Vec::new(), Instant::now());
        for minute in 0..24 * 60 {
            for (at, said) in said.iter().enumerate() {
                let at_ms = T0 + minute * 60_000 + at as i64 * 100;
                for (metric, value) in said {
                    ledger.observe(at_ms, false, (DeviceIx(at as u16 + 1), *metric), at_ms, value, &mut rows);
                }
            }
            let beat = (DeviceIx::GATEWAY, Metric::whole(Point::GatewayUptime));
            ledger.observe(T0 + minute * 60_000 + 30_000, false, beat, T0 + minute * 60_000 + 30_000, &Value::Int(minute * 60), &mut rows);
        }
        let ledger_ns = began.elapsed().as_nanos() / u128::from(readings);
        let ledger_bytes = ledger.snapshot().len() / usize::from(DEVICES);
        println!(
            "a day of {DEVICES} devices: {readings} readings, {figures} figures, {ns} ns per reading, {bytes} bytes of state per device; what is missing: {ledger_ns} ns per reading, {ledger_bytes} bytes"
        );
    }
}
