//! F16, F17: a board that boots in 1970 and learns the time later; a clock that steps while the gateway runs. The wall
//! clock is told by a file, the monotonic one stays true, as on a real board.

use facility_tests::{FakeClock, Gateway, Lab, until};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
/// How far a corrected time may be off.
const TOLERANCE_MS: i64 = 2_000;

fn now_ms() -> i64 {
    facility_drivers::Clock::system().now_ms()
}

fn with_clock(lab: &Lab, clock: &FakeClock) -> Gateway {
    let mut gateway = Gateway::prepare(&lab.config(1));
    gateway.set_env("GW__STORE__COMMIT_DELAY_MS", 100);
    for (name, value) in clock.environment() {
        gateway.set_env(name, value);
    }
    gateway
}

/// Sets temperatures one after the other and notes when each was first asked for. Waits on the page for each.
async fn read_values(lab: &Lab, gateway: &Gateway, tenths: std::ops::Range<i16>) -> Vec<(i64, f64)> {
    let mut set = Vec::new();
    for tenths in tenths {
        let value = f64::from(tenths) / 10.0;
        let at_ms = now_ms();
        lab.set_air(tenths);
        until("a fresh value of the cabinet", SOON, || async {
            gateway.status().await.to_string().contains(&format!(":{value:.1}")).then_some(())
        })
        .await;
        set.push((at_ms, value));
    }
    set
}

/// Waits until what the page shows is on flash: it shows a value before that, and a kill then takes the value along.
async fn settle(gateway: &Gateway) {
    let end = async || gateway.status().await["stores"][0]["end"].as_u64().expect("the end of the readings");
    for _ in 0..2 {
        let before = end().await;
        until("a commit", SOON, || async { (end().await > before).then_some(()) }).await;
    }
}

fn air(lab: &Lab) -> Vec<(i64, f64)> {
    lab.series("cabinet", "air_c").into_iter().collect()
}

/// What the database has of times further from now, but for the hours and days, which are named by their start.
fn points_older_than(lab: &Lab, span_ms: i64) -> Vec<String> {
    let points = lab.database.points();
    let far = points.keys().filter(|(series, _, at_ms)| !series.contains("_kpi") && (at_ms - now_ms()).abs() >= span_ms);
    far.map(|(series, field, at_ms)| format!("{series} {field} {at_ms}")).collect()
}

/// F16.
#[tokio::test]
async fn readings_of_a_board_that_boots_in_1970_are_given_their_times_when_it_learns_them() {
    let lab = Lab::start().await;
    let clock = FakeClock::new(-now_ms() / 1000 + 60);
    let mut gateway = with_clock(&lab, &clock);
    gateway.resume().await;
    gateway.until_told("GW-H040", true, SOON).await;
    let set = read_values(&lab, &gateway, -190..-188).await;
    assert_eq!(air(&lab), [], "nothing leaves before its time is known");
    settle(&gateway).await;
    // A restart of the same boot does not change that.
    gateway.kill();
    gateway.resume().await;
    let more = read_values(&lab, &gateway, -188..-187).await;
    let early = points_older_than(&lab, 600_000);
    assert!(early.is_empty(), "before its time: {early:?}");
    clock.set(0);
    let all = [set, more].concat();
    until("the readings of before to arrive", SOON, || {
        let air = air(&lab);
        std::future::ready(all.iter().all(|(_, value)| air.iter().any(|(_, found)| found == value)).then_some(()))
    })
    .await;
    for (at_ms, value) in &all {
        let first = air(&lab).into_iter().find(|(_, found)| found == value).unwrap();
        assert!((at_ms - 100..at_ms + TOLERANCE_MS).contains(&first.0), "{value} was set at {at_ms} and stands at {}", first.0);
    }
    gateway.until_told("GW-H040", false, SOON).await;
    gateway.until_drained(SOON).await;
    assert_eq!(lab.database.summary().conflicts, 0);
    let other = points_older_than(&lab, 600_000);
    assert!(other.is_empty(), "of another time: {other:?}");
}

/// F17: the clock is set back an hour, then a year ahead, and put right.
#[tokio::test]
async fn a_clock_that_steps_neither_doubles_nor_reorders_readings() {
    const HOUR_S: i64 = 3_600;
    const YEAR_S: i64 = 365 * 24 * HOUR_S;
    let mut lab = Lab::start().await;
    let clock = FakeClock::new(0);
    let mut gateway = with_clock(&lab, &clock);
    gateway.resume().await;
    lab.until_listening(&gateway).await;
    let mut read = Vec::new();
    for (offset_s, tenths) in [(0, -190..-189), (-HOUR_S, -189..-187), (YEAR_S, -187..-186), (0, -186..-185)] {
        clock.set(offset_s);
        let set = read_values(&lab, &gateway, tenths).await;
        read.extend(set.into_iter().map(|(at_ms, value)| (at_ms + offset_s * 1000, value)));
    }
    lab.publish(20).await;
    until("all that was read to arrive", SOON, || {
        let air = air(&lab);
        std::future::ready(read.iter().all(|(_, value)| air.iter().any(|(_, found)| found == value)).then_some(()))
    })
    .await;
    lab.until_all_delivered(&gateway, SOON).await;
    let summary = lab.database.summary();
    assert_eq!(summary.conflicts, 0, "no time stands twice with another value");
    // Each value was there once, so its first time tells when it came: in order until the clock went back by a year.
    let times: Vec<i64> = read.iter().map(|(_, value)| air(&lab).iter().find(|(_, found)| found == value).unwrap().0).collect();
    assert!(times[..4].is_sorted_by(|earlier, later| earlier < later), "{times:?}");
    for at in [0, 3, 4] {
        assert!((read[at].0 - 100..read[at].0 + TOLERANCE_MS).contains(&times[at]), "{at}: {} stands at {}", read[at].0, times[at]);
    }
    assert_eq!(gateway.log().matches("clock was set").count(), 3, "every step is told once");
    assert!(gateway.terminate().await.success());
}
