#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::store::Names;
use facility_config::Point;
use facility_drivers::{Quality, Value};
use proptest::prelude::*;
use std::sync::Arc;

const METRICS: &[Class] = &[Class::Metric];
const LARGE: Bounds = Bounds { lines: 100, bytes: 100_000 };

fn names() -> Arc<Names> {
    let metric = |name: &str, part: &str| MetricName { name: name.into(), part: Part::new(part).unwrap(), point: Point::from_name(name) };
    Arc::new(Names {
        origins: ["device_id=a", "device_id=b", "device_id=c,kind=locker"].map(|tags| Origin { tags: tags.into(), device: None }).to_vec(),
        metrics: vec![
            metric("vending_5m.vends", ""),
            metric("vending_5m.vend_fails", ""),
            metric("device_5m.received", ""),
            metric("locker.comp_total", ""),
            metric("alarm.active", "r"),
            metric("nodot", ""),
            metric("event.key", "deposit"),
            metric("compartment.occupied", "7"),
            metric("event.count", "deposit"),
            metric("vending_5m.rev", ""),
            metric("alarm.rev", "r"),
        ],
    })
}

fn record(origin: u32, metric: u32, at_ms: i64) -> Record {
    Record { origin, metric, flags: 0, at_ms, log_ms: at_ms, value: Value::Int(7) }
}

fn missing(origin: u32, metric: u32, at_ms: i64) -> Record {
    Record { value: Value::Missing(Quality::CommError), ..record(origin, metric, at_ms) }
}

/// Everything of a log that begins at `start`, read from 0 in pages of `page_len`.
fn pages(records: &[Record], start: Seq, page_len: usize) -> Vec<Page> {
    let mut from = 0;
    let mut pages = Vec::new();
    for (at, chunk) in records.chunks(page_len).enumerate() {
        let first = start + (at * page_len) as Seq;
        let next = first + chunk.len() as Seq;
        pages.push(Page { first, next, lost: first - from, records: chunk.to_vec(), names: names() });
        from = next;
    }
    pages
}

fn pack(pages: &[Page], bounds: Bounds) -> Batch {
    let mut packer = Packer::new(0, METRICS, bounds);
    for page in pages {
        packer.take(page);
    }
    packer.finish()
}

#[test]
fn what_a_budget_leaves_out_is_counted_and_what_is_sent_again_is_of_its_time() {
    use crate::store::record::KEEP;
    // A locker reading three times in one quarter of an hour, the second of an excursion; a short window; an alarm.
    let kept = Record { flags: KEEP, ..record(0, 3, 20) };
    let records = [record(0, 3, 10), kept, record(0, 3, 30), record(0, 0, 40), record(0, 4, 50)];
    let classes = &[Class::Reading, Class::Metric, Class::Event];
    let times = |batch: &Batch| -> Vec<i64> {
        batch.text(0..batch.len()).lines().map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
    };
    let cases: [(Level, &[i64], u64); 4] = [
        (Level::All, &[10, 20, 30, 40, 50], 0),
        (Level::ThinReadings, &[10, 20, 40, 50], 1),
        (Level::NoReadings, &[40, 50], 3),
        (Level::NoShort, &[50], 4),
    ];
    for (level, sent, left_out) in cases {
        let mut thinner = Thinner::default();
        let mut packer = Packer::new(0, classes, LARGE).within(level, &mut thinner);
        pages(&records, 0, 2).iter().for_each(|page| packer.take(page));
        let batch = packer.finish();
        let share = batch.share(0..batch.len());
        assert_eq!((times(&batch).as_slice(), share.over_budget, share.points + share.over_budget), (sent, left_out, 5), "{level:?}");
    }
    let mut packer = Packer::new(0, classes, LARGE).no_short_windows();
    pages(&records, 0, 10).iter().for_each(|page| packer.take(page));
    let batch = packer.finish();
    assert_eq!((times(&batch).as_slice(), batch.share(0..4).passed), (&[10, 20, 30, 50][..], 1), "what was never asked for is no loss");
    let mut packer = Packer::new(0, classes, LARGE).of(20..50);
    pages(&records, 0, 10).iter().for_each(|page| packer.take(page));
    let batch = packer.finish();
    assert_eq!((times(&batch).as_slice(), batch.share(0..3).passed), (&[20, 30, 40][..], 2));
}

#[test]
fn a_revised_row_stands_beside_the_earlier_ones_or_over_them() {
    let rev = |at_ms: i64, rev: i64| Record { value: Value::Int(rev), ..record(0, 9, at_ms) };
    let row = |at_ms: i64, number: i64| [record(0, 0, at_ms), record(0, 1, at_ms), rev(at_ms, number)];
    let as_text = Record { value: Value::Text("2".into()), ..record(0, 9, 5_000) };
    let table: [(&str, Vec<Record>, &[i64], &[i64]); 8] = [
        ("a first issue", vec![record(0, 0, 5_000), record(0, 1, 5_000)], &[5_000], &[5_000]),
        ("its number, if one was told", row(5_000, 0).to_vec(), &[5_000], &[5_000]),
        ("a revision", row(5_000, 1).to_vec(), &[5_000], &[5_001]),
        ("behind it the next window", [row(5_000, 3), row(10_000, 1)].concat(), &[5_000, 10_000], &[5_003, 10_001]),
        (
            "behind it the next issue, which begins with a field that it lacks",
            [&row(5_000, 1)[1..], &row(5_000, 2)].concat(),
            &[5_000, 5_000],
            &[5_001, 5_002],
        ),
        ("never in another window", row(5_000, i64::MAX).to_vec(), &[5_000], &[5_999]),
        ("no such number", [row(5_000, -7), row(10_000, i64::MIN)].concat(), &[5_000, 10_000], &[5_000, 10_000]),
        ("an event and a text are none", vec![Record { metric: 10, ..rev(5_000, 2) }, as_text], &[5_000, 5_000], &[5_000, 5_000]),
    ];
    for (case, records, over, beside) in table {
        for (revisions, expected) in [(Revisions::Over, over), (Revisions::Beside, beside)] {
            for page_len in 1..=records.len() {
                let mut packer = Packer::new(0, &[Class::Metric, Class::Event], LARGE).revisions(revisions);
                pages(&records, 0, page_len).iter().for_each(|page| packer.take(page));
                let batch = packer.finish();
                let times: Vec<i64> =
                    batch.text(0..batch.len()).lines().map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
                assert_eq!(times, expected, "{case}, {revisions:?}, pages of {page_len}");
            }
        }
    }
    // What is sent again is found by the start of its window, and is what it was.
    let mut packer = Packer::new(0, METRICS, LARGE).revisions(Revisions::Beside).of(5_000..5_001).not_before(5_000);
    pages(&[row(4_999, 1), row(5_000, 2), row(5_001, 1)].concat(), 0, 4).iter().for_each(|page| packer.take(page));
    let batch = packer.finish();
    assert_eq!(batch.text(0..batch.len()), "vending_5m,device_id=a vends=7i,vend_fails=7i,rev=2i 5002\n");
}

#[test]
fn of_readings_only_the_selected_ones_are_sent_and_everything_else_as_ever() {
    use facility_config::{Kind, Measurement};
    // A vending figure; a locker reading of a device without a kind, and of a locker; an alarm.
    let records = [record(0, 0, 10), record(0, 3, 11), record(2, 3, 12), record(0, 4, 13)];
    let select = |measurements: &[Measurement], kinds: &[Kind]| Selection { measurements: measurements.to_vec(), kinds: kinds.to_vec() };
    let cases: [(Selection, &[i64]); 5] = [
        (Selection::default(), &[10, 11, 12, 13]),
        (select(&[Measurement::Locker, Measurement::Cabinet], &[]), &[10, 11, 12, 13]),
        (select(&[Measurement::Cabinet], &[]), &[10, 13]),
        (select(&[], &[Kind::Locker]), &[10, 12, 13]),
        (select(&[Measurement::Locker], &[Kind::Meter]), &[10, 13]),
    ];
    for (selection, sent) in cases {
        let mut packer = Packer::new(0, &[Class::Reading, Class::Metric, Class::Event], LARGE).only(&selection);
        pages(&records, 0, 10).iter().for_each(|page| packer.take(page));
        let batch = packer.finish();
        let text = batch.text(0..batch.len());
        let times: Vec<i64> = text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
        assert_eq!(times, sent, "{selection:?}");
        let share = batch.share(0..batch.len());
        assert_eq!((share.next, share.points + share.passed), (4, 4), "{selection:?}");
    }
}

#[test]
fn what_the_destination_does_not_keep_is_left_behind_and_counted() {
    // Of a line too old nothing is sent, what has no value is passed over as ever.
    let records = [record(0, 0, 9), record(0, 1, 9), missing(0, 2, 9), record(0, 0, 10), record(1, 0, 8), record(1, 0, 11)];
    let mut packer = Packer::new(0, METRICS, LARGE).not_before(10);
    pages(&records, 0, 10).iter().for_each(|page| packer.take(page));
    let batch = packer.finish();
    let times: Vec<&str> = batch.text(0..2).lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
    assert_eq!((times, batch.len()), (vec!["10", "11"], 2));
    assert_eq!(batch.share(0..2), Share { next: 6, points: 2, passed: 1, expired: 3, ..Share::default() });
    let mut packer = Packer::new(0, METRICS, LARGE).not_before(99);
    pages(&records, 0, 10).iter().for_each(|page| packer.take(page));
    assert_eq!(packer.finish().passed(), Some(Share { next: 6, passed: 1, expired: 5, ..Share::default() }));
}

#[test]
fn what_stays_here_is_passed_over_whatever_is_sent() {
    let mut packer = Packer::new(0, &[Class::Reading, Class::Metric, Class::Event], LARGE);
    // An alarm; an event's key; a compartment; a parcel put in, which only a locker keeps to itself.
    let records = [record(0, 4, 10), record(0, 6, 10), record(0, 7, 10), record(2, 8, 10), record(0, 8, 10)];
    pages(&records, 0, 10).iter().for_each(|page| packer.take(page));
    let batch = packer.finish();
    assert_eq!(batch.text(0..batch.len()), "alarm,device_id=a,rule=r active=7i 10\nevent,device_id=a,type=deposit count=7i 10\n");
    assert_eq!(batch.share(0..2), Share { next: 5, points: 2, passed: 3, ..Share::default() });
}

#[test]
fn fields_of_one_moment_make_one_line() {
    let records = [
        record(0, 0, 10),
        record(0, 1, 10),
        record(0, 2, 10),  // other measurement
        record(1, 2, 10),  // other device
        record(1, 2, 10),  // the same field again
        record(1, 2, 11),  // other time
        missing(1, 2, 12), // no value
        record(0, 3, 12),  // not of this lane's class
        record(9, 0, 12),  // unknown to the dictionary
        record(0, 5, 12),  // not a name
        missing(0, 0, 13),
        record(0, 1, 13),
    ];
    let lines = "vending_5m,device_id=a vends=7i,vend_fails=7i 10\n\
                 device_5m,device_id=a received=7i 10\n\
                 device_5m,device_id=b received=7i 10\n\
                 device_5m,device_id=b received=7i 10\n\
                 device_5m,device_id=b received=7i 11\n\
                 vending_5m,device_id=a vend_fails=7i 13\n";
    for page_len in 1..=records.len() {
        let batch = pack(&pages(&records, 0, page_len), LARGE);
        assert_eq!(batch.text(0..batch.len()), lines, "pages of {page_len}");
        assert_eq!(batch.share(0..batch.len()), Share { next: 12, points: 7, passed: 5, ..Share::default() });
        assert_eq!(batch.text(1..3), "device_5m,device_id=a received=7i 10\ndevice_5m,device_id=b received=7i 10\n");
        assert_eq!(batch.share(0..1), Share { next: 2, points: 2, passed: 0, ..Share::default() });
    }
}

#[test]
fn nothing_to_send_still_moves_on() {
    let batch = pack(&pages(&[missing(0, 0, 1), record(0, 3, 1)], 5, 10), LARGE);
    assert!(batch.is_empty());
    assert_eq!(batch.passed(), Some(Share { next: 7, passed: 2, lost: 5, ..Share::default() }));
    assert_eq!(pack(&[], LARGE).passed(), None);
}

#[test]
fn lost_points_are_counted_where_they_were() {
    let mut log = pages(&[record(0, 0, 1), record(0, 1, 1)], 3, 10);
    // A hole behind the page, as long as a damaged frame: the second half of the line is another line.
    log[0].lost += 4;
    log[0].next += 4;
    log.push(Page { first: 9, next: 10, lost: 0, records: vec![record(0, 2, 1)], names: names() });
    let batch = pack(&log, LARGE);
    assert_eq!(batch.len(), 2);
    assert_eq!(batch.share(0..1), Share { next: 5, points: 2, passed: 0, lost: 3, ..Share::default() });
    assert_eq!(batch.share(0..2), Share { next: 10, points: 3, passed: 0, lost: 7, ..Share::default() });
    // Only a hole.
    let hole = Page { first: 8, next: 8, lost: 8, records: vec![], names: names() };
    assert_eq!(pack(&[hole], LARGE).passed(), Some(Share { next: 8, lost: 8, ..Share::default() }));
}

#[test]
fn a_line_that_is_too_long_goes_alone() {
    let batch = pack(&pages(&[record(0, 0, 1), record(0, 0, 2)], 0, 10), Bounds { lines: 10, bytes: 5 });
    assert_eq!((batch.len(), batch.share(0..1).next), (1, 1));
}

#[test]
fn a_long_stretch_without_lines_is_left_in_steps() {
    let silent: Vec<_> = (0..FORWARD_POINTS_MAX as i64 + 9).map(|at| record(0, 3, at)).collect();
    let batch = pack(&pages(&silent, 0, 8_192), LARGE);
    assert_eq!(batch.passed().map(|share| share.next), Some(FORWARD_POINTS_MAX as Seq));
}

fn any_record() -> impl Strategy<Value = Record> {
    // The last but one is a revision: 7 of it.
    (0u32..2, prop::sample::select(vec![0u32, 1, 2, 3, 4, 5, 9, 10]), 0i64..3, any::<bool>())
        .prop_map(|(origin, metric, at_ms, silent)| if silent { missing(origin, metric, at_ms) } else { record(origin, metric, at_ms) })
}

proptest! {
    /// However requests and pages are cut, the lines are the same and every point is counted once.
    #[test]
    fn cuts_change_no_line(
        records in prop::collection::vec(any_record(), 0..60),
        lines in 1usize..6,
        bytes in 1usize..200,
        page_len in 1usize..20,
    ) {
        let mut packer = Packer::new(0, METRICS, LARGE).revisions(Revisions::Beside);
        pages(&records, 0, records.len().max(1)).iter().for_each(|page| packer.take(page));
        let whole = packer.finish();
        let (mut text, mut sum, mut from) = (String::new(), Share::default(), 0);
        let mut done = Batch::default();
        loop {
            let mut packer = Packer::new(from, METRICS, Bounds { lines, bytes }).in_room_of(done).revisions(Revisions::Beside);
            while !packer.is_full() && (packer.position() as usize) < records.len() {
                let first = packer.position();
                let chunk: Vec<_> = records.iter().skip(first as usize).take(page_len).cloned().collect();
                packer.take(&Page { first, next: first + chunk.len() as Seq, lost: 0, records: chunk, names: names() });
            }
            let batch = packer.finish();
            prop_assert!(batch.len() <= lines && (batch.len() <= 1 || batch.text(0..batch.len()).len() <= bytes));
            text.push_str(batch.text(0..batch.len()));
            let share = batch.passed().unwrap_or_else(|| batch.share(0..batch.len()));
            if share.next <= from {
                break;
            }
            sum.add(share);
            from = share.next;
            done = batch;
        }
        prop_assert_eq!(text, whole.text(0..whole.len()));
        prop_assert_eq!(sum.points + sum.passed, records.len() as u64);
        prop_assert_eq!(sum.next, records.len() as Seq);
    }
}
