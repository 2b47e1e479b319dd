//! What a point takes on flash once it is out of the ring.

use crate::feed::Feed;
use crate::figures::{Figure, HELD_5M, SEALED_1M, SEALED_5M, SEALED_FEW, SEALED_MANY};
use crate::place::Place;
use crate::table::Table;
use facility_drivers::sim::workload::{DEVICES, START_MS};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const PER_COMMIT: usize = 1_000;

pub(crate) fn measure(table: &mut Table) {
    one(table, &SEALED_1M, DEVICES, 1_000_000);
    let held = one(table, &SEALED_5M, DEVICES, 5_000_000);
    table.add(&HELD_5M, held as f64 / 1e6);
    one(table, &SEALED_FEW, DEVICES / 10, 1_000_000);
    one(table, &SEALED_MANY, DEVICES * 5, 1_000_000);
}

/// Adds the figure; returns the bytes held at the end, without what is reserved for later.
fn one(table: &mut Table, figure: &'static Figure, devices: u16, points: u64) -> u64 {
    let place = Place::folder();
    let (mut feed, _) = Feed::open(place.dir(), devices, START_MS);
    feed.run(points, PER_COMMIT, |_| {});
    let durable = feed.close();
    table.add(figure, durable.block_bytes as f64 / durable.block_points as f64);
    table.note(format!(
        "size: {} series, {points} points: {} in blocks of {:.2} MB, files of {:.2} MB with what is reserved, {:.2} MB held in all",
        devices * 10,
        durable.block_points,
        durable.block_bytes as f64 / 1e6,
        allocated(&place.dir().join("store/blk")) as f64 / 1e6,
        durable.bytes_on_disk as f64 / 1e6
    ));
    RING_BYTES + durable.block_bytes
}

const RING_BYTES: u64 = (facility_config::limits::WAL_SEGMENT_BYTES * facility_config::limits::WAL_SEGMENTS) as u64;

/// Bytes the file system gave to the files of a folder.
pub(crate) fn allocated(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.blocks() * 512).sum()
}
