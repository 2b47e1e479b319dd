//! Pages for readers that follow each other.

use super::*;
use crate::store::record::Page;
use facility_config::limits::READ_POINTS_MAX;
use std::sync::Arc;

/// The next page of a reader, whole and in place.
fn next(log: &mut Log<SimDisk>, at: Seq) -> Arc<Page> {
    let page = log.shared(at, READ_POINTS_MAX, Instant::now());
    assert!(page.records.len() <= READ_POINTS_MAX && (page.first, page.lost) == (at, 0));
    for (seq, record) in (page.first..).zip(&page.records) {
        assert_eq!(record.value, Value::Int(seq as i64));
    }
    page
}

#[test]
fn readers_that_began_apart_come_to_the_same_pages() {
    let mut rng = fastrand::Rng::with_seed(5);
    for sealed in [false, true] {
        let disk = SimDisk::new(1);
        let (mut log, _) = open(&disk, ROOMY);
        for _ in 0..40 {
            fill(&mut log, 1, rng.u64(1..1_500));
        }
        if sealed {
            seal_all(&mut log);
        }
        let (mut ahead, mut behind) = (0, rng.u64(1..900));
        let (mut pages, mut shared) = (0, 0);
        while ahead < log.end {
            let page = next(&mut log, ahead);
            ahead = page.next;
            while behind < ahead {
                let same = next(&mut log, behind);
                (pages, shared) = (pages + 1, shared + u32::from(Arc::ptr_eq(&page, &same)));
                behind = same.next;
            }
        }
        assert!(pages > 5 && pages - shared <= 2, "{shared} of {pages} pages, sealed: {sealed}");
    }
}

#[test]
fn what_was_given_up_is_in_no_page_any_more() {
    let disk = SimDisk::new(1);
    let (mut log, _) = open(&disk, NARROW);
    fill_one(&mut log, 20, 100);
    assert_eq!(next(&mut log, 0).first, 0);
    while log.start == 0 {
        fill_one(&mut log, 50, 100);
    }
    let page = log.shared(0, READ_POINTS_MAX, Instant::now());
    assert!(page.first >= log.start && page.lost == log.start, "{} {} {}", page.first, page.lost, log.start);
}

#[test]
fn a_page_of_the_end_grows_with_the_log() {
    let (mut log, _) = open(&SimDisk::new(1), ROOMY);
    for points in [10, 20, 30] {
        fill_one(&mut log, 1, 10);
        assert_eq!(next(&mut log, 0).next, points);
        assert!(Arc::ptr_eq(&next(&mut log, 0), &next(&mut log, 0)));
    }
}
