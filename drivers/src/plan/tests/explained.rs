//! What `modbus plan` tells.

use super::*;
use facility_config::Part;

#[test]
fn a_plan_is_explained() {
    let slow = RegisterPoint { group: Group::Slow, ..RegisterPoint::plain(Point::CabinetSetpoint, Holding, 100, U16) };
    let once = RegisterPoint { group: Group::Once, ..RegisterPoint::plain(Point::HealthUptime, Input, 5, U32) };
    let probe = RegisterPoint { part: Part::new("2").unwrap(), ..RegisterPoint::plain(Point::ProbeTemp, Holding, 13, U16) };
    let refused = RegisterPoint::plain(Point::CabinetEvap, Holding, 40, U16);
    let beyond = RegisterPoint::plain(Point::CabinetCond, Holding, 65_535, U32);
    let map = map(vec![with_status(point(Holding, 10, U16), 11), probe, slow, once, refused, beyond], 10, 10);
    let learned = Learned { refused: [(Holding, 40)].into(), ..Learned::default() };
    let line = Line { byte_ns: 1_000_000, request_ns: 10_000_000 };
    let explained = explain(&map, Duration::from_secs(1), Duration::from_secs(10), &line, &learned);

    let ask = |group, table, address, count, points: &[&str], along, bytes_in, time_us| Ask {
        group,
        table,
        address,
        count,
        points: points.iter().map(|point| (*point).to_string()).collect(),
        along,
        bytes_out: 8,
        bytes_in,
        time_us,
    };
    let air = ["cabinet.air_c", "cabinet.air_c status", "probe.temp_c#2"];
    assert_eq!(
        explained.asks,
        [
            ask("fast", Holding, 10, 4, &air, 1, 13, 31_000),
            ask("slow", Holding, 100, 1, &["cabinet.setpoint_c"], 0, 7, 25_000),
            ask("once", Input, 5, 2, &["device_health.uptime_s"], 0, 9, 27_000),
        ]
    );
    let rates: Vec<(&str, Option<f64>, usize, u64, usize, u64)> = explained
        .rates
        .iter()
        .map(|rate| (rate.group, rate.every_s, rate.requests, rate.time_us, rate.singly_requests, rate.singly_time_us))
        .collect();
    assert_eq!(
        rates,
        [("fast", Some(1.0), 1, 31_000, 3, 75_000), ("slow", Some(10.0), 1, 25_000, 1, 25_000), ("once", None, 1, 27_000, 1, 27_000)]
    );
    assert!((explained.share_pct - 3.35).abs() < 1e-9 && (explained.singly_share_pct - 7.75).abs() < 1e-9, "{explained:?}");
    let why: Vec<(&str, Why)> = explained.left_out.iter().map(|left| (&*left.point, left.why)).collect();
    assert_eq!(why, [("cabinet.evap_c", Why::Refused), ("cabinet.cond_c", Why::Beyond)]);
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!((&json["asks"][0]["table"], &json["left_out"][0]["why"]), (&"holding".into(), &"refused".into()));
}
