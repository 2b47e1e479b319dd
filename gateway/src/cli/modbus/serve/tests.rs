//! What devices and values are asked for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn devices_and_values_are_read_from_words() {
    assert_eq!("xy-md02@7".parse(), Ok(Served { profile: "xy-md02".into(), unit: Some(7) }));
    assert_eq!("xy-md02".parse(), Ok(Served { profile: "xy-md02".into(), unit: None }));
    assert!("xy-md02@x".parse::<Served>().is_err());
    let setting: Setting = "probe.temp_c#3@2=-18.5".parse().unwrap();
    assert_eq!((setting.point, setting.part.as_str(), setting.unit, &*setting.value), (Point::ProbeTemp, "3", Some(2), "-18.5"));
    for wrong in ["cabinet.air_c", "cabinet.warmth=3", "cabinet.air_c@x=3"] {
        assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
    }
}

#[test]
fn a_value_is_of_its_points_type() {
    let cases = [
        (Point::CabinetAir, "-18.5", Some(Value::Float(-18.5))),
        (Point::CabinetAir, "missing", Some(Value::Missing(facility_drivers::Quality::SensorError))),
        (Point::CabinetAir, "inf", None),
        (Point::LockerDoorOpen, "3", Some(Value::Int(3))),
        (Point::LockerDoorOpen, "3.5", None),
        (Point::CabinetDoor, "yes", Some(Value::Bool(true))),
        (Point::CabinetDoor, "maybe", None),
    ];
    for (point, text, expected) in cases {
        assert_eq!(value(point, text), expected, "{point} {text}");
    }
}
