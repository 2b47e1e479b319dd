//! What the database refuses: taken apart down to the line, and nothing beside it lost.

use super::*;
use facility_config::limits::{FORWARD_REFUSALS_IN_A_ROW_MAX, FORWARD_SERVER_ERRORS_MAX};
use facility_drivers::sim::tsdb::Partly;

#[tokio::test]
async fn only_the_refused_line_goes_to_the_dead_letter() {
    for (status, at) in [(400, 0), (400, 500), (422, 999), (500, 0), (500, 437), (500, 999)] {
        let mut rig = Rig::new(1);
        rig.forward.lines_max = 1_000;
        rig.tsdb.refuse_lines_with("poison", status);
        let (before, poison, after) = (lines(0..at, 0), lines(at..at + 1, 1), lines(at + 1..1_000, 2));
        let good = [before.clone(), after.clone()].concat();
        rig.push([before, poison, after].concat());
        rig.start();
        if (status, at) == (500, 999) {
            // The last line said to be a server error: only a newer line can prove that the database works.
            rig.until_read(1_998).await;
            rig.until("suspected", |rig| {
                rig.tsdb.requests().iter().filter(|request| unpacked(&request.body).lines().count() == 1).count() >= 5
            })
            .await;
            let newer = lines(1_000..1_001, 0);
            rig.push(newer.clone());
            rig.until_read(2_002).await;
            rig.assert_sink_holds(&[good, newer].concat());
        } else {
            rig.until_read(2_000).await;
            rig.assert_sink_holds(&good);
        }
        rig.stop().await;
        let letters = rig.dead_letters();
        let expected = format!("cabinet_5m,device_id=poison coverage={:?},door_openings={at}i {}", at as f64 / 8.0, AT_MS + at);
        let got: Vec<_> = letters.trim().lines().collect();
        assert_eq!((got.len(), got[1]), (2, expected.as_str()), "{status} at {at}: {letters}");
        assert!(got[0].contains(&status.to_string()), "{letters}");
        if status != 500 {
            assert!(got[0].contains("field type conflict"), "{letters}");
        }
        assert_eq!((rig.cursor().dead_lettered, rig.delivery.dead_lettered.get()), (2, 2));
        assert_eq!(rig.cursor().delivered + 2, rig.cursor().next);
    }
}

#[tokio::test]
async fn server_errors_for_hours_give_up_no_line() {
    let mut rig = Rig::new(1);
    rig.tsdb.set_mode(Mode::Status(500, None));
    let records = lines(0..16, 0);
    rig.push(records.clone());
    rig.start();
    // Long enough to be taken apart down to single lines, and those tried again and again.
    let enough = u64::from(FORWARD_SERVER_ERRORS_MAX) * 20;
    rig.until("taken apart", |rig| rig.tsdb.summary().requests >= enough).await;
    assert_eq!((rig.cursor(), rig.dead_letters().as_str()), (Cursor::default(), ""));
    rig.tsdb.set_mode(Mode::Up);
    rig.until_read(32).await;
    rig.assert_sink_holds(&records);
    assert_eq!(rig.dead_letters(), "");
    rig.stop().await;
}

#[tokio::test]
async fn a_database_that_refuses_everything_slows_the_dead_letters_down() {
    let mut rig = Rig::new(1);
    rig.forward.lines_max = 1_000;
    rig.tsdb.refuse_lines_with("cabinet", 400);
    rig.push(lines(0..200, 0));
    rig.start();
    rig.until("said so", |rig| rig.link.borrow().error.as_ref().is_some_and(|error| error.contains("every line is refused"))).await;
    assert_eq!(rig.link.borrow().state, LinkState::Denied);
    rig.tsdb.refuse_lines_with("nothing", 400);
    rig.until_read(400).await;
    rig.stop().await;
    let cursor = rig.cursor();
    assert_eq!(cursor.delivered + cursor.dead_lettered, 400);
    assert!(cursor.dead_lettered >= 2 * u64::from(FORWARD_REFUSALS_IN_A_ROW_MAX), "{cursor:?}");
    assert_eq!(rig.tsdb.summary().points, cursor.delivered);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved_and_the_size_remembered() {
    let mut rig = Rig::new(1);
    rig.forward.lines_max = 10_000;
    rig.tsdb.limit_body(Some(30_000));
    let records = lines(0..4_000, 0);
    rig.push(records.clone());
    rig.start();
    rig.until_read(8_000).await;
    rig.assert_sink_holds(&records);
    let refused = |rig: &Rig| rig.tsdb.requests().iter().filter(|request| request.status == 413).count();
    let learning = refused(&rig);
    assert!((1..=4).contains(&learning), "{learning}");
    rig.push(lines(4_000..8_000, 0));
    rig.until_read(16_000).await;
    assert_eq!((refused(&rig), rig.dead_letters().as_str()), (learning, ""));
    rig.stop().await;
}

#[tokio::test]
async fn a_proxy_that_takes_nothing_costs_no_line() {
    let mut rig = Rig::new(1);
    rig.tsdb.limit_body(Some(0));
    let records = lines(0..100, 0);
    rig.push(records.clone());
    rig.start();
    rig.until("said so", |rig| rig.link.borrow().error.as_ref().is_some_and(|error| error.contains("even a single line"))).await;
    rig.tsdb.limit_body(None);
    rig.until_read(200).await;
    rig.assert_sink_holds(&records);
    assert_eq!((rig.cursor().dead_lettered, rig.dead_letters().as_str()), (0, ""));
    rig.stop().await;
}

#[tokio::test]
async fn of_a_partial_write_only_the_refused_lines_are_given_up() {
    for (how, bad) in
        [(Partly::Listed, vec![(0, 1), (500, 503), (999, 1_000)]), (Partly::Listed, vec![(0, 1_000)]), (Partly::Counted, vec![(7, 9)])]
    {
        let mut rig = Rig::new(1);
        rig.forward.lines_max = 1_000;
        rig.tsdb.refuse_partly("poison", how);
        let is_bad = |at: &i64| bad.iter().any(|(from, to)| (from..to).contains(&at));
        let good: Vec<Record> = (0..1_000).filter(|at| !is_bad(at)).flat_map(|at| lines(at..at + 1, 0)).collect();
        rig.push((0..1_000).flat_map(|at| lines(at..at + 1, u32::from(is_bad(&at)))).collect());
        let refused = 2 * bad.iter().map(|(from, to)| to - from).sum::<i64>() as u64;
        rig.start();
        if refused == 2_000 {
            // More than a list holds, and nothing but refusals: found one by one until that is too odd.
            rig.until("said so", |rig| rig.link.borrow().error.as_ref().is_some_and(|why| why.contains("every line is refused"))).await;
            rig.stop().await;
            assert_eq!(rig.tsdb.summary().lines, 0);
            continue;
        }
        rig.until_read(2_000).await;
        rig.stop().await;
        rig.assert_sink_holds(&good);
        let cursor = rig.cursor();
        assert_eq!((cursor.delivered, cursor.dead_lettered), (2_000 - refused, refused), "{how:?}");
        let letters = rig.dead_letters();
        assert_eq!(letters.matches("poison").count() as u64, refused / 2, "{letters}");
        if how == Partly::Listed {
            assert_eq!((rig.tsdb.summary().requests, rig.tsdb.summary().duplicates), (1, 0), "the list is believed");
        }
    }
}

#[test]
fn a_list_that_names_other_lines_is_not_believed() {
    let mut packer = batch::Packer::new(0, &[Class::Metric], Bounds { lines: 10, bytes: 10_000 });
    let records = lines(0..4, 0);
    let names = Arc::new(names());
    packer.take(&crate::store::Page { first: 0, next: 8, lost: 0, records, names });
    let batch = packer.finish();
    let one = |nth: usize, line: &str| vec![outcome::Rejected { nth, line: line.to_owned(), why: String::new() }];
    let line = batch.text(2..3).trim_end().to_owned();
    for (refused, expected) in
        [(one(1, &line), true), (one(1, ""), true), (one(1, &line[..9]), true), (one(0, &line), false), (one(3, ""), false)]
    {
        assert_eq!(deliver::are_these(&refused, &batch, &(1..4)), expected, "{refused:?}");
    }
}
