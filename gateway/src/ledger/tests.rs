#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::status::sample;

fn intake(readings: u64, stored: u64, dropped: &[(Fault, u64)]) -> Intake {
    let intake = Intake::default();
    intake.readings.add(readings);
    intake.stored.add(stored);
    for (fault, n) in dropped {
        intake.dropped.add(*fault, *n);
    }
    intake
}

/// `(at_start.end, start, end, pending, queued)` and the cursor `(next, delivered, dead, lost)`.
fn books(log: (u64, u64, u64, u64, u64), cursor: (u64, u64, u64, u64)) -> Books {
    let (at_start, start, end, pending, queued) = log;
    let (next, delivered, dead_lettered, lost) = cursor;
    Books {
        at_start: Durable { end: at_start, ..Durable::default() },
        durable: Durable { start, end, pending, ..Durable::default() },
        queued,
        readers: vec![Cursor { next, delivered, dead_lettered, lost, ..Cursor::default() }],
    }
}

#[test]
fn readings_balance_and_a_loss_of_one_shows() {
    let out_of_range = [(Fault::OutOfRange, 5)];
    let all: [(&str, Intake, Books, i64); 14] = [
        ("nothing yet", intake(0, 0, &[]), books((0, 0, 0, 0, 0), (0, 0, 0, 0)), 0),
        ("everywhere at once", intake(105, 100, &out_of_range), books((0, 0, 90, 7, 3), (80, 79, 1, 0)), 0),
        ("after a restart", intake(105, 100, &out_of_range), books((1_000, 400, 1_100, 0, 0), (1_050, 1_050, 0, 0)), 0),
        ("restart with an old cursor", intake(0, 0, &[]), books((1_000, 400, 1_000, 0, 0), (900, 900, 0, 0)), 0),
        ("only its time was corrected", intake(10, 10, &[(Fault::ClockAhead, 10)]), books((0, 0, 10, 0, 0), (0, 0, 0, 0)), 0),
        ("deleted before it was read, reader knows", intake(100, 100, &[]), books((0, 40, 100, 0, 0), (40, 10, 0, 30)), 0),
        ("deleted before it was read, reader does not know", intake(100, 100, &[]), books((0, 40, 100, 0, 0), (10, 10, 0, 0)), 0),
        ("delivered history deleted", intake(100, 100, &[]), books((0, 40, 100, 0, 0), (60, 60, 0, 0)), 0),
        ("neither stored nor dropped", intake(106, 100, &out_of_range), books((0, 0, 100, 0, 0), (100, 100, 0, 0)), 1),
        ("lost between the threads", intake(100, 100, &[]), books((0, 0, 90, 7, 2), (0, 0, 0, 0)), 1),
        ("lost on the way to flash", intake(100, 100, &[]), books((0, 0, 90, 9, 0), (0, 0, 0, 0)), 1),
        ("skipped by the reader without a word", intake(100, 100, &[]), books((0, 0, 100, 0, 0), (51, 50, 0, 0)), 1),
        ("stored twice", intake(100, 100, &[]), books((0, 0, 101, 0, 0), (0, 0, 0, 0)), -1),
        ("counted as delivered twice", intake(100, 100, &[]), books((0, 0, 100, 0, 0), (50, 51, 0, 0)), -1),
    ];
    for (case, intake, books, missing) in all {
        let row = Account::readings(&intake, &books);
        assert_eq!(row.missing(), missing, "{case}: {row}");
        assert_eq!(row.received, books.at_start.end + intake.readings.get(), "{case}");
    }
}

#[test]
fn messages_are_accepted_or_refused() {
    for (case, accepted, duplicate, missing) in [("all", 7, 3, 0), ("one forgotten", 6, 3, 1), ("one twice", 7, 4, -1)] {
        let intake = Intake::default();
        intake.messages.add(10);
        intake.accepted.add(accepted);
        intake.refused.add(Fault::Duplicate, duplicate);
        assert_eq!(Account::messages(&intake).missing(), missing, "{case}");
    }
}

#[test]
fn metrics_count_dead_letters_and_go_on_after_a_restart() {
    let intake = Intake::default();
    intake.produced.add(50);
    let row = Account::metrics(&intake, &books((200, 0, 240, 10, 0), (230, 227, 3, 0)));
    assert_eq!((row.received, row.delivered, row.buffered, row.dead_lettered, row.missing()), (250, 227, 20, 3, 0));
}

#[test]
fn gone_points_are_named_by_what_the_store_gave_up_and_damaged_otherwise() {
    // (case, the log's start and the reader's cursor, evicted, thinned, what is told, still buffered)
    type Told<'a> = &'a [(&'static str, u64)];
    let cases: [(&str, u64, (u64, u64, u64, u64), u64, u64, Told<'_>, u64); 8] = [
        ("read before", 40, (40, 40, 0, 0), 0, 0, &[], 60),
        ("deleted", 40, (40, 10, 0, 30), 30, 0, &[("evicted", 30)], 60),
        ("deleted and damaged", 40, (40, 10, 0, 30), 25, 0, &[("damaged", 5), ("evicted", 25)], 60),
        ("thinned out, the reader has been there", 0, (40, 10, 0, 30), 0, 30, &[("thinned", 30)], 60),
        ("thinned out ahead of the reader", 0, (10, 10, 0, 0), 0, 30, &[], 90),
        ("thinned out, half of it passed", 0, (30, 10, 0, 20), 0, 45, &[("thinned", 20)], 70),
        ("thinned out, then deleted unseen", 40, (10, 10, 0, 0), 5, 25, &[("evicted", 5), ("thinned", 25)], 60),
        ("all at once", 40, (40, 10, 0, 30), 10, 12, &[("damaged", 8), ("evicted", 10), ("thinned", 12)], 60),
    ];
    for (case, start, cursor, evicted, thinned, told, buffered) in cases {
        let mut books = books((0, start, 100, 0, 0), cursor);
        (books.durable.evicted, books.durable.thinned) = (evicted, thinned);
        let row = Account::readings(&intake(100, 100, &[]), &books);
        assert_eq!(row.dropped, told.iter().copied().collect(), "{case}");
        assert_eq!((row.buffered, row.missing()), (buffered, 0), "{case}: {row}");
    }
}

#[test]
fn points_that_never_reached_flash_were_received_and_dropped() {
    // (case, lost before this start and in all, the log, the reader's next, received, missing)
    let cases: [(&str, u64, u64, (u64, u64, u64, u64, u64), u64, u64, i64); 6] = [
        ("in this run", 0, 8, (0, 0, 90, 2, 0), 90, 100, 0),
        ("before this run", 8, 8, (1_000, 0, 1_100, 0, 0), 1_100, 1_108, 0),
        ("before and in this run", 8, 20, (1_000, 0, 1_080, 3, 5), 1_000, 1_108, 0),
        ("not counted", 0, 0, (0, 0, 90, 2, 0), 90, 100, 8),
        ("counted, but still pending", 0, 8, (0, 0, 90, 10, 0), 90, 100, -8),
        ("counted, but not as taken", 0, 8, (0, 0, 90, 2, 8), 90, 100, -8),
    ];
    for (case, before, in_all, log, next, received, missing) in cases {
        let mut books = books(log, (next, next, 0, 0));
        (books.at_start.no_disk, books.durable.no_disk) = (before, in_all);
        let row = Account::readings(&intake(100, 100, &[]), &books);
        assert_eq!((row.received, row.missing()), (received, missing), "{case}: {row}");
        assert_eq!(row.dropped.get("no_disk").copied().unwrap_or(0), in_all, "{case}");
    }
}

#[test]
fn the_reader_furthest_behind_decides() {
    let mut books = books((0, 0, 100, 0, 0), (100, 100, 0, 0));
    books.readers.push(Cursor { next: 60, delivered: 58, dead_lettered: 2, ..Cursor::default() });
    let row = Account::readings(&intake(100, 100, &[]), &books);
    assert_eq!((row.delivered, row.buffered, row.dead_lettered, row.missing()), (58, 40, 2, 0));
}

#[test]
fn without_a_reader_everything_waits() {
    let mut books = books((0, 0, 100, 0, 0), (0, 0, 0, 0));
    books.readers.clear();
    let row = Account::readings(&intake(100, 100, &[]), &books);
    assert_eq!((row.buffered, row.missing()), (100, 0));
}

#[test]
fn absurd_numbers_neither_wrap_nor_stop() {
    let row = Account::readings(
        &intake(u64::MAX, 0, &[(Fault::OutOfRange, u64::MAX)]),
        &books((u64::MAX, 9, 0, u64::MAX, 1), (0, u64::MAX, u64::MAX, u64::MAX)),
    );
    assert_eq!(row.missing(), i64::MIN);
}

#[test]
fn a_row_reads_as_an_equation_and_rows_align() {
    let (readings, outbox) = sample::books();
    let rows = accounts(&sample::intake(), &readings, &outbox).map(|row| row.to_string());
    assert_eq!(
        rows,
        [
            "messages  received       290000 = delivered       289980 + buffered          0 + dropped       20 (undecodable 3, unknown_device 17) + dead-lettered      0",
            "readings  received      4600041 = delivered      4599100 + buffered        900 + dropped       41 (out_of_range 40, wrong_type 1) + dead-lettered      0",
            "metrics   received        50000 = delivered        49597 + buffered        400 + dropped        0 + dead-lettered      3",
        ]
    );
    let short = Account { received: 5, delivered: 3, ..Account::default() }.closed().to_string();
    assert!(short.ends_with("  MISSING 2"), "{short}");
    let over = Account { received: 3, delivered: 5, ..Account::default() }.closed().to_string();
    assert!(over.ends_with("  TOO MANY 2"), "{over}");
}
