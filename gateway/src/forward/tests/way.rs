//! Faults on the way to the database delay lines and lose none.

use super::*;

#[tokio::test]
async fn faults_of_the_way_delay_and_lose_nothing() {
    let table = [
        (Mode::Down, LinkState::Connecting, "503"),
        (Mode::Status(408, None), LinkState::Connecting, "408"),
        (Mode::Status(429, Some(0)), LinkState::Connecting, "429"),
        (Mode::Status(502, None), LinkState::Connecting, "502"),
        (Mode::Status(504, None), LinkState::Connecting, "504"),
        (Mode::Status(500, None), LinkState::Connecting, "500"),
        (Mode::Status(401, None), LinkState::Denied, "401"),
        (Mode::Status(403, None), LinkState::Denied, "403"),
        (Mode::Status(404, None), LinkState::Denied, "404"),
        (Mode::Status(405, None), LinkState::Denied, "405"),
        (Mode::Status(206, None), LinkState::Denied, "206"),
        (Mode::Status(301, None), LinkState::Denied, "301"),
        (Mode::Status(307, None), LinkState::Denied, "307"),
        (Mode::Drop, LinkState::Connecting, ""),
        (Mode::StoreThenDrop, LinkState::Connecting, ""),
        (Mode::StoreThenStatus(503), LinkState::Connecting, "503"),
        (Mode::StoreThenStatus(404), LinkState::Denied, "404"),
        (Mode::Portal, LinkState::Denied, "login page"),
        (Mode::Huge, LinkState::Denied, "login page"),
        (Mode::Bomb, LinkState::Denied, "login page"),
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
        let first = unpacked(&bodies[0]);
        let probe = first.lines().next().unwrap();
        let is_known = |body: &str| body == first || body.trim_end() == probe || (mode == Mode::Status(500, None) && first.contains(body));
        assert!(bodies.iter().all(|body| is_known(&unpacked(body))), "{mode:?}: repeated byte by byte, or its first line");

        rig.tsdb.set_mode(Mode::Up);
        rig.until_read(500).await;
        rig.assert_sink_holds(&records);
        rig.stop().await;
        assert_eq!(rig.cursor().delivered, 500, "{mode:?}");
        assert_eq!(rig.dead_letters(), "", "{mode:?}");
        // Only a probe, the first line with its two fields, came twice.
        if !matches!(mode, Mode::StoreThenDrop | Mode::StoreThenStatus(_)) {
            assert!(rig.tsdb.summary().duplicates <= 2, "{mode:?}");
        }
    }
}

#[tokio::test]
async fn a_database_that_hangs_is_left_after_the_time_limit() {
    let mut rig = Rig::new(1);
    rig.database().timeout = Duration::from_millis(50);
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

#[tokio::test]
async fn a_database_that_is_away_is_asked_with_one_line_and_then_gets_everything() {
    let mut rig = Rig::new(1);
    rig.tsdb.set_mode(Mode::Drop);
    let records = lines(0..100, 0);
    rig.push(records.clone());
    rig.start();
    let len = |request: &facility_drivers::sim::tsdb::Request| unpacked(&request.body).lines().count();
    rig.until("probes", |rig| rig.tsdb.requests().iter().filter(|request| len(request) == 1).count() >= 5).await;
    let sizes: Vec<usize> = rig.tsdb.requests().iter().map(len).collect();
    assert!(sizes.iter().enumerate().all(|(nth, size)| *size == if nth < 4 { 100 } else { 1 }), "{sizes:?}");
    rig.tsdb.set_mode(Mode::Up);
    rig.until_read(200).await;
    rig.stop().await;
    rig.assert_sink_holds(&records);
    assert_eq!(rig.tsdb.requests().iter().map(len).next_back(), Some(100));
}

#[tokio::test]
async fn a_request_that_was_cut_down_grows_again_when_many_went_well() {
    let rig = Rig::new(1);
    let mut running = rig.task().prepare().unwrap();
    assert_eq!(running.bytes_max, 100_000);
    running.bytes_max = 10_000;
    for _ in 0..facility_config::limits::FORWARD_GROW_AFTER * 5 {
        running.grow();
    }
    assert_eq!(running.bytes_max, 100_000);
}
