//! What was sent before is sent again by order, and a metered way is obeyed.

use super::*;
use crate::forward::budget::Level;
use crate::forward::replay::Order;
use crate::operator::{Fate, Spool};

impl Rig {
    fn spool(&self) -> Spool {
        Spool::new(&self.dir.path().join("replay"))
    }
}

#[tokio::test]
async fn an_order_sends_a_span_again_and_goes_when_it_is_done() {
    let mut rig = Rig::new(1);
    let records = lines(0..300, 0);
    rig.push(records.clone());
    rig.start();
    rig.until_read(600).await;
    rig.stop().await;
    rig.spool().put(&"no order", 1).unwrap();
    let id = rig.spool().put(&Order { from_ms: AT_MS + 100, to_ms: AT_MS + 150 }, 2).unwrap();
    let before = rig.cursor();
    rig.start();
    rig.until("done", |rig| rig.spool().fate(&id).unwrap() == Fate::Done).await;
    rig.stop().await;
    assert_eq!((rig.cursor(), rig.spool().ids().unwrap()), (before, Vec::<String>::new()));
    assert_eq!((rig.tsdb.summary().lines, rig.tsdb.summary().duplicates), (350, 100));
    rig.assert_sink_holds(&records);
    assert!(rig.delivery.shown.borrow().replay.is_none());
}

#[tokio::test]
async fn an_order_that_was_under_way_is_begun_again_after_a_restart() {
    let mut rig = Rig::new(1);
    rig.forward.lines_max = 10;
    let records = lines(0..300, 0);
    rig.push(records.clone());
    rig.start();
    rig.until_read(600).await;
    rig.stop().await;
    rig.tsdb.set_mode(Mode::Down);
    let id = rig.spool().put(&Order { from_ms: AT_MS, to_ms: AT_MS + 1_000 }, 2).unwrap();
    rig.start();
    rig.until("taken", |rig| rig.spool().fate(&id).unwrap() == Fate::Taken && rig.delivery.retries.get() > 0).await;
    rig.stop().await;
    rig.tsdb.set_mode(Mode::Up);
    // New values are not held up by it.
    rig.push(lines(300..310, 0));
    rig.start();
    rig.until_read(620).await;
    rig.until("done", |rig| rig.spool().fate(&id).unwrap() == Fate::Done).await;
    rig.stop().await;
    assert_eq!(rig.cursor(), Cursor { next: 620, delivered: 620, ..Cursor::default() });
    rig.assert_sink_holds(&lines(0..310, 0));
}

#[tokio::test]
async fn what_a_budget_left_out_is_counted_shown_and_sent_by_an_order() {
    let mut rig = Rig::new(1);
    // A month of 10 kB, used up: the file says so.
    rig.forward.bytes_per_month = Some(10_000);
    std::fs::create_dir(rig.dir.path().join("budget")).unwrap();
    std::fs::write(rig.dir.path().join("budget/main.json"), format!("[{{\"start_ms\": {AT_MS}, \"used_bytes\": 9900}}]")).unwrap();
    rig.start();
    rig.push(lines(0..5, 0));
    rig.until("level", |rig| rig.delivery.shown.borrow().budget.is_some_and(|budget| budget.level == Level::Least)).await;
    rig.until_read(10).await;
    rig.push(lines(5..50, 0));
    rig.until_read(100).await;
    let left_out = rig.cursor().over_budget;
    assert_eq!((left_out, rig.cursor().delivered), (100, 0), "short windows are left out from the first on");
    rig.until("shown", |rig| rig.delivery.shown.borrow().left_out == [0, left_out]).await;
    let id = rig.spool().put(&Order { from_ms: AT_MS, to_ms: AT_MS + 50 }, 2).unwrap();
    rig.until("done", |rig| rig.spool().fate(&id).unwrap() == Fate::Done).await;
    rig.stop().await;
    rig.assert_sink_holds(&lines(0..50, 0));
    // What was used is kept over a restart.
    let text = std::fs::read_to_string(rig.dir.path().join("budget/main.json")).unwrap();
    assert!(!text.contains("9900"), "{text}");
}
