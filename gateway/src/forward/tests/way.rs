//! Faults on the way to the database delay lines and lose none.

use super::*;

#[tokio::test]
async fn faults_of_the_way_delay_and_lose_nothing() {
    let table = [
        (Mode::Down, LinkState::Connecting, "503"),
        (Mode::Status(429, Some(0)), LinkState::Connecting, "429"),
        (Mode::Status(502, None), LinkState::Connecting, "502"),
        (Mode::Status(401, None), LinkState::Denied, "401"),
        (Mode::Status(404, None), LinkState::Denied, "404"),
        (Mode::Status(307, None), LinkState::Denied, "307"),
        (Mode::Drop, LinkState::Connecting, ""),
        (Mode::StoreThenDrop, LinkState::Connecting, ""),
        (Mode::Portal, LinkState::Denied, "login page"),
    ];
    for (mode, state, words) in table {
        let mut rig = Rig::new(1);
        rig.tsdb.set_mode(mode);
        let records = lines(0..250, 0);
        rig.push(records.clone());
        rig.start();
        rig.until("repeated", |rig| rig.tsdb.summary().requests >= 3).await;
        let link = rig.link.borrow().clone();
        assert_eq!(link.state, state, "{mode:?}");
        assert!(link.error.as_ref().is_some_and(|error| error.contains(words) && !error.contains("first")), "{mode:?}: {link:?}");
        assert_eq!(rig.cursor(), Cursor::default(), "{mode:?}: nothing is taken as stored");
        assert!(rig.delivery.retries.get() >= 2, "{mode:?}");
        let bodies: Vec<_> = rig.tsdb.requests().into_iter().map(|request| request.body).collect();
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{mode:?}: repeated byte by byte");

        rig.tsdb.set_mode(Mode::Up);
        rig.until_read(500).await;
        rig.assert_sink_holds(&records);
        rig.stop().await;
        assert_eq!(rig.cursor().delivered, 500, "{mode:?}");
        assert_eq!(rig.dead_letters(), "", "{mode:?}");
        if mode != Mode::StoreThenDrop {
            assert_eq!(rig.tsdb.summary().duplicates, 0, "{mode:?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_hangs_is_left_after_the_time_limit() {
    let mut rig = Rig::new(1);
    rig.forward.database.timeout = Duration::from_millis(50);
    rig.tsdb.set_mode(Mode::Hang);
    let records = lines(0..10, 0);
    rig.push(records.clone());
    rig.start();
    rig.until("repeated", |rig| rig.delivery.requests.get() >= 2).await;
    assert_eq!(rig.cursor(), Cursor::default());
    rig.tsdb.set_mode(Mode::Up);
    rig.until_read(20).await;
    rig.assert_sink_holds(&records);
    rig.stop().await;
}

#[tokio::test]
async fn a_token_that_is_replaced_on_disk_is_used() {
    let mut rig = Rig::new(1);
    rig.tsdb.require_token(Some("second"));
    let records = lines(0..10, 0);
    rig.push(records.clone());
    rig.start();
    rig.until("denied", |rig| rig.link.borrow().state == LinkState::Denied && rig.tsdb.summary().requests >= 2).await;
    assert_eq!((rig.cursor(), rig.tsdb.summary().lines), (Cursor::default(), 0));
    std::fs::write(rig.dir.path().join("token"), "second\n").unwrap();
    rig.until_read(20).await;
    rig.assert_sink_holds(&records);
    assert_eq!((rig.link.borrow().state, rig.dead_letters().as_str()), (LinkState::Up, ""));
    rig.stop().await;
}

#[tokio::test]
async fn a_pause_asked_for_is_kept() {
    let mut rig = Rig::new(1);
    rig.tsdb.set_mode(Mode::Status(429, Some(1)));
    rig.push(lines(0..10, 0));
    rig.start();
    rig.until("two requests", |rig| rig.tsdb.summary().requests >= 2).await;
    let requests = rig.tsdb.requests();
    // Never earlier; how much later is nobody's promise. Own pauses are milliseconds here.
    assert!(requests[1].at.duration_since(requests[0].at) >= Duration::from_secs(1));
    rig.stop().await;
}
