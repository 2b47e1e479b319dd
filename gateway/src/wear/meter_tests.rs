#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use facility_config::limits::WEAR_SAMPLE_MS;

const STEP_MS: i64 = WEAR_SAMPLE_MS as i64;
const STEPS_PER_DAY: u64 = 86_400_000 / WEAR_SAMPLE_MS;

/// A meter fed every five minutes from `from` sectors on, `sectors` and `store_bytes` more each time.
fn fed(steps: u64, from: u64, sectors: u64, store_bytes: u64) -> Meter {
    let mut meter = Meter::default();
    for n in 0..=steps {
        meter.push(n as i64 * STEP_MS, from + n * sectors, n * store_bytes);
    }
    meter
}

fn per_day(meter: &Meter) -> Option<(u64, u64)> {
    meter.pace().map(|pace| (pace.written_bytes_per_day, pace.store_bytes_per_day))
}

#[test]
fn nothing_is_told_before_a_quarter_of_an_hour() {
    assert_eq!(per_day(&Meter::default()), None);
    assert_eq!(per_day(&fed(0, 9_000, 0, 0)), None);
    assert_eq!(per_day(&fed(2, 9_000, 2_000, 512_000)), None);
    // 2 000 sectors every five minutes: 294.912 MB a day, half of it the stores'.
    let meter = fed(3, 9_000, 2_000, 512_000);
    assert_eq!(per_day(&meter), Some((294_912_000, 147_456_000)));
    assert_eq!((meter.written_bytes(), meter.measured_ms()), (3 * 2_000 * 512, 900_000), "what was there before the start does not count");
}

#[test]
fn the_mean_is_that_of_the_last_day() {
    let mut meter = fed(2 * STEPS_PER_DAY, 0, 2_000, 0);
    assert_eq!(per_day(&meter), Some((294_912_000, 0)));
    // A quiet day after two busy ones: they fade as it goes on.
    let (busy, at) = (2 * STEPS_PER_DAY * 2_000, 2 * STEPS_PER_DAY as i64);
    for n in 1..=STEPS_PER_DAY as i64 {
        meter.push((at + n) * STEP_MS, busy, 0);
        if n == STEPS_PER_DAY as i64 / 2 {
            assert_eq!(per_day(&meter), Some((147_456_000, 0)));
        }
    }
    assert_eq!(per_day(&meter), Some((0, 0)));
    assert_eq!(meter.written_bytes(), busy * 512, "the total stays");
    assert_eq!(meter.measured_ms(), 3 * 86_400_000);
}

#[test]
fn samples_are_bounded_however_they_come() {
    for step_ms in [0, 1, 1_000, STEP_MS, STEP_MS + 7, 100_000_000, i64::MAX / 400] {
        let mut meter = Meter::default();
        for n in 0..400 {
            meter.push(n * step_ms, n as u64, 0);
            assert!(meter.samples.len() <= WEAR_SAMPLES_MAX);
        }
        assert_eq!(
            meter.pace().is_some(),
            (meter.samples.len() as i64 - 1).saturating_mul(step_ms) >= WEAR_MEASURED_MS_MIN,
            "{step_ms} ms"
        );
    }
}

#[test]
fn a_pause_is_part_of_the_mean() {
    // Ten hours without a sample (the counter could not be read): what was written meanwhile is in the next one.
    let mut meter = fed(12, 0, 1_000, 0);
    meter.push(13 * STEP_MS + 36_000_000, 13_000 + 120_000, 0);
    assert_eq!(meter.written_bytes(), 133_000 * 512);
    assert_eq!(per_day(&meter).map(|(written, _)| written), Some(133_000 * 512 * 86_400 / (65 * 60 + 36_000)));
}

#[test]
fn a_counter_may_wrap_or_begin_anew() {
    for (case, then, now, grown_by) in [
        ("on and on", 5_000, 7_000, 2_000),
        ("stands", 7_000, 7_000, 0),
        ("a 32-bit board wraps", WRAP_SECTORS - 100, 50, 150),
        ("wraps to zero", WRAP_SECTORS - 1, 0, 1),
        ("plugged in again after little", 9_000, 40, 40),
        ("plugged in again after much", WRAP_SECTORS / 2, 40, 40),
        ("plugged in again on a 64-bit board", WRAP_SECTORS * 3, 40, 40),
        ("just too far for a wrap", WRAP_SECTORS - STEP_SECTORS_MAX, 1, 1),
        ("the largest counters", u64::MAX, u64::MAX - 1, u64::MAX - 1),
    ] {
        assert_eq!(grown(then, now), grown_by, "{case}");
        let mut meter = Meter::default();
        meter.push(0, then, 0);
        meter.push(WEAR_MEASURED_MS_MIN, now, 0);
        assert_eq!(meter.written_bytes(), grown_by.saturating_mul(512), "{case}");
        assert!(meter.pace().is_some());
    }
}

#[test]
fn samples_of_one_moment_give_no_pace() {
    let mut meter = Meter::default();
    for n in 0..10 {
        meter.push(5, n * 1_000_000, 0);
    }
    assert_eq!(meter.pace(), None);
}

#[test]
fn life_is_endurance_over_pace() {
    // 16 GB, 500 times: 8 TB. At 537 MB a day (BUFFER §3, one commit a second) that is 40.8 years.
    for (bytes, cycles, per_day, years) in [
        (16_000_000_000, 500, 537_000_000, 40.787),
        (16_000_000_000, 500, 43_805_613_963, 0.5),
        (16_000_000_000, 3_000, 43_805_613_963, 3.0),
        (16_000_000_000, 500, 0, 100.0),
        (16_000_000_000, 500, 1_000, 100.0),
        (0, 500, 1_000, 0.0),
        (u64::MAX, u32::MAX, 1, 100.0),
        (512, 10, u64::MAX, 0.0),
    ] {
        let life = life_years(bytes, cycles, per_day);
        assert!((life - years).abs() < 0.001, "{bytes} {cycles} {per_day}: {life}");
    }
}
