//! Every figure that can be printed: its name, its goal, and what others reached.
//!
//! The others were measured once, on the same kind of machine (two loaded x86-64 cores, ext4 on a loop device on
//! tmpfs) under the same load, each tuned by hand for less than 20 MB of memory. "prototype" is the study this store
//! was built after; "log" a plain append-only file with checksums; "fjall", "redb", "SQLite" hold queue and history
//! unless said otherwise.

/// One figure.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Name in the JSON.
    pub(crate) key: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    /// Not more than this is wanted.
    pub(crate) goal: Option<f64>,
    pub(crate) others: &'static str,
}

const fn figure(key: &'static str, what: &'static str, unit: &'static str, others: &'static str) -> Figure {
    Figure { key, what, unit, goal: None, others }
}

const fn with_goal(figure: Figure, goal: f64) -> Figure {
    Figure { goal: Some(goal), ..figure }
}

/// What is measured for one size of commits.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) per_commit: usize,
    /// Enough for the device's count to settle, few enough for a run of seconds.
    pub(crate) points: u64,
    pub(crate) device: Figure,
    pub(crate) cpu: Figure,
    pub(crate) store_cpu: Figure,
    pub(crate) rate: Figure,
}

pub(crate) const WRITES: [Write; 3] = [
    Write {
        per_commit: 10,
        points: 200_000,
        device: with_goal(
            figure(
                "write_10_device_bytes",
                "device bytes per point, 10 a commit",
                "B",
                "prototype 413, fjall 749, log 1661, SQLite 4848, redb 7162",
            ),
            430.0,
        ),
        cpu: figure("write_10_cpu", "processor time per point, 10 a commit", "ns", ""),
        store_cpu: figure("write_10_store_cpu", "  of that the store's thread", "ns", ""),
        rate: figure(
            "write_10_rate",
            "  million points per processor second",
            "M/s",
            "prototype 0.24, log 0.74, fjall 0.31, SQLite 0.13, redb 0.07",
        ),
    },
    Write {
        per_commit: 100,
        points: 1_000_000,
        device: with_goal(
            figure(
                "write_100_device_bytes",
                "device bytes per point, 100 a commit",
                "B",
                "prototype 42, log 185, fjall 332, redb 4491, SQLite 7510",
            ),
            45.0,
        ),
        cpu: figure("write_100_cpu", "processor time per point, 100 a commit", "ns", ""),
        store_cpu: figure("write_100_store_cpu", "  of that the store's thread", "ns", ""),
        rate: figure(
            "write_100_rate",
            "  million points per processor second",
            "M/s",
            "prototype 1.9, log 4.9, fjall 0.54, SQLite 0.11, redb 0.09",
        ),
    },
    Write {
        per_commit: 1_000,
        points: 5_000_000,
        device: with_goal(
            figure(
                "write_1000_device_bytes",
                "device bytes per point, 1000 a commit",
                "B",
                "prototype 9.7, log 30, fjall 97-141, redb 3989, SQLite 7284",
            ),
            11.0,
        ),
        cpu: with_goal(figure("write_1000_cpu", "processor time per point, 1000 a commit", "ns", "prototype 106-122"), 130.0),
        store_cpu: figure("write_1000_store_cpu", "  of that the store's thread", "ns", ""),
        rate: figure(
            "write_1000_rate",
            "  million points per processor second",
            "M/s",
            "prototype 9.4, log 31, fjall 0.67, redb 0.10, SQLite 0.09",
        ),
    },
];
pub(crate) const CREATED: Figure = figure("write_created", "device bytes of making a store, once", "MB", "prototype 8.4");

pub(crate) const SEALED_1M: Figure = with_goal(
    figure(
        "size_2000_series_1m",
        "sealed bytes per point, 2000 series, 1 M",
        "B",
        "prototype 1.06, pco 1.74, zstd-3 rows 1.94, Gorilla 4.85, rows 5.00",
    ),
    1.2,
);
pub(crate) const SEALED_5M: Figure =
    with_goal(figure("size_2000_series_5m", "sealed bytes per point, 2000 series, 5 M", "B", "prototype 1.05"), 1.2);
pub(crate) const SEALED_FEW: Figure = figure(
    "size_200_series",
    "sealed bytes per point, 200 series",
    "B",
    "prototype 0.75, zstd-3 rows 1.79, pco 2.23, Gorilla 4.25, rows 5.05",
);
pub(crate) const SEALED_MANY: Figure = figure(
    "size_10000_series",
    "sealed bytes per point, 10000 series",
    "B",
    "zstd-3 rows 2.09, pco 2.33, prototype 2.43, rows 4.85, Gorilla 7.6",
);
pub(crate) const HELD_5M: Figure = figure(
    "size_5m_held",
    "held on disk for 5 M points, history included",
    "MB",
    "prototype 13.6, log 25.4 (no history), fjall 96.7, SQLite 195-285, redb 330",
);

pub(crate) const FILL_CPU: Figure =
    with_goal(figure("fill_cpu", "processor time per point, filling", "ns", "prototype 122 at 60 M points"), 130.0);
pub(crate) const FILL_WALL: Figure = figure("fill_wall", "elapsed time of filling", "s", "");
pub(crate) const FILL_HELD: Figure = figure("fill_held", "held on disk", "MB", "prototype 71.7 at 60 M points");
pub(crate) const OPEN_CPU: Figure =
    with_goal(figure("open_cpu", "reopen after kill -9, processor time", "ms", "prototype 31; at 5 M: fjall 306, redb 19, SQLite 4"), 60.0);
pub(crate) const OPEN_WALL: Figure =
    figure("open_wall", "reopen after kill -9, elapsed, nothing in the page cache", "ms", "prototype 114-500; at 5 M: fjall 851, redb 31");
pub(crate) const RSS_BEFORE: Figure = figure("rss_before", "memory of the process before it opens the store", "MB", "");
pub(crate) const RSS: [(Figure, Figure); 3] = [
    (
        with_goal(figure("rss_open_peak", "peak memory, opening", "MB", "prototype 14; at 5 M: redb 8.6, SQLite 9.4, fjall 135"), 12.0),
        figure("rss_open_anon", "  then resident and not of a file", "MB", ""),
    ),
    (
        with_goal(figure("rss_write_peak", "peak memory, writing 1 commit/s", "MB", "prototype 11.7 at 5 M"), 12.0),
        figure("rss_write_anon", "  then resident and not of a file", "MB", "prototype 3.9 at 5 M"),
    ),
    (
        with_goal(figure("rss_drain_peak", "peak memory, draining 1 M points", "MB", "prototype 14 at 5 M"), 12.0),
        figure("rss_drain_anon", "  then resident and not of a file", "MB", "prototype 10.9 at 5 M"),
    ),
];
pub(crate) const DRAIN: Figure =
    figure("drain_rate", "drained, million points per processor second", "M/s", "prototype 24; log 51, SQLite 37, redb 42, fjall 13");

pub(crate) const DAY_OF_ONE_P50: Figure = with_goal(
    figure(
        "query_p50",
        "24 h of one series, half within",
        "ms",
        "prototype 0.36 (0.23 at 5 M); at 5 M: fjall 0.56, log 72, SQLite blobs 88, redb queue 104",
    ),
    0.5,
);
pub(crate) const DAY_OF_ONE_P99: Figure = figure("query_p99", "24 h of one series, 99 % within", "ms", "");
pub(crate) const DAY_OF_ONE_CPU: Figure = figure("query_cpu", "24 h of one series, processor time", "ms", "prototype 0.28 at 5 M");
pub(crate) const ALL_OF_ONE_CPU: Figure = figure("query_all_cpu", "all of one series in 365 buckets, processor time", "ms", "");
pub(crate) const ALL_OF_ONE_PART: Figure = figure("query_all_part", "  longest wait of a commit for it", "ms", "");

pub(crate) const DAY_COMPUTED: Figure = figure(
    "day_computed",
    "device bytes a day, 1 commit/s of 33 points, computed",
    "MB",
    "prototype 372-537, log 1550, redb 2700, SQLite 3200",
);
pub(crate) const DAY_PLAIN: Figure = figure("day_default", "  measured, mount defaults", "MB", "prototype 537");
pub(crate) const DAY_CALM: Figure = figure("day_commit_60", "  measured, mount option commit=60", "MB", "prototype 372");
pub(crate) const DAY_PLAIN_READ: Figure = figure("day_default_read", "  defaults, two readers moving their cursors", "MB", "");
pub(crate) const DAY_CALM_READ: Figure = figure("day_commit_60_read", "  commit=60, two readers moving their cursors", "MB", "");
