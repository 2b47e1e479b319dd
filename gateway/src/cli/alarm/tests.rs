#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::act::parse_pause;
use super::list::text;
use serde_json::json;

#[test]
fn times_are_read_as_people_write_them() {
    let cases = [
        ("30m", Some(1_800)),
        ("2h", Some(7_200)),
        ("7d", Some(604_800)),
        ("8d", None),
        ("0m", None),
        ("2", None),
        ("2s", None),
        ("h", None),
        ("-1h", None),
        ("99999999999999999999d", None),
        ("18446744073709551615d", None),
    ];
    for (written, seconds) in cases {
        assert_eq!(parse_pause(written).ok().map(|span| span.as_secs()), seconds, "{written}");
    }
}

#[test]
fn an_alarm_is_listed_with_its_values_and_what_was_done_about_it() {
    assert_eq!(text(&json!([])), "no alarm stands 当前无报警\n");
    assert_eq!(text(&json!(null)), "no alarm stands 当前无报警\n");
    let alarms = json!([
        { "device": "fz-001", "rule": "frozen_high", "en": "Frozen cabinet too warm", "zh": "冷冻柜超温", "unit": "°C",
          "severity": "alarm",
          "since_ms": 1_788_220_800_000_i64, "value": -13.25, "limit": -15.0, "acknowledged": true },
        { "device": "vm-\u{1b}1", "rule": "lane_low", "target": "12", "severity": "warning", "en": "Low", "zh": "缺货", "since_ms": 0,
          "acknowledged": false, "held": "shelved" },
        { "device": "lk-01", "rule": "comm_loss", "severity": "alarm", "en": "Lost", "zh": "中断", "unit": "", "since_ms": 0,
          "value": 7.25, "limit": 2.0 },
    ]);
    let listed = text(&alarms);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(
        lines,
        [
            "fz-001  frozen_high  alarm  Frozen cabinet too warm 冷冻柜超温",
            "  since 2026-09-01T00:00:00.000Z  -13.2 °C, limit -15.0 °C  acknowledged 已确认",
            "vm-\u{fffd}1  lane_low 12  warning  Low 缺货",
            "  since 1970-01-01T00:00:00.000Z  shelved 已搁置",
            "lk-01  comm_loss  alarm  Lost 中断",
            "  since 1970-01-01T00:00:00.000Z  7.2, limit 2.0",
        ]
    );
}
