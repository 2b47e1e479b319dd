//! Boards that do not know the time when they start: what was taken meanwhile is kept, held back and put right.

use super::*;
use crate::store::history::HistoryQuery;
use crate::store::record::PROVISIONAL;

const HOUR_MS: i64 = 3_600_000;

fn open_at(disk: &SimDisk, clock: &Clock) -> (Log<SimDisk>, Recovery) {
    super::super::open::open_log(options(ROOMY), clock.clone(), disk.clone(), SMALL).unwrap()
}

/// One reading of the gateway's own time, and one whose device knows better.
fn taken(log: &mut Log<SimDisk>, clock: &Clock, device_ms: i64) {
    clock.pass(1_000);
    let mut own = batch(1, clock.now_ms(), &[(Metric::whole(Point::CabinetAir), Value::Int(log.end as i64))]);
    own.provisional = !clock.is_set();
    let known = batch(2, device_ms, &[(Metric::whole(Point::CabinetAir), Value::Int(log.end as i64 + 1))]);
    append(log, vec![own, known]);
    assert!(log.commit(Instant::now()));
    log.work(Instant::now());
}

/// Times and flags of all records from a position on.
fn times(log: &mut Log<SimDisk>, from: Seq) -> Vec<(i64, i64, u8)> {
    let (mut at, mut all) = (from, Vec::new());
    loop {
        let page = log.read(at, 1_000, Instant::now());
        all.extend(page.records.iter().map(|record| (record.at_ms, record.log_ms, record.flags)));
        if page.next == at {
            return all;
        }
        at = page.next;
    }
}

#[test]
fn provisional_times_are_held_back_and_put_right_when_the_clock_is_set() {
    // Read from the ring, from a block made before the clock was set, from one made after; also after a restart.
    for (seal_before, seal_after, restart) in
        [(false, false, false), (true, false, false), (false, true, false), (true, true, true), (false, false, true)]
    {
        let case = format!("sealed before {seal_before}, after {seal_after}, restart {restart}");
        let (disk, clock) = (SimDisk::new(1), Clock::manual(NOW_MS));
        let (mut log, _) = open_at(&disk, &clock);
        taken(&mut log, &clock, NOW_MS);
        drop(log);
        // Three hours without power; the board believes that no time has passed.
        clock.reboot(NOW_MS);
        let (mut log, _) = open_at(&disk, &clock);
        for _ in 0..3 {
            taken(&mut log, &clock, NOW_MS + 3 * HOUR_MS);
        }
        if seal_before {
            seal_all(&mut log);
        }
        assert_eq!(times(&mut log, 0), [(NOW_MS + 1_000, NOW_MS + 1_000, 0), (NOW_MS, NOW_MS + 1_000, 0)], "{case}: nobody reads a guess");
        assert_eq!(log.state().held_from, Some(2));
        let log = if restart {
            drop(log);
            disk.crash();
            let (log, report) = open_at(&disk, &clock);
            assert_eq!((report.end, log.state().held_from), (8, Some(2)), "{case}");
            log
        } else {
            log
        };
        let mut log = log;
        clock.pass(60_000);
        clock.set(clock.now_ms() + 3 * HOUR_MS);
        log.work(Instant::now());
        assert_eq!(log.state().held_from, None);
        taken(&mut log, &clock, NOW_MS + 4 * HOUR_MS);
        if seal_after {
            seal_all(&mut log);
        }
        let check = |log: &mut Log<SimDisk>| {
            let seen = times(log, 2);
            for nth in 0..3 {
                let real = NOW_MS + 3 * HOUR_MS + 1_000 * (nth as i64 + 1);
                assert_eq!(seen[2 * nth], (real, real, PROVISIONAL), "{case}");
                assert_eq!(seen[2 * nth + 1], (NOW_MS + 3 * HOUR_MS, real, 0), "{case}: a device that knows the time is believed");
            }
            assert!(seen[6].0 > seen[4].0 && seen[6].2 == 0 && seen.iter().map(|(_, log_ms, _)| *log_ms).is_sorted(), "{case}: {seen:?}");
            let query = HistoryQuery {
                tag: "device_id=cab-1".to_owned(),
                metric: Metric::whole(Point::CabinetAir),
                from_ms: NOW_MS + 3 * HOUR_MS,
                to_ms: NOW_MS + 3 * HOUR_MS + 3_500,
                buckets: None,
                from: 0,
            };
            assert_eq!(log.history(&query).samples.len(), 3, "{case}");
        };
        check(&mut log);
        drop(log);
        disk.crash();
        check(&mut open_at(&disk, &clock).0);
    }
}

#[test]
fn a_restart_of_the_gateway_is_no_restart_of_the_board() {
    let (disk, clock) = (SimDisk::new(1), Clock::manual(NOW_MS));
    clock.reboot(NOW_MS);
    for _ in 0..3 {
        let (mut log, _) = open_at(&disk, &clock);
        taken(&mut log, &clock, NOW_MS);
    }
    clock.set(clock.now_ms() + HOUR_MS);
    let (mut log, _) = open_at(&disk, &clock);
    let own: Vec<i64> = times(&mut log, 0).iter().filter(|(.., flags)| *flags != 0).map(|(at_ms, ..)| *at_ms).collect();
    assert_eq!(own, [1_000, 2_000, 3_000].map(|ms| NOW_MS + HOUR_MS + ms));
}

#[test]
fn a_boot_that_never_knew_the_time_is_told_as_it_guessed_in_its_place() {
    let (disk, clock) = (SimDisk::new(1), Clock::manual(NOW_MS));
    clock.reboot(NOW_MS);
    let (mut log, _) = open_at(&disk, &clock);
    taken(&mut log, &clock, NOW_MS);
    drop(log);
    clock.reboot(NOW_MS + 1_000);
    let (mut log, report) = open_at(&disk, &clock);
    assert_eq!(report.newest_at_ms, Some(NOW_MS + 1_000));
    taken(&mut log, &clock, NOW_MS);
    assert_eq!(times(&mut log, 0), [], "the order is kept: nothing passes what is held");
    clock.set(NOW_MS + HOUR_MS);
    log.work(Instant::now());
    let own: Vec<i64> = times(&mut log, 0).iter().filter(|(.., flags)| *flags != 0).map(|(at_ms, ..)| *at_ms - NOW_MS).collect();
    assert_eq!(own, [1_000, HOUR_MS]);
}

#[test]
fn a_power_cut_at_any_step_of_setting_the_clock_puts_times_right_once() {
    for crash_in in 0..40 {
        let (disk, clock) = (SimDisk::new(crash_in), Clock::manual(NOW_MS));
        disk.state().garbage = true;
        clock.reboot(NOW_MS);
        let (mut log, _) = open_at(&disk, &clock);
        taken(&mut log, &clock, NOW_MS);
        seal_all(&mut log);
        taken(&mut log, &clock, NOW_MS);
        disk.state().crash_in = Some(crash_in);
        clock.set(clock.now_ms() + HOUR_MS);
        log.work(Instant::now());
        log.seal_due(Instant::now() + Duration::from_secs(4_000));
        drop(log);
        disk.crash();
        let (mut log, _) = open_at(&disk, &clock);
        let own: Vec<i64> =
            times(&mut log, 0).iter().filter(|(.., flags)| *flags != 0).map(|(at_ms, ..)| *at_ms - NOW_MS - HOUR_MS).collect();
        assert_eq!(own, [1_000, 2_000], "crash after {crash_in}");
    }
}
