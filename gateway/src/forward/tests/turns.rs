//! Who has the line first: one that drains a backlog over a way that works, and nobody else.

use super::ahead::minutes;
use super::*;

/// A destination that sends a backlog over a way that works, and the place of one that is less urgent.
async fn with_a_backlog() -> (Rig, Way) {
    let mut rig = Rig::new(1);
    rig.forward.lines_max = 20;
    let other = rig.way.shared(1, 2);
    rig.push(minutes(0..10));
    rig.start();
    rig.until_read(20).await;
    assert_eq!(other.before(), None, "nothing is behind");
    rig.tsdb.set_mode(Mode::Hang);
    rig.push(minutes(10..500));
    rig.until("needed", |_| other.before() == Some(0)).await;
    (rig, other)
}

#[tokio::test]
async fn the_line_is_needed_while_a_backlog_is_sent_and_not_by_one_that_is_down() {
    let (mut rig, other) = with_a_backlog().await;
    assert_eq!(rig.way.before(), None, "it waits for nobody itself");
    rig.tsdb.set_mode(Mode::Down);
    rig.until("free while it is down", |rig| other.before().is_none() && rig.delivery.retries.get() >= 3).await;
    // A request to one that is down holds up nobody either, however long it takes.
    let before = rig.delivery.requests.get();
    rig.tsdb.set_mode(Mode::Hang);
    rig.until("another try", |rig| rig.delivery.requests.get() > before).await;
    assert_eq!(other.before(), None);
    rig.tsdb.set_mode(Mode::Up);
    rig.until("all", |rig| rig.cursor().next == 1_000).await;
    rig.until("free when nothing is behind", |_| other.before().is_none()).await;
    rig.stop().await;
}

#[tokio::test]
async fn one_that_is_stopped_gives_the_line_free() {
    let (mut rig, other) = with_a_backlog().await;
    rig.stop().await;
    assert_eq!(other.before(), None);
}

#[tokio::test]
async fn a_request_waits_for_a_more_urgent_destination_and_says_so() {
    let mut rig = Rig::new(1);
    let first = rig.way.clone();
    rig.way = first.shared(1, 2).with_patience(DEADLINE);
    first.tell(true);
    let records = lines(0..10, 0);
    rig.push(records.clone());
    rig.start();
    rig.until("waits", |rig| rig.delivery.shown.borrow().waits_for == Some(0)).await;
    assert_eq!((rig.delivery.requests.get(), rig.tsdb.summary().requests), (0, 0));
    first.tell(false);
    rig.until_read(20).await;
    rig.until("waits no more", |rig| rig.delivery.shown.borrow().waits_for.is_none()).await;
    // And at the stop it does not wait either.
    first.tell(true);
    rig.push(lines(10..20, 0));
    rig.until("waits again", |rig| rig.delivery.shown.borrow().waits_for == Some(0)).await;
    rig.stop().await;
    rig.assert_sink_holds(&records);
}

#[tokio::test]
async fn nobody_waits_for_ever_and_nobody_for_its_equals() {
    for (priority, patience) in [(2, Duration::from_millis(1)), (1, DEADLINE * 2)] {
        let mut rig = Rig::new(1);
        rig.forward.lines_max = 20;
        let first = rig.way.clone();
        rig.way = first.shared(1, priority).with_patience(patience);
        first.tell(true);
        let records = lines(0..100, 0);
        rig.push(records.clone());
        rig.start();
        rig.until_read(200).await;
        rig.stop().await;
        rig.assert_sink_holds(&records);
    }
}
