//! F1: the power goes at a random moment under load. The gateway is frozen, the block device is kept as it is at that
//! moment, the gateway is killed and started again on what was kept: real ext4, real mosquitto, real database.

use super::real::Real;
use facility_tests::Mount;
use std::time::{Duration, Instant};

const CUTS: u32 = 6;

#[tokio::test]
async fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    let mut real = Real::start().await;
    let mut disk = Mount::ext4(64);
    let mut gateway = real.gateway(&disk.path().join("store"), "block").await;
    real.stop_database();
    let mut random = fastrand::Rng::with_seed(31);
    for cut in 0..CUTS {
        // In pieces, so that there is a commit between them; the broker has them, the gateway is somewhere in between.
        for _ in 0..random.u32(1..8) {
            real.publish_wide(random.u32(0..8)).await;
            real.publish(random.u32(1..50)).await;
        }
        gateway.signal("STOP");
        disk.cut_power(|| gateway.kill());
        if cut % 2 == 1 {
            // The power comes back for a moment only: it goes again while the stores are being opened.
            let nth = random.u32(1..8);
            gateway.start_killed_at("pwrite64", nth).await;
            disk.cut_power(|| ());
        }
        let begun = Instant::now();
        gateway.resume().await;
        assert!(begun.elapsed() < Duration::from_secs(5), "the start took {:?}", begun.elapsed());
    }
    real.resume_database().await;
    real.assert_all_delivered(&gateway).await;
    assert!(gateway.terminate().await.success());
}
