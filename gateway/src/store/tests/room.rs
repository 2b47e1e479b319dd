//! Going round the ring, reading across blocks and files, and making room.

use super::*;
use crate::store::{Cursor, GapReason};

fn with(disk: &SimDisk, bytes_max: u64, overflow: Overflow) -> (Log<SimDisk>, Recovery) {
    let options = Options { overflow, ..options(bytes_max) };
    super::super::open::open_log(options, Clock::manual(NOW_MS), disk.clone(), SMALL).unwrap()
}

/// Lets the log do what it does by itself until nothing is due.
fn settle(log: &mut Log<SimDisk>) {
    for _ in 0..10_000 {
        log.work(Instant::now());
        if log.reducing.is_none() {
            return;
        }
    }
    panic!("making room does not end");
}

fn read_to(log: &mut Log<SimDisk>, next: Seq) {
    log.advance(Sink::Forward, Cursor { next, delivered: next, ..Cursor::default() }, Instant::now());
}

/// What was given up by the gap records that wait, by reason.
fn told(log: &Log<SimDisk>, reason: GapReason) -> u64 {
    log.gaps.iter().filter(|gap| gap.reason == reason).map(|gap| gap.points).sum()
}

#[test]
fn many_laps_read_back_whole_and_survive_reopening() {
    let disk = SimDisk::new(1);
    for lap in 0..5 {
        let (mut log, report) = open(&disk, ROOMY);
        assert_eq!((report.end, report.damaged, report.epoch), (lap * 1940, 0, lap as u32 + 1));
        assert_eq!(report.clean, lap > 0);
        fill(&mut log, 97, 20);
        let (all, lost) = read_all(&mut log, 0);
        assert_eq!((all.len() as u64, lost), (log.end, 0));
        assert_numbered(&all);
        assert!(log.close(Instant::now()));
    }
    assert_eq!(files(&disk, "wal").iter().map(|path| disk.bytes(path).len()).max(), Some(64 * 1024), "the ring never grows");
    assert_eq!(files(&disk, "blk").len(), 2, "one file that is filled, one reserved");
}

#[test]
fn points_wait_an_hour_for_their_block_and_no_longer() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    fill(&mut log, 3, 20);
    let now = Instant::now();
    log.work(now + Duration::from_secs(3_500));
    assert_eq!(log.blocks.end(), 0);
    assert!(log.wake_at().is_some_and(|at| at <= now + Duration::from_secs(3_600)));
    log.work(now + Duration::from_secs(3_601));
    assert_eq!((log.blocks.end(), log.ring.first()), (60, None));
    assert_numbered(&read_all(&mut log, 0).0);
}

#[test]
fn delivered_history_goes_without_being_counted() {
    for overflow in [Overflow::DropOldest, Overflow::Block, Overflow::Thin] {
        let disk = SimDisk::new(1);
        let (mut log, _) = with(&disk, NARROW, overflow);
        for _ in 0..150 {
            fill(&mut log, 15, 20);
            let end = log.end;
            read_to(&mut log, end);
            settle(&mut log);
        }
        assert_eq!((log.evicted, log.thinned, log.gaps.len()), (0, 0, 0), "{overflow:?}");
        assert!(log.bytes_on_disk() <= NARROW, "{overflow:?}: {}", log.bytes_on_disk());
        let start = log.start;
        let (all, lost) = read_all(&mut log, start);
        assert_numbered(&all);
        assert_eq!(all.len() as u64 + lost, log.end - start);
        assert_eq!((log.start > 0, lost > 0), (overflow != Overflow::Thin, overflow == Overflow::Thin), "{overflow:?}: what had to go");
        assert_eq!(log.damaged, 0);
    }
}

#[test]
fn undelivered_points_deleted_for_room_are_counted_exactly_also_after_a_restart() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 2_000, 20);
    // Somewhere inside the oldest block that is held.
    let middle = log.start + 33;
    let gone = log.evicted;
    assert!(gone > 0);
    assert_eq!((gone, told(&log, GapReason::Evicted)), (log.start, log.start));
    read_to(&mut log, middle);
    fill(&mut log, 600, 20);
    assert_eq!(log.evicted, gone + (log.start - middle));
    assert_eq!(told(&log, GapReason::Evicted), log.evicted, "every drop is told");
    let page = log.read(middle, 10, Instant::now());
    assert_eq!((page.lost, page.first), (log.start - middle, log.start));
    let (evicted, start, gaps) = (log.evicted, log.start, log.gaps.clone());
    drop(log);
    let (mut log, report) = open(&disk, NARROW);
    assert_eq!((log.evicted, report.start, report.damaged), (evicted, start, 0));
    assert_eq!(log.gaps, gaps, "told again until somebody has taken it");
    for gap in gaps {
        log.gap_taken(&gap, Instant::now());
    }
    assert!(log.close(Instant::now()));
    assert_eq!(open(&disk, NARROW).0.gaps, []);
}

#[test]
fn a_power_cut_between_counting_and_giving_up_counts_once() {
    for overflow in [Overflow::DropOldest, Overflow::Thin] {
        for crash_in in 0..150 {
            let disk = SimDisk::new(crash_in);
            let (mut log, _) = with(&disk, NARROW, overflow);
            // Excursions, so that files are rewritten and not only deleted.
            fill_kept(&mut log, 1_400, 20, 7);
            disk.state().crash_in = Some(crash_in);
            for _ in 0..60 {
                let end = log.end;
                append(&mut log, vec![numbered(end, 20)]);
                log.commit(Instant::now());
                log.work(Instant::now());
            }
            drop(log);
            disk.crash();
            let (mut log, report) = with(&disk, NARROW, overflow);
            settle(&mut log);
            let (all, lost) = read_all(&mut log, 0);
            assert_numbered(&all);
            assert_eq!(log.evicted + log.thinned, lost, "{overflow:?}, crash after {crash_in}: what is missing is what is counted");
            assert_eq!((report.damaged, all.len() as u64 + lost), (0, log.end), "{overflow:?}, crash after {crash_in}");
            assert_eq!(told(&log, GapReason::Evicted) + told(&log, GapReason::Thinned), lost, "{overflow:?}, crash after {crash_in}");
        }
    }
}

/// Like [`fill`], every `nth` frame more important than routine.
fn fill_kept(log: &mut Log<SimDisk>, frames: u64, points: u64, nth: u64) {
    for frame in 0..frames {
        let mut batch = numbered(log.end, points);
        batch.keep = frame % nth == 0;
        append(log, vec![batch]);
        assert!(log.commit(Instant::now()));
        log.work(Instant::now());
    }
}

#[test]
fn routine_points_go_before_excursions() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill_kept(&mut log, 4_000, 20, 10);
    settle(&mut log);
    let (all, lost) = read_all(&mut log, 0);
    assert_numbered(&all);
    assert_eq!((log.evicted, log.damaged), (lost, 0));
    // Every tenth frame is kept long after the routine ones around it are gone.
    let old: Vec<Seq> = all.iter().map(|(seq, _)| *seq).filter(|seq| *seq < log.end / 2).collect();
    assert!(!old.is_empty() && old.iter().all(|seq| seq / 20 % 10 == 0), "{:?}", &old[..old.len().min(50)]);
    drop(log);
    let (mut log, report) = open(&disk, NARROW);
    assert_eq!((report.damaged, read_all(&mut log, 0).1), (0, lost));
}

#[test]
fn thinning_keeps_the_smallest_the_largest_and_the_last_of_each_span() {
    let disk = SimDisk::new(1);
    let (mut log, _) = with(&disk, NARROW, Overflow::Thin);
    let air = |n: u64| Value::Float((n as f64 * 0.37).sin());
    let at_ms = |n: u64| NOW_MS + n as i64 * 10_000;
    for n in 0..5_000 {
        append(
            &mut log,
            vec![batch(
                1,
                at_ms(n),
                &[(Metric::whole(Point::CabinetAir), air(n)), (Metric::whole(Point::CabinetDoor), Value::Bool(n % 50 == 0))],
            )],
        );
        assert!(log.commit(Instant::now()));
        log.work(Instant::now());
    }
    settle(&mut log);
    assert!(log.thinned > 0 && log.evicted == 0, "{} {}", log.thinned, log.evicted);
    let (all, lost) = read_all(&mut log, 0);
    assert_eq!((lost, told(&log, GapReason::Thinned)), (log.thinned, log.thinned));
    let airs: Vec<(u64, f64)> = all
        .iter()
        .filter_map(|(seq, seen)| match seen.value {
            Value::Float(value) => Some((seq / 2, value)),
            _ => None,
        })
        .collect();
    for (n, value) in &airs {
        assert_eq!(Value::Float(*value), air(*n), "what is left is as it was");
    }
    // Spans that lie in one block whole: smallest and largest of all that was there.
    let thinned_to = log.blocks.all().filter(|(_, _, block)| block.header.thinned).map(|(_, _, block)| block.header.end / 2).max().unwrap();
    let (mut right, mut spans) = (0, 0);
    for span in (NOW_MS / 900_000 + 1)..at_ms(thinned_to) / 900_000 {
        let inside = |n: &u64| at_ms(*n) / 900_000 == span;
        let of = |n: u64| if let Value::Float(value) = air(n) { value } else { 0.0 };
        let was: Vec<f64> = (0..thinned_to).filter(inside).map(of).collect();
        let is: Vec<f64> = airs.iter().filter(|(n, _)| inside(n)).map(|(_, value)| *value).collect();
        let (min, max) =
            (|all: &[f64]| all.iter().copied().fold(f64::MAX, f64::min), |all: &[f64]| all.iter().copied().fold(f64::MIN, f64::max));
        spans += 1;
        right += usize::from(min(&was) == min(&is) && max(&was) == max(&is) && was.last() == is.last() && is.len() < was.len());
    }
    assert!(spans > 5 && right == spans, "{right} of {spans}");
}

#[test]
fn the_policy_to_block_withholds_acknowledgements_until_the_reader_moves() {
    let disk = SimDisk::new(1);
    let (mut log, _) = with(&disk, NARROW, Overflow::Block);
    let mut acks = Acks::new();
    let (mut number, mut now) = (0, Instant::now());
    while !log.state().full || log.state().pending == 0 {
        let mut batch = numbered(number * 20, 20);
        batch.ack = acks.ack(number);
        log.append(Append { batches: vec![batch], mark: None }, now);
        now += Duration::from_millis(100);
        log.work(now);
        number += 1;
        assert!(number < 5_000, "it never fills up");
    }
    assert_eq!((log.evicted, log.thinned, log.start), (0, 0, 0));
    let released = acks.drain().len() as u64;
    assert!(released < number && released * 20 == log.end);
    assert!(log.state().fault.unwrap().contains("used up"));
    let end = log.end;
    read_to(&mut log, end);
    for _ in 0..20 {
        now += Duration::from_secs(4);
        log.work(now);
    }
    assert_eq!((log.state().fault, log.state().full), (None, false));
    assert_eq!(acks.drain().len() as u64, number - released);
    assert_eq!(log.evicted, 0);
}

#[test]
fn the_floor_of_free_space_stops_growth_and_nothing_else() {
    let disk = SimDisk::new(1);
    let options = Options { free_bytes_min: 1 << 30, ..options(ROOMY) };
    let (mut log, _) = super::super::open::open_log(options, Clock::manual(NOW_MS), disk.clone(), SMALL).unwrap();
    fill(&mut log, 12_000, 20);
    let before = (log.bytes_on_disk(), log.evicted);
    assert_eq!(before.1, 0);
    disk.state().free = Some(1 << 29);
    fill(&mut log, 24_000, 20);
    assert!(log.bytes_on_disk() <= before.0 + log.file_bytes, "{} {}", log.bytes_on_disk(), before.0);
    assert!(log.evicted > 0 && log.end - log.start > 10_000 * 20, "{} of {}", log.evicted, log.end);
}

#[test]
fn the_floor_costs_a_file_for_a_file_also_where_files_are_rewritten() {
    for overflow in [Overflow::Thin, Overflow::DropOldest] {
        let disk = SimDisk::new(1);
        let options = Options { free_bytes_min: 1 << 30, overflow, ..options(ROOMY) };
        let (mut log, _) = super::super::open::open_log(options, Clock::manual(NOW_MS), disk.clone(), SMALL).unwrap();
        fill_kept(&mut log, 30_000, 20, 10);
        disk.state().free = Some(1 << 29);
        fill_kept(&mut log, 7_000, 20, 10);
        settle(&mut log);
        let rewritten =
            log.blocks.all().filter(|(_, _, block)| block.header.thinned).map(|(file, ..)| file).collect::<std::collections::BTreeSet<_>>();
        let files = log.blocks.files.len();
        assert!(log.thinned + log.evicted > 0, "{overflow:?}");
        assert!(rewritten.len() <= files / 2, "{overflow:?}: {} of {files} files rewritten for one or two new ones", rewritten.len());
    }
}

#[test]
fn a_lowered_budget_is_kept_at_once() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, 2 * NARROW);
    fill(&mut log, 5_000, 20);
    assert!(log.bytes_on_disk() > NARROW);
    drop(log);
    let (mut log, _) = open(&disk, NARROW);
    fill(&mut log, 200, 20);
    assert!(log.bytes_on_disk() <= NARROW, "{}", log.bytes_on_disk());
    assert_eq!(read_all(&mut log, 0).1, log.start);
}

#[test]
fn a_full_disk_costs_the_oldest_points_not_the_newest() {
    for reserves in [true, false] {
        let disk = SimDisk::new(1);
        disk.state().reserves = reserves;
        let (mut log, _) = open(&disk, 2 * NARROW);
        fill(&mut log, 600, 20);
        let used: usize = disk.files().iter().map(|path| disk.bytes(path).len()).sum();
        disk.state().capacity = Some(used + 1000);
        fill(&mut log, 4_000, 20);
        assert_eq!(log.end, 92_000);
        assert!(log.evicted > 0 && log.state().fault.is_none(), "{:?}", log.state());
        let (all, _) = read_all(&mut log, 0);
        assert_numbered(&all);
    }
}

#[test]
fn more_points_than_a_frame_and_more_names_than_a_page() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    let lane = |n: u64| Metric { point: Point::LaneLevel, part: Part::new(&format!("lane-{n:05}-abcdefgh")).unwrap() };
    let values: Vec<_> = (0..3000).map(|n| (lane(n), Value::Int(n as i64))).collect();
    append(&mut log, vec![batch(2, NOW_MS, &values)]);
    assert!(log.flush(Instant::now()));
    let check = |log: &mut Log<SimDisk>| {
        let (all, lost) = read_all(log, 0);
        assert_eq!((all.len(), lost), (3000, 0));
        for (seq, seen) in all {
            assert_eq!((seen.metric, seen.value), (lane(seq), Value::Int(seq as i64)));
        }
    };
    check(&mut log);
    drop(log);
    check(&mut open(&disk, ROOMY).0);
}

#[test]
fn a_changed_tag_set_is_another_origin_and_the_old_one_stays() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, ROOMY);
    append(&mut log, vec![numbered(0, 10)]);
    assert!(log.flush(Instant::now()));
    drop(log);
    let mut moved = options(ROOMY);
    moved.origins[1] = "device_id=cab-1,district=350103".to_owned();
    let (mut log, _) = super::super::open::open_log(moved, Clock::manual(NOW_MS), disk, SMALL).unwrap();
    append(&mut log, vec![numbered(10, 10)]);
    assert!(log.flush(Instant::now()));
    seal_all(&mut log);
    let (all, _) = read_all(&mut log, 0);
    let tags: Vec<_> = all.iter().map(|(_, seen)| seen.tags.as_str()).collect();
    assert!(tags[..10].iter().all(|tags| tags.ends_with("350102")) && tags[10..].iter().all(|tags| tags.ends_with("350103")), "{tags:?}");
    let page = log.read(0, 20, Instant::now());
    let devices: Vec<_> = page.names.origins.iter().map(|origin| origin.device).collect();
    assert_eq!(devices, [None, Some(DeviceIx(1))], "only the tag set of today is a device of today");
}

#[test]
fn log_time_never_steps_back() {
    let disk = SimDisk::new(1);
    let clock = Clock::manual(NOW_MS);
    let (mut log, _) = super::super::open::open_log(options(ROOMY), clock.clone(), disk.clone(), SMALL).unwrap();
    fill(&mut log, 1, 1);
    clock.set(NOW_MS - 3_600_000);
    fill(&mut log, 1, 1);
    clock.set(NOW_MS + 512);
    fill(&mut log, 1, 1);
    let times: Vec<_> = log.read(0, 10, Instant::now()).records.iter().map(|record| record.log_ms - NOW_MS).collect();
    assert_eq!(times, [0, 0, 500], "in steps of a tenth of a second");
    drop(log);
    assert_eq!(open(&disk, ROOMY).1.newest_at_ms, Some(NOW_MS + 500));
}
