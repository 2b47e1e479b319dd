//! The log as CSV (RFC 4180) with a byte order mark, so that a spreadsheet shows Chinese. Pure.

use super::day::{Extract, shown};
use crate::coldchain::record::{Hour, local, utc};

const HEADER: &str = "设备 device,本地时间 hour (UTC+8),hour (UTC),修订 rev,等级 class,限值 limit (°C),质量 quality,覆盖率 coverage (0-1),观测 observed (s),数据缺失 gap,读数 samples,最低柜温 air min (°C),平均柜温 air mean (°C),最高柜温 air max (°C),动力学平均温度 MKT (°C),最低品温 product min (°C),最高品温 product max (°C),超温 above limit (min),扣除化霜超温 above limit without defrost (min),超温度分 degree-minutes (°C·min),开门 door open (min),开门次数 door openings,化霜 defrost (min),报警 alarms raised,报警解除 alarms cleared,校准日期 calibrated,序号 record no.,上一条哈希 prev (SHA-256),哈希 hash (SHA-256)\r\n";
/// Columns between the hour and the end that a missing hour leaves empty, its quality left out.
const BEHIND: usize = 22;

/// One row per hour; one without a record says so.
pub(super) fn csv(extract: &Extract<'_>) -> String {
    let mut out = format!("\u{feff}{HEADER}");
    for (at_ms, hour) in extract.days().flat_map(|(_, hours)| hours) {
        match hour {
            Some(hour) => row(&mut out, hour),
            None => {
                let (device, local, utc) = (&extract.device.id, local(at_ms), utc(at_ms));
                out.push_str(&format!("{device},{local},{utc},,,,missing{}\r\n", ",".repeat(BEHIND)));
            }
        }
    }
    out
}

/// Nothing in a record needs quotes: ids, words, numbers and times.
fn row(out: &mut String, hour: &Hour) {
    let figure = |value: Option<f64>| shown(value, 3);
    let cells = [
        hour.device.clone(),
        hour.local.clone(),
        utc(hour.hour_ms),
        hour.rev.to_string(),
        hour.class.clone(),
        shown(Some(hour.limit_c), 1),
        hour.quality.clone(),
        shown(Some(hour.coverage), 4),
        figure(Some(hour.observed_s)),
        hour.gap.to_string(),
        hour.samples.to_string(),
        figure(hour.air_min_c),
        figure(hour.air_mean_c),
        figure(hour.air_max_c),
        figure(hour.mkt_c),
        figure(hour.product_min_c),
        figure(hour.product_max_c),
        figure(hour.above_min),
        figure(hour.above_adjusted_min),
        figure(hour.degree_min),
        figure(hour.door_min),
        hour.door_openings.map_or_else(String::new, |openings| openings.to_string()),
        figure(hour.defrost_min),
        hour.alarms_raised.to_string(),
        hour.alarms_cleared.to_string(),
        hour.calibrated.clone().unwrap_or_default(),
        hour.link.n.to_string(),
        hour.link.prev.clone(),
        hour.link.hash.clone(),
    ];
    let cells: Vec<String> = cells.into_iter().map(|cell| cell.replace([',', '"', '\r', '\n'], "?")).collect();
    out.push_str(&cells.join(","));
    out.push_str("\r\n");
}
