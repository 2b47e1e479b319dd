//! The table of series as a page for people: `config/SERIES.md`.
//!
//! Made from the table, so it cannot know more or less than the gateway stores and sends; a test holds the page to it.

use super::{Class, Measurement, Point, Type};
use std::fmt::Write as _;

const HEAD: &str = "# Series 数据表

Everything the gateway can store or send, made from `config/src/series.rs`. Metrics leave the site, events too unless they are what
people did at a locker, readings only with `raw = true` of a destination. A missing value is no row, never 0. Times are Unix ms; windows are
named by their start.
网关能存储或发送的全部数据，由 `config/src/series.rs` 生成。指标和事件会上传（居民在柜前的操作事件除外），原始读数仅在
目标的 `raw = true` 时上传。缺测即无记录，绝不写 0。时间戳为毫秒，时间窗以起点命名。

Tags of every row 每行标签: `device_id`, `district`, `gw_id`, `kind`, `site_id`.
";

/// The page, in Markdown, with a line feed at its end.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for (class, title) in [(Class::Metric, "Metrics 指标"), (Class::Event, "Events 事件"), (Class::Reading, "Readings 读数")] {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {title}\n");
        for measurement in Measurement::ALL.iter().copied().filter(|measurement| measurement.info().class == class) {
            table(&mut page, measurement);
        }
    }
    page
}

fn table(page: &mut String, measurement: Measurement) {
    let info = measurement.info();
    let part = info.part_tag.map(|tag| format!(", tag 标签 `{tag}`")).unwrap_or_default();
    let _ =
        write!(page, "\n### `{}` {}{part}\n\n| field 字段 | type | unit | meaning | 含义 |\n|---|---|---|---|---|\n", info.name, info.zh);
    for point in Point::ALL.iter().copied().filter(|point| point.measurement() == measurement) {
        let row = point.info();
        let stays = if point.stays_here() { " (stays here)" } else { "" };
        let _ = writeln!(page, "| `{}` | {} | {} | {}{stays} | {} |", row.field, word(row.ty), point.unit(), row.en, row.zh);
    }
}

fn word(ty: Type) -> &'static str {
    match ty {
        Type::Float => "float",
        Type::Int => "int",
        Type::Bool => "bool",
        Type::Text => "text",
    }
}

#[cfg(test)]
mod tests;
