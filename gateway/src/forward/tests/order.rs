//! Everything once, in order, from where it stood, and an end in time.

use super::*;
use facility_config::limits::FORWARD_STOP_MS_MAX;

#[tokio::test]
async fn everything_arrives_once_and_in_order() {
    let mut rig = Rig::new(1);
    let records = lines(0..1_234, 0);
    rig.push(records.clone());
    rig.start();
    rig.until_read(2_468).await;
    rig.assert_sink_holds(&records);
    assert_eq!(rig.tsdb.summary().duplicates, 0);
    assert_eq!(rig.cursor(), Cursor { next: 2_468, delivered: 2_468, ..Cursor::default() });
    let delivery = &rig.delivery;
    assert_eq!((delivery.lines.get(), delivery.points.get(), delivery.retries.get()), (1_234, 2_468, 0));
    assert_eq!((delivery.requests.get(), delivery.wire_bytes.get()), (13, rig.tsdb.summary().wire_bytes));
    let sent: String = rig.tsdb.requests().iter().map(|request| unpacked(&request.body)).collect();
    let times: Vec<i64> = sent.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
    assert!(times.is_sorted() && times.len() == 1_234);
    // A few later lines go after the delay, though they fill no batch.
    rig.push(lines(2_000..2_003, 0));
    rig.until_read(2_474).await;
    assert_eq!(rig.link.borrow().state, LinkState::Up);
    rig.stop().await;
}

#[tokio::test]
async fn goes_on_where_it_stood_and_counts_what_was_evicted() {
    let mut rig = Rig::new(1);
    let records = lines(0..300, 0);
    rig.push(records[..200].to_vec());
    rig.start();
    rig.until_read(200).await;
    rig.stop().await;
    assert_eq!(rig.tsdb.summary().lines, 100);

    rig.push(records[200..].to_vec());
    rig.lanes[0].1.evict(250);
    rig.start();
    rig.until_read(600).await;
    rig.stop().await;
    rig.assert_sink_holds(&[&records[..200], &records[250..]].concat());
    assert_eq!(rig.tsdb.summary().duplicates, 0);
    assert_eq!(rig.cursor(), Cursor { next: 600, delivered: 550, lost: 50, ..Cursor::default() });
}

#[tokio::test]
async fn an_answer_lost_and_a_restart_between_send_the_same_bytes() {
    let mut rig = Rig::new(1);
    rig.tsdb.set_mode(Mode::StoreThenDrop);
    let records = lines(0..250, 0);
    rig.push(records.clone());
    rig.start();
    rig.until("stored without a word", |rig| rig.tsdb.summary().requests >= 1).await;
    rig.stop().await;
    let first = rig.tsdb.requests()[0].body.clone();
    assert_eq!(rig.cursor(), Cursor::default());

    rig.tsdb.set_mode(Mode::Up);
    // More lines meanwhile: a full batch is cut where it was cut before.
    rig.push(lines(250..300, 0));
    let sent = rig.tsdb.requests().len();
    rig.start();
    rig.until_read(600).await;
    rig.stop().await;
    assert_eq!(rig.tsdb.requests()[sent].body, first);
    rig.assert_sink_holds(&lines(0..300, 0));
}

#[tokio::test]
async fn the_cursor_is_never_ahead_of_the_database() {
    let mut rig = Rig::new(1);
    rig.forward.lines_max = 10;
    rig.start();
    let records = lines(0..400, 0);
    let modes = [Mode::Up, Mode::Down, Mode::StoreThenDrop, Mode::Up, Mode::Drop, Mode::Portal, Mode::Up, Mode::Status(413, None)];
    for (chunk, mode) in records.chunks(100).zip(modes.iter().cycle()) {
        rig.tsdb.set_mode(*mode);
        rig.push(chunk.to_vec());
        let requests = rig.tsdb.summary().requests;
        rig.until("asked", |rig| rig.tsdb.summary().requests > requests).await;
        // Read in this order: what the cursor says must have been stored before.
        let cursor = rig.cursor();
        assert!(cursor.delivered <= rig.tsdb.points().len() as u64, "{mode:?}: {cursor:?}");
    }
    rig.tsdb.set_mode(Mode::Up);
    rig.until_read(800).await;
    rig.stop().await;
    let cursor = rig.cursor();
    assert_eq!(cursor.delivered, 800);
    assert!(rig.lanes[0].1.moves().is_sorted_by_key(|cursor| cursor.next));
    rig.assert_sink_holds(&records);
}

#[tokio::test]
async fn the_first_lane_goes_first_and_the_second_does_not_starve() {
    let mut rig = Rig::new(2);
    let (first, second) = (lines(0..500, 0), lines(0..500, 2));
    rig.lanes[0].1.push(first.clone());
    rig.lanes[1].1.push(second.clone());
    rig.start();
    rig.until("both read", |rig| rig.lanes.iter().all(|(_, memory)| memory.cursor(Sink::Forward).next == 1_000)).await;
    rig.stop().await;
    rig.assert_sink_holds(&[first, second].concat());
    let order: Vec<bool> = rig.tsdb.requests().iter().map(|request| unpacked(&request.body).contains("device_id=a")).collect();
    assert_eq!(order, [true, false].repeat(5), "alternating while both have full batches");
}

#[tokio::test]
async fn stops_in_time_while_the_database_hangs_and_keeps_its_place() {
    let mut rig = Rig::new(1);
    rig.tsdb.set_mode(Mode::Hang);
    rig.push(lines(0..10, 0));
    rig.start();
    rig.until("asked", |rig| rig.delivery.requests.get() >= 1).await;
    assert!(Duration::from_millis(FORWARD_STOP_MS_MAX) < rig.database().timeout);
    rig.stop().await;
    assert_eq!(rig.cursor(), Cursor::default());
}

#[tokio::test]
async fn waits_for_the_stop_signal_when_the_store_has_ended() {
    let mut rig = Rig::new(1);
    rig.start();
    rig.lanes.clear();
    rig.until("said so", |rig| rig.link.borrow().error.as_deref() == Some("the store has stopped")).await;
    rig.stop().await;
}

#[tokio::test]
async fn says_what_is_missing_before_it_starts() {
    let mut rig = Rig::new(1);
    let task = |forward: site::Forward, dead_letter_dir: PathBuf| ForwardTask {
        forward,
        lanes: Vec::new(),
        delivery: Arc::default(),
        way: Way::alone(),
        link: watch::channel(Link::new(0)).0,
        clock: Clock::manual(AT_MS),
        stop: CancellationToken::new(),
        seed: 7,
        replay_dir: dead_letter_dir.join("replay"),
        budget_dir: dead_letter_dir.clone(),
        zone: jiff::tz::TimeZone::UTC,
        dead_letter_dir,
    };
    let dir = rig.dir.path().join("dead");
    let bad_url = site::Database { url: "tsdb:8086".to_owned(), ..rig.database().clone() };
    let no_token = site::Database { login: site::Login::Token("/nowhere/token".into()), ..rig.database().clone() };
    let of = |database| site::Forward { target: site::Target::Database(Box::new(database)), ..rig.forward.clone() };
    let table = [
        (task(of(bad_url), dir.clone()), "tsdb:8086"),
        (task(of(no_token), dir), "/nowhere/token"),
        (task(rig.forward.clone(), rig.dir.path().join("token/dead")), "refused lines"),
    ];
    for (task, words) in table {
        let error = task.prepare().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
