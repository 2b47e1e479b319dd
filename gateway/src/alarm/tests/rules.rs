//! Every rule of DOMAIN §5 with its default figures: when it is raised, when it clears, and what does neither.

use super::fixture::*;
use crate::aggregate::fixture::text;
use facility_config::Point;
use facility_config::alarm::RuleKind;
use facility_drivers::{Quality, Value};

/// What it shows, its rules, how long, what the device says, what is told.
type Case<'a> = (&'a str, &'a [RuleKind], i64, &'a dyn Fn(i64) -> Says, &'a [&'a str]);

fn check(cases: &[Case<'_>]) {
    for (case, rules, length_min, says, expected) in cases {
        assert_eq!(lines(&mut with(rules), *length_min, says), *expected, "{case}");
    }
}

#[test]
fn cabinets() {
    use RuleKind::*;
    let air = |air_c: f64| whole(Point::CabinetAir, air_c);
    let product = |product_c: f64| whole(Point::CabinetProduct, product_c);
    check(&[
        (
            "goods thaw though the air is cold",
            &[FrozenCritical],
            60,
            &|m| vec![air(-20.0), product(if m < 40 { -11.9 } else { -15.1 })],
            &["30 frozen_critical/product raised", "40 frozen_critical/product cleared"],
        ),
        ("at the limit they do not", &[FrozenCritical], 60, &|_| vec![air(-12.0), product(-12.0)], &[]),
        (
            "freezing, then above zero, then above the deadband",
            &[ChilledLow],
            90,
            &|m| {
                vec![air(if m < 40 {
                    -0.1
                } else if m < 50 {
                    1.0
                } else {
                    1.1
                })]
            },
            &["30 chilled_low raised", "50 chilled_low cleared"],
        ),
        (
            "a door is a warning, then an alarm",
            &[DoorOpen, DoorOpenLong],
            30,
            &|m| vec![is(Point::CabinetDoor, m < 20)],
            &["3 door_open raised", "10 door_open_long raised", "20 door_open cleared", "20 door_open_long cleared"],
        ),
        (
            "a defrost by its flag, whatever the mode says",
            &[DefrostTimeout],
            60,
            &|m| vec![is(Point::CabinetDefrost, m < 50), (Point::CabinetMode.into(), text("cooling"))],
            &["45 defrost_timeout raised", "50 defrost_timeout cleared"],
        ),
        (
            "a defrost by the mode alone",
            &[DefrostTimeout],
            60,
            &|_| vec![(Point::CabinetMode.into(), text("defrost"))],
            &["45 defrost_timeout raised"],
        ),
        (
            "a condenser that gets hot, then so hot that it stops",
            &[CondenserHigh, CondenserStop],
            60,
            &|m| {
                vec![whole(
                    Point::CabinetCond,
                    if m < 10 {
                        81.0
                    } else if m < 20 {
                        86.0
                    } else {
                        74.9
                    },
                )]
            },
            &["5 condenser_high raised", "15 condenser_stop raised", "20 condenser_high cleared", "20 condenser_stop cleared"],
        ),
        (
            "nine starts in an hour, then less than six",
            &[ShortCycle],
            100,
            &|m| vec![is(Point::CabinetCompressor, m >= 60 || m % 6 < 3)],
            &["54 short_cycle raised", "90 short_cycle cleared"],
        ),
        (
            "starts that nobody saw clear nothing",
            &[ShortCycle],
            130,
            &|m| if (70..75).contains(&m) { vec![] } else { vec![is(Point::CabinetCompressor, m >= 60 || m % 6 < 3)] },
            &["54 short_cycle raised"],
        ),
    ]);
}

#[test]
fn probes() {
    let broken = |quality| vec![(Point::CabinetProduct.into(), Value::Missing(quality)), whole(Point::CabinetAir, -20.0)];
    let good = || vec![whole(Point::CabinetProduct, -19.0), whole(Point::CabinetAir, -20.0)];
    check(&[
        (
            "two bad readings, two good ones",
            &[RuleKind::ProbeFault],
            10,
            &|m| if (2..6).contains(&m) { broken(Quality::SensorError) } else { good() },
            &["3 probe_fault/product raised", "7 probe_fault/product cleared"],
        ),
        ("one bad reading", &[RuleKind::ProbeFault], 10, &|m| if m % 2 == 0 { broken(Quality::OutOfRange) } else { good() }, &[]),
        ("not asked is not broken", &[RuleKind::ProbeFault], 10, &|_| broken(Quality::CommError), &[]),
        (
            "a value that cannot be",
            &[RuleKind::ProbeFault, RuleKind::FrozenCritical],
            50,
            &|_| vec![of(Point::ProbeTemp, "3", Value::Float(80.5)), whole(Point::CabinetAir, 85.0), whole(Point::CabinetCond, 85.0)],
            &["1 probe_fault/air raised", "1 probe_fault/3 raised"],
        ),
    ]);
}

#[test]
fn mains() {
    let volts = |volts: f64| vec![whole(Point::EnergyVoltage, volts)];
    check(&[
        (
            "too low, nearly right, right, too high",
            &[RuleKind::Mains],
            20,
            &|m| {
                volts(if m < 3 {
                    197.9
                } else if m < 6 {
                    202.9
                } else if m < 10 {
                    203.0
                } else {
                    242.1
                })
            },
            &["1 mains raised", "6 mains cleared", "11 mains raised"],
        ),
        (
            "one phase of three",
            &[RuleKind::Mains],
            5,
            &|_| {
                let phase = |no, volts| of(Point::PhaseVoltage, no, Value::Float(volts));
                vec![phase("l1", 230.0), phase("l2", 180.0), phase("l3", 231.0)]
            },
            &["1 mains/l2 raised"],
        ),
        (
            "a locker on its battery",
            &[RuleKind::Mains],
            10,
            &|m| vec![is(Point::LockerMainsOk, !(2..6).contains(&m))],
            &["3 mains raised", "6 mains cleared"],
        ),
    ]);
}

#[test]
fn lockers() {
    use RuleKind::*;
    let count = |point: Point, count: i64| (point.into(), Value::Int(count));
    check(&[
        (
            "a compartment of those that are told apart",
            &[LockerDoorAjar],
            10,
            &|m| vec![of(Point::CompartmentDoor, "7", Value::Bool(m < 5)), of(Point::CompartmentDoor, "8", Value::Bool(m == 1))],
            &["2 locker_door_ajar/7 raised", "5 locker_door_ajar/7 cleared"],
        ),
        (
            "a count: while doors are closed in between nobody knows which is open",
            &[LockerDoorAjar],
            12,
            &|m| vec![count(Point::LockerDoorOpen, [1, 2, 1, 2, 1, 2, 1, 1, 1, 0, 0, 0][m as usize])],
            &["8 locker_door_ajar raised", "9 locker_door_ajar cleared"],
        ),
        (
            "two of fifty commands, then one of many",
            &[LockerOpenFailRate],
            60,
            &|m| vec![count(Point::LockerOpenCmds, 1000 + 10 * m), count(Point::LockerOpenFails, 70 + (m / 2).min(2))],
            &["5 locker_open_fail_rate raised", "21 locker_open_fail_rate cleared"],
        ),
        (
            "all of forty commands are too few",
            &[LockerOpenFailRate],
            60,
            &|m| vec![count(Point::LockerOpenCmds, m.min(40)), count(Point::LockerOpenFails, m.min(40))],
            &[],
        ),
        (
            "parcels past their time",
            &[LockerOverdue],
            10,
            &|m| vec![count(Point::LockerOverdue, i64::from((3..6).contains(&m)))],
            &["3 locker_overdue raised", "6 locker_overdue cleared"],
        ),
        ("tampering stays", &[LockerTamper], 10, &|m| if m == 2 { event("tamper", "", "") } else { vec![] }, &["2 locker_tamper raised"]),
        (
            "a door with a command, and one without",
            &[UnexpectedOpen],
            10,
            &|m| match m {
                1 => event("open_cmd", "", ""),
                2 | 5 => event("door_open", "", ""),
                4 => event("deposit", "", ""),
                _ => vec![],
            },
            &["2 unexpected_open raised"],
        ),
        ("doors of a locker that tells no commands", &[UnexpectedOpen], 10, &|_| event("door_open", "", ""), &[]),
    ]);
}

#[test]
fn a_door_within_ten_seconds_of_its_command_is_expected() {
    let mut engine = with(&[RuleKind::UnexpectedOpen]);
    let t0 = crate::aggregate::fixture::T0;
    assert!(engine.observe(&said(1, t0, event("open_cmd", "", "")), t0).is_empty());
    assert!(engine.observe(&said(1, t0 + 10_000, event("door_open", "", "")), t0 + 10_000).is_empty());
    assert_eq!(engine.observe(&said(1, t0 + 10_001, event("door_open", "", "")), t0 + 10_001).len(), 1);
}

#[test]
fn lanes() {
    use RuleKind::*;
    let lane = |level: i64| {
        vec![
            of(Point::LaneLevel, "A1", Value::Int(level)),
            of(Point::LaneMin, "A1", Value::Int(2)),
            of(Point::LaneLevel, "A2", Value::Int(9)),
        ]
    };
    check(&[
        (
            "low, empty, refilled a little, refilled for a minute",
            &[LaneLow, LaneEmpty],
            10,
            &|m| lane([3, 2, 0, 0, 1, 2, 3, 3, 3, 3][m as usize]),
            &["1 lane_low/A1 raised", "2 lane_empty/A1 raised", "7 lane_low/A1 cleared", "7 lane_empty/A1 cleared"],
        ),
        (
            "a lane that says no minimum can only be empty",
            &[LaneLow, LaneEmpty],
            4,
            &|m| vec![of(Point::LaneLevel, "B1", Value::Int(1 - m.min(1)))],
            &["1 lane_empty/B1 raised"],
        ),
        (
            "three failures in a row on a lane",
            &[VendFailBurst],
            10,
            &|m| match m {
                0 | 2 | 3 | 4 => event("vend_fail", "A1", "10003"),
                1 | 7 => event("vend_ok", "A1", "10001"),
                5 => event("vend_fail", "A2", "10003"),
                _ => vec![],
            },
            &["4 vend_fail_burst/A1 raised", "7 vend_fail_burst/A1 cleared"],
        ),
        (
            "a broken motor at once",
            &[VendFailBurst],
            10,
            &|m| match m {
                2 => event("vend_fail", "A1", "10300"),
                5 => event("vend_ok", "A1", "10001"),
                _ => vec![],
            },
            &["2 vend_fail_burst/A1 raised", "5 vend_fail_burst/A1 cleared"],
        ),
    ]);
}

#[test]
fn machines_with_goods_that_spoil() {
    use RuleKind::*;
    let temps = |setpoint_c: f64, air_c: f64| vec![whole(Point::VendingSetpoint, setpoint_c), whole(Point::VendingAir, air_c)];
    let status = |word: &str| vec![(Point::VendingStatus.into(), text(word))];
    let warm = |m: i64, warm: std::ops::Range<i64>| if warm.contains(&m) { 6.0 } else { 3.0 };
    let refill = |m: i64, opens: i64, closes: i64| match m {
        m if m == opens => [status("door_open"), event("door_open", "", "EGS")].concat(),
        m if m == closes => [status("in_service"), event("refill", "", "")].concat(),
        m if m == closes + 1 => [status("in_service"), event("door_closed", "", "EGT")].concat(),
        m => status(if (opens..closes).contains(&m) { "door_open" } else { "in_service" }),
    };
    check(&[
        (
            "warm after the grace, serviced, warm again",
            &[VendingHealthLockout],
            100,
            &|m| if m == 50 { [temps(4.0, 6.0), event("refill", "", "")].concat() } else { temps(4.0, 6.0) },
            &["30 vending_health_lockout raised", "50 vending_health_lockout cleared", "80 vending_health_lockout raised"],
        ),
        (
            "cold again does not end it",
            &[VendingHealthLockout],
            100,
            &|m| temps(4.0, if m < 40 { 6.0 } else { 3.0 }),
            &["30 vending_health_lockout raised"],
        ),
        // Door, refill and door as the simulated machine tells them; 12 minutes, and half an hour until it is cold again.
        ("an ordinary refill", &[VendingHealthLockout], 200, &|m| [temps(4.0, warm(m, 100..135)), refill(m, 100, 112)].concat(), &[]),
        (
            "told by the status alone",
            &[VendingHealthLockout],
            200,
            &|m| [temps(4.0, warm(m, 100..135)), status(if (100..112).contains(&m) { "door_open" } else { "in_service" })].concat(),
            &[],
        ),
        (
            "told by events alone, the status knows of no door",
            &[VendingHealthLockout],
            200,
            &|m| {
                let door = match m {
                    100 => event("door_open", "", "EGS"),
                    125 => event("door_closed", "", "EGT"),
                    _ => Vec::new(),
                };
                [temps(4.0, warm(m, 100..150)), status("in_service"), door].concat()
            },
            &[],
        ),
        (
            "too warm half an hour after the door was closed",
            &[VendingHealthLockout],
            200,
            &|m| [temps(4.0, warm(m, 100..150)), refill(m, 100, 112)].concat(),
            &["143 vending_health_lockout raised"],
        ),
        (
            "a door that is left open",
            &[VendingHealthLockout],
            200,
            &|m| [temps(4.0, warm(m, 100..180)), refill(m, 100, 180)].concat(),
            &["130 vending_health_lockout raised", "180 vending_health_lockout cleared"],
        ),
        ("drinks", &[VendingHealthLockout, VendingHotLockout], 200, &|_| temps(8.0, 12.0), &[]),
        ("who knows what is in it", &[VendingHealthLockout], 100, &|_| vec![whole(Point::VendingAir, 25.0)], &[]),
        (
            "it says so itself",
            &[VendingHealthLockout, VendingHotLockout],
            10,
            &|m| status(if m < 3 { "in_service" } else { "health_lockout" }),
            &["3 vending_health_lockout raised"],
        ),
        (
            "hot food that is not",
            &[VendingHealthLockout, VendingHotLockout],
            130,
            &|_| temps(60.0, 50.0),
            &["120 vending_hot_lockout raised"],
        ),
    ]);
}
