//! Every figure that can be printed: its name and its goal.

use facility_tests::table::{Figure, Goal};

const fn figure(key: &'static str, what: &'static str, unit: &'static str, goal: Goal) -> Figure {
    Figure { key, what, unit, goal }
}

/// What is measured against one endpoint.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) messages: Figure,
    pub(crate) lines: Figure,
    pub(crate) cpu: Figure,
    pub(crate) store_cpu: Figure,
}

pub(crate) const NULL: Rate = Rate {
    messages: figure("null_rate", "messages of ten values to an endpoint that counts", "k/s", Goal::None),
    lines: figure("null_lines", "  lines, two of each", "k/s", Goal::None),
    cpu: figure("null_cpu", "  processor time per line, the store's included", "us", Goal::None),
    store_cpu: figure("null_store_cpu", "  of that the store's thread", "us", Goal::None),
};
pub(crate) const NULL_WIRE: Figure = figure("null_wire", "bytes on the wire per ten values, headers included", "B", Goal::Below(12.0));
pub(crate) const NULL_HEAD: Figure = figure("null_head_bytes", "  headers of one request", "B", Goal::None);

pub(crate) const VICTORIA: Rate = Rate {
    messages: figure("victoria_rate", "messages of ten values to VictoriaMetrics", "k/s", Goal::None),
    lines: figure("victoria_lines", "  lines, two of each", "k/s", Goal::None),
    cpu: figure("victoria_cpu", "  processor time per line, the store's included", "us", Goal::None),
    store_cpu: figure("victoria_store_cpu", "  of that the store's thread", "us", Goal::None),
};
pub(crate) const INFLUX: Rate = Rate {
    messages: figure("influx_rate", "messages of ten values to InfluxDB 1", "k/s", Goal::None),
    lines: figure("influx_lines", "  lines, two of each", "k/s", Goal::None),
    cpu: figure("influx_cpu", "  processor time per line, the store's included", "us", Goal::None),
    store_cpu: figure("influx_store_cpu", "  of that the store's thread", "us", Goal::None),
};

pub(crate) const DRAIN_RATE: Figure = figure("drain_s", "a backlog of seven days of 50 devices, drained in", "s", Goal::None);
pub(crate) const DRAIN_LIVE: Figure = figure("drain_times", "  times the rate at which it came", "x", Goal::AtLeast(50.0));
pub(crate) const DRAIN_WIRE: Figure = figure("drain_wire", "  bytes on the wire per ten values, headers included", "B", Goal::None);
pub(crate) const DRAIN_RSS: Figure = figure("drain_peak", "  peak memory of the process", "MB", Goal::None);
pub(crate) const DRAIN_MEMORY: Figure = figure("drain_growth", "  more than after its first tenth", "MB", Goal::Below(3.0));

/// What is measured of a month.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Windows that leave together.
    pub(crate) windows: usize,
    /// Windows of five minutes too, not only hours and days.
    pub(crate) short: bool,
    pub(crate) month: Figure,
    pub(crate) body: Figure,
}

pub(crate) const MONTHS: [Kept; 4] = [
    Kept {
        windows: 1,
        short: true,
        month: figure("month_wire", "a month of 50 devices, a request every five minutes", "MB", Goal::None),
        body: figure("month_body", "  of that without headers", "MB", Goal::None),
    },
    Kept {
        windows: 6,
        short: true,
        month: figure("month_half_hour_wire", "the same, a request every half hour", "MB", Goal::None),
        body: figure("month_half_hour_body", "  of that without headers", "MB", Goal::None),
    },
    Kept {
        windows: 1,
        short: false,
        month: figure("month_metered_wire", "hours, days, alarms and events only, as they come", "MB", Goal::None),
        body: figure("month_metered_body", "  of that without headers", "MB", Goal::None),
    },
    Kept {
        windows: 12,
        short: false,
        month: figure("month_hours_wire", "the same, a request an hour", "MB", Goal::Below(3.0)),
        body: figure("month_hours_body", "  of that without headers", "MB", Goal::None),
    },
];
pub(crate) const MONTH_VALUES: Figure = figure("month_values", "  values in it", "M", Goal::None);
