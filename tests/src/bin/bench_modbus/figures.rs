//! Every figure that can be printed: its name and its goal.

use facility_tests::table::{Figure, Goal};

const fn figure(key: &'static str, what: &'static str, unit: &'static str, goal: Goal) -> Figure {
    Figure { key, what, unit, goal }
}

/// What is measured at one speed of a line.
#[derive(Debug)]
pub(crate) struct Speed {
    pub(crate) baud: u32,
    pub(crate) rate: Figure,
    pub(crate) share: Figure,
    pub(crate) bare: Figure,
    pub(crate) of_bare: Figure,
}

pub(crate) const SPEEDS: [Speed; 2] = [
    Speed {
        baud: 9_600,
        rate: figure("line_9600_rate", "polls of 20 registers at 9600 baud", "/s", Goal::None),
        share: figure("line_9600_share", "  of what the wire allows", "%", Goal::AtLeast(95.0)),
        bare: figure("line_9600_bare", "  a bare loop on the same line, of the same", "%", Goal::None),
        of_bare: figure("line_9600_of_bare", "  the driver, of the bare loop", "%", Goal::None),
    },
    Speed {
        baud: 115_200,
        rate: figure("line_115200_rate", "polls of 20 registers at 115200 baud", "/s", Goal::None),
        share: figure("line_115200_share", "  of what the wire allows", "%", Goal::AtLeast(95.0)),
        bare: figure("line_115200_bare", "  a bare loop on the same line, of the same", "%", Goal::None),
        of_bare: figure("line_115200_of_bare", "  the driver, of the bare loop", "%", Goal::None),
    },
];

pub(crate) const NINE_RATE: Figure = figure("dead_nine_rate", "nine units alone, polls of all", "/s", Goal::None);
pub(crate) const DEAD_FIRST: Figure = figure("dead_loss_first", "  lost beside a dead tenth, its discovery included", "%", Goal::None);
pub(crate) const DEAD_LOSS: Figure = figure("dead_loss", "  lost beside a dead tenth, once it is known", "%", Goal::Below(3.0));
pub(crate) const TEN_RATE: Figure = figure("dead_ten_rate", "nine units beside an equal tenth, polls of the nine", "/s", Goal::None);
pub(crate) const SLOW_LOSS: Figure = figure("slow_loss", "  lost when the tenth takes 150 ms to answer", "%", Goal::Below(3.0));
pub(crate) const SLOW_RATE: Figure = figure("slow_rate", "  polls of the slow one", "/s", Goal::None);

/// What is measured for one number of connections.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) count: usize,
    pub(crate) rate: Figure,
    pub(crate) bare: Figure,
    pub(crate) ratio: Figure,
    pub(crate) cpu: Figure,
    pub(crate) bare_cpu: Figure,
    pub(crate) cpu_ratio: Figure,
}

pub(crate) const CONNECTIONS: [Connections; 2] = [
    Connections {
        count: 1,
        rate: figure("tcp_1_rate", "polls of 20 registers, 1 connection", "/s", Goal::None),
        bare: figure("tcp_1_bare", "  bare tokio-modbus loop", "/s", Goal::None),
        ratio: figure("tcp_1_ratio", "  the driver, of the bare loop", "", Goal::AtLeast(0.9)),
        cpu: figure("tcp_1_cpu", "  processor time per poll", "us", Goal::None),
        bare_cpu: figure("tcp_1_bare_cpu", "  bare tokio-modbus loop", "us", Goal::None),
        cpu_ratio: figure("tcp_1_cpu_ratio", "  the driver, of the bare loop", "", Goal::None),
    },
    Connections {
        count: 100,
        rate: figure("tcp_100_rate", "polls of 20 registers, 100 connections", "/s", Goal::None),
        bare: figure("tcp_100_bare", "  bare tokio-modbus loop", "/s", Goal::None),
        ratio: figure("tcp_100_ratio", "  the driver, of the bare loop", "", Goal::AtLeast(0.9)),
        cpu: figure("tcp_100_cpu", "  processor time per poll", "us", Goal::None),
        bare_cpu: figure("tcp_100_bare_cpu", "  bare tokio-modbus loop", "us", Goal::None),
        cpu_ratio: figure("tcp_100_cpu_ratio", "  the driver, of the bare loop", "", Goal::None),
    },
];

pub(crate) const REQUESTS: Figure = figure("requests_share", "requests of all profiles, of one per value", "%", Goal::None);
pub(crate) const REQUEST_BYTES: Figure = figure("requests_bytes", "  bytes on the line, of one request per value", "%", Goal::None);
pub(crate) const REQUEST_TIME: Figure = figure("requests_time", "  time of the line at 9600 baud, of one per value", "%", Goal::None);
