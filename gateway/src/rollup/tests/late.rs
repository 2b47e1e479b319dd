//! Days that something came late for, of a device with so many readings that they do not fit together.

use super::*;
use crate::aggregate::Long;
use facility_config::Part;

const STEP_MS: i64 = 600_000;
const DAY_MS: i64 = 86_400_000;
const LANES: u8 = 20;

/// What a machine says in one message: three values of each lane, of which figures follow one.
fn says(at_ms: i64) -> Batch {
    let mut batch = Batch::new(DeviceIx(1), Subject::Telemetry, at_ms);
    batch.push(Point::VendingStatus, Value::Text("in_service".into()));
    for lane in 0..LANES {
        let part = Part::new(&format!("A{lane}")).unwrap();
        batch.push(Metric { point: Point::LaneLevel, part }, Value::Int(5));
        batch.push(Metric { point: Point::LanePrice, part }, Value::Int(350));
        batch.push(Metric { point: Point::LaneFault, part }, Value::Bool(false));
    }
    batch
}

#[tokio::test]
async fn two_days_of_a_large_machine_are_worked_over_one_by_one() {
    let site = SITE.replace("lk-001", "vm-001").replace("\"locker\"", "\"vending\"").replace("interval_s = 60", "interval_s = 600");
    let bench = Bench::of(&site);
    let first_ms = Long::Day.around(START_MS, &bench.site.zone).end_ms;
    let is_late = |at_ms: i64| [first_ms, first_ms + DAY_MS].iter().any(|day_ms| (12 * 6..14 * 6).contains(&((at_ms - day_ms) / STEP_MS)));
    let running = bench.start();
    let mut kept = Vec::new();
    for at_ms in (START_MS..first_ms + 2 * DAY_MS + DAY_MS / 2).step_by(STEP_MS as usize) {
        bench.clock.set(at_ms);
        let mut batches = vec![said_by_gateway(at_ms)];
        if is_late(at_ms) {
            kept.push(says(at_ms))
        } else {
            batches.push(says(at_ms))
        }
        if at_ms > first_ms + 2 * DAY_MS + DAY_MS / 24 {
            batches.append(&mut kept);
        }
        let before = running.readings.durable().borrow().end;
        let points: usize = batches.iter().map(|batch| batch.readings.len()).sum();
        running.readings.append(Append { batches, mark: None }).await.unwrap();
        running.readings.durable().wait_for(|durable| durable.end == before + points as u64).await.unwrap();
    }
    bench.end(running).await;
    let mut revised: Vec<i64> =
        lines(&bench).await.into_iter().filter(|(_, what, _)| what == "vending_kpi.rev/1d").map(|(.., at_ms)| at_ms).collect();
    revised.sort_unstable();
    revised.dedup();
    assert_eq!(revised, [first_ms, first_ms + DAY_MS]);
}

fn said_by_gateway(at_ms: i64) -> Batch {
    let mut batch = Batch::new(DeviceIx::GATEWAY, Subject::Telemetry, at_ms);
    batch.push(Point::GatewayUptime, Value::Int((at_ms - START_MS) / 1000));
    batch
}
