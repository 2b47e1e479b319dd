//! How it ends, and who may have the store (F12, F13).

use facility_drivers::sim::tsdb::Mode;
use facility_tests::{Gateway, Lab};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(20);

/// F12: SIGTERM while the database hangs, and once more while it is ending.
#[tokio::test]
async fn a_database_that_hangs_does_not_hold_up_the_end() {
    let mut lab = Lab::start().await;
    let mut gateway = Gateway::start(&lab.config(1)).await;
    lab.until_listening(&gateway).await;
    lab.database.set_mode(Mode::Hang);
    lab.publish(200).await;
    let begun = Instant::now();
    gateway.signal("TERM");
    gateway.signal("TERM");
    let end = gateway.ended(Duration::from_secs(15)).await;
    assert!(end.success() && begun.elapsed() < Duration::from_secs(10), "{end} after {:?}", begun.elapsed());
    lab.database.set_mode(Mode::Up);
    gateway.resume().await;
    lab.until_all_delivered(&gateway, SOON).await;
    assert!(!gateway.status().await.to_string().contains("GW-H003"));
    gateway.signal("INT");
    assert!(gateway.ended(SOON).await.success(), "SIGINT is as good");
}

/// F13: the second is told who has the store; after kill -9 it is free, whatever the file says.
#[tokio::test]
async fn a_second_gateway_names_the_holder_and_a_dead_holder_holds_nothing() {
    let mut lab = Lab::start().await;
    let mut first = Gateway::start(&lab.config(60)).await;
    let mut second = Gateway::prepare_at(&lab.config(60), first.store());
    assert_eq!(second.run_to_end().await.code(), Some(75));
    let holder = format!("in use by process {}", first.pid());
    assert!(second.log().contains(&holder), "{holder}: {}", second.log());
    for store in ["readings", "outbox"] {
        let lock = std::fs::read_to_string(first.store().join(store).join("lock")).unwrap();
        assert_eq!(lock.trim(), first.pid().to_string(), "{store}");
    }
    first.kill();
    second.resume().await;
    lab.until_listening(&second).await;
    lab.publish(20).await;
    lab.until_all_delivered(&second, SOON).await;
}
