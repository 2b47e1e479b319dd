//! Requests, bytes and line time of one round of each embedded profile, against one request per value.

use crate::figures::{REQUEST_BYTES, REQUEST_TIME, REQUESTS};
use facility_config::profile::{Dialect, Group, ModbusMap, builtin, builtin_ids};
use facility_drivers::plan::{Learned, Line, Request, alone, plan};
use facility_tests::table::Table;
use std::path::Path;

/// What a round costs.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    requests: usize,
    bytes: usize,
    line_ns: u64,
}

impl Cost {
    fn of(requests: &[Request], line: &Line) -> Self {
        // Unit, function, address, count and checksum; unit, function, byte count, data and checksum.
        let bytes = |request: &Request| 8 + 5 + request.data_bytes();
        Self {
            requests: requests.len(),
            bytes: requests.iter().map(bytes).sum(),
            line_ns: requests.iter().map(|request| line.cost_ns(request)).sum(),
        }
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.bytes += other.bytes;
        self.line_ns += other.line_ns;
    }
}

pub(crate) fn count(table: &mut Table) {
    let (mut planned, mut naive) = (Cost::default(), Cost::default());
    table.note("requests: one round of everything, against one request per value and per status register".to_owned());
    for profile in builtin_ids().filter_map(builtin) {
        let Dialect::Modbus(map) = &profile.dialect else { continue };
        let (of_plan, of_naive) = costs(map);
        table.note(format!(
            "  {:<18} {:>3} requests, {:>3} one by one; {:>4} bytes, {:>4}; {:>5.0} ms at 9600 baud, {:>5.0}",
            profile.id,
            of_plan.requests,
            of_naive.requests,
            of_plan.bytes,
            of_naive.bytes,
            of_plan.line_ns as f64 / 1e6,
            of_naive.line_ns as f64 / 1e6
        ));
        planned.add(of_plan);
        naive.add(of_naive);
    }
    table.add(&REQUESTS, 100.0 * planned.requests as f64 / naive.requests as f64);
    table.add(&REQUEST_BYTES, 100.0 * planned.bytes as f64 / naive.bytes as f64);
    table.add(&REQUEST_TIME, 100.0 * planned.line_ns as f64 / naive.line_ns as f64);
}

/// The plan's, and that of one request per value.
fn costs(map: &ModbusMap) -> (Cost, Cost) {
    let line = Line::of(&crate::client::on_line(Path::new("/dev/null"), 9_600), map.turnaround);
    let planned: Vec<Request> = Group::ALL.into_iter().flat_map(|group| plan(map, group, &line, &Learned::default())).collect();
    let naive: Vec<Request> = map.points.iter().flat_map(alone).collect();
    (Cost::of(&planned, &line), Cost::of(&naive, &line))
}
