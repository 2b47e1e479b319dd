#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// The end of a window: everybody has something to say.
const NOW_MS: i64 = 1_788_220_800_000;

#[test]
fn ten_thousand_gateways_share_the_delay_evenly() {
    let delay = Duration::from_secs(5);
    let mut parts = [0_u32; 50];
    for nth in 0..10_000 {
        let seed = u64::from(crc32c::crc32c(format!("gw-junmen-{nth:05} main").as_bytes()));
        let wait_ms = wait(NOW_MS, seed, delay).as_millis() as usize;
        assert!((1..=5_000).contains(&wait_ms));
        parts[(wait_ms - 1) / 100] += 1;
    }
    // 200 are expected in each tenth of a second; five times the spread of chance.
    assert!(parts.iter().all(|count| (130..270).contains(count)), "{parts:?}");
}

#[test]
fn a_gateway_keeps_its_moment() {
    let delay = Duration::from_millis(700);
    for seed in [0, 1, 699, 700, u64::MAX] {
        let moments = (0..2_000).map(|step| NOW_MS + step + wait(NOW_MS + step, seed, delay).as_millis() as i64);
        let phases: std::collections::BTreeSet<i64> = moments.map(|at| at.rem_euclid(700)).collect();
        assert_eq!(phases.len(), 1, "{seed}");
    }
    assert_eq!(wait(i64::MIN, 3, Duration::ZERO), Duration::from_millis(1));
}
