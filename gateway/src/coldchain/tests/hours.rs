use super::super::fold::{Closed, Fold, Sample};
use super::super::hour::{Figures, HOUR_MS, mkt_c, quality};
use super::super::record;
use super::{figures, freezer, site};
use crate::aggregate::fixture::{T0, text};
use facility_config::{DeviceIx, Part, Point};
use facility_drivers::{Metric, Quality, Value};

/// One value: seconds after the beginning, of what, how much.
type Said = (i64, Point, Value);

fn air(at_s: i64, air_c: f64) -> Said {
    (at_s, Point::CabinetAir, Value::Float(air_c))
}

/// A minute's readings, from a minute until before another.
fn minutes(from: i64, to: i64, air_c: f64) -> Vec<Said> {
    (from..to).map(|minute| air(minute * 60, air_c)).collect()
}

/// Folds what was said, each committed a second later, and closes until the log's time is `end_s`.
fn closed(said: &[Said], end_s: i64) -> Vec<Closed> {
    let mut fold = Fold::new(site());
    let mut out = Vec::new();
    for (seq, (at_s, point, value)) in (0..).zip(said) {
        let at_ms = T0 + at_s * 1000;
        while let Some(hour) = fold.close(at_ms + 1000) {
            out.push(hour);
        }
        let part = if *point == Point::AlarmState { Part::new("frozen_high").unwrap() } else { Part::WHOLE };
        fold.observe(seq, at_ms + 1000, DeviceIx(1), Metric { point: *point, part }, at_ms, value);
    }
    while let Some(hour) = fold.close(T0 + end_s * 1000) {
        out.push(hour);
    }
    out
}

/// The first hour's figures.
fn first(said: &[Said]) -> Figures {
    let closed = closed(said, 3600 + 30);
    assert_eq!((closed.len(), closed[0].hour_ms, closed[0].hours.len()), (1, T0, 1));
    closed[0].hours[0].1.clone()
}

#[track_caller]
fn near(got: f64, want: f64) {
    assert!((got - want).abs() < 5e-5, "{got} is not {want}");
}

/// DOMAIN §4: a poll a minute, a gap from 20 to 30 minutes.
#[test]
fn a_gap_is_neither_filled_nor_counted() {
    let mut said = minutes(0, 20, -20.0);
    said.extend(minutes(30, 60, -10.0));
    let figures = first(&said);
    near(super::super::hour::coverage(figures.observed_ms), 0.8667);
    let air = figures.air.unwrap();
    // 22 minutes at −20 and 30 at −10.
    near(air.mean_c, -(22.0 * 20.0 + 30.0 * 10.0) / 52.0);
    assert_eq!((air.min_c, air.max_c, figures.samples), (-20.0, -10.0, 50));
    assert_eq!(air.above_ms, 30 * 60_000);
    near(air.degree_min, 30.0 * 8.0);
    assert_eq!(quality(0.8667), "uncertain");
    assert_eq!((figures.product_c, figures.door, figures.defrost_ms), (None, None, None));
}

#[test]
fn a_null_ends_the_value_before_it_and_nothing_seen_is_not_zero() {
    let mut said = minutes(0, 10, -20.0);
    said.push((600, Point::CabinetAir, Value::Missing(Quality::SensorError)));
    assert_eq!(first(&said).observed_ms, 600_000);
    assert_eq!(first(&[(0, Point::CabinetAir, Value::Missing(Quality::SensorError))]), Figures::default());
}

/// DOMAIN §5: a probe that reads outside of −60 to 80 °C is broken.
#[test]
fn what_no_probe_can_read_was_not_observed() {
    let mut said = minutes(0, 60, -20.0);
    for (minute, read_c) in [(10, -60.1), (20, 80.1), (30, f64::INFINITY), (40, 850.0)] {
        said[minute as usize] = air(minute * 60, read_c);
        said.push((minute * 60, Point::CabinetProduct, Value::Float(read_c)));
    }
    let figures = first(&said);
    let air = figures.air.unwrap();
    assert_eq!((figures.observed_ms, figures.samples, figures.product_c), (56 * 60_000, 56, None));
    assert_eq!((air.min_c, air.max_c, air.above_ms), (-20.0, -20.0, 0));
}

/// DOMAIN §4: 23 h at −18 °C and one at −10 °C.
#[test]
fn mean_kinetic_temperature_of_the_reference() {
    for (weighted, expected) in [([(-18.0, 23.0), (-10.0, 1.0)], -17.405), ([(4.0, 3.0), (12.0, 1.0)], 6.818)] {
        assert!((mkt_c(weighted).unwrap() - expected).abs() < 5e-4, "{weighted:?}");
    }
    assert_eq!(mkt_c([]), None);
    // The same day through the fold, hour by hour, and back together.
    let mut said = minutes(0, 23 * 60, -18.0);
    said.extend(minutes(23 * 60, 24 * 60 + 1, -10.0));
    let hours = closed(&said, 24 * 3600 + 30);
    let of = |hour: &Closed| (hour.hours[0].1.air.unwrap().mkt_c, hour.hours[0].1.observed_ms as f64);
    assert_eq!(hours.len(), 24);
    assert!((mkt_c(hours.iter().map(of)).unwrap() - -17.405).abs() < 5e-4);
}

/// DOMAIN §4: a quarter of an hour 6 K above the limit, all of it in a defrost's time.
#[test]
fn a_defrost_is_left_out_of_the_adjusted_minutes_only() {
    let mut said = minutes(0, 60, -20.0);
    for minute in 20..35 {
        said[minute as usize] = air(minute * 60, -12.0);
    }
    for minute in 0..60 {
        said.push((minute * 60, Point::CabinetDefrost, Value::Bool((20..30).contains(&minute))));
        said.push((minute * 60, Point::CabinetDoor, Value::Bool(minute % 30 == 5)));
        said.push((minute * 60, Point::CabinetProduct, Value::Float(-19.0 + minute as f64 / 60.0)));
    }
    said.extend([
        (1800, Point::AlarmState, text("raised")),
        (2400, Point::AlarmState, text("cleared")),
        (2500, Point::AlarmState, text("acknowledged")),
    ]);
    said.sort_by_key(|(at_s, ..)| *at_s);
    let figures = first(&said);
    let air = figures.air.unwrap();
    assert_eq!((air.above_ms, figures.above_adjusted_ms), (15 * 60_000, Some(0)));
    near(air.degree_min, 90.0);
    assert_eq!((figures.defrost_ms, figures.door), (Some(600_000), Some((120_000, 2))));
    assert_eq!(figures.product_c.unwrap(), [-19.0, -19.0 + 59.0 / 60.0]);
    assert_eq!(figures.alarms, [1, 1]);
}

/// What comes for a closed hour names the hour, and computing it again gives what it would have been in time.
#[test]
fn late_readings_give_what_they_would_have_given_in_time() {
    let mut fold = Fold::new(site());
    let (mut all, mut hours) = (Vec::new(), Vec::new());
    let mut say = |fold: &mut Fold, seq: u64, log_s: i64, said: &Said| {
        while let Some(hour) = fold.close(T0 + log_s * 1000) {
            hours.push(hour);
        }
        let at_ms = T0 + said.0 * 1000;
        fold.observe(seq, T0 + log_s * 1000, DeviceIx(1), said.1.into(), at_ms, &said.2);
        all.push(Sample { at_ms, point: said.1, value: said.2.clone() });
    };
    let of = |minute: i64| air(minute * 60, -20.0 + (minute % 7) as f64);
    let (mut seq, mut in_time) = (0, Vec::new());
    // Minutes 90 to 200 are not heard before minute 300.
    for minute in (0..90).chain(200..400) {
        say(&mut fold, seq, minute * 60 + 1, &of(minute));
        seq += 1;
        if minute == 300 {
            for late in 90..200 {
                say(&mut fold, seq, minute * 60 + 2, &of(late));
                seq += 1;
            }
        }
    }
    in_time.extend((0..400).map(of));
    let expected: Vec<_> = closed(&in_time, 400 * 60).into_iter().map(|hour| (hour.hour_ms, hour.hours[0].1.clone())).collect();
    let late: Vec<_> = hours.iter().flat_map(|hour| hour.late.clone()).collect();
    assert_eq!(late, [(DeviceIx(1), (1..4).map(|nth| T0 + nth * HOUR_MS).collect())]);
    assert_eq!(fold.position_before(DeviceIx(1), T0 + HOUR_MS), Some(0));
    let again = fold.again(DeviceIx(1), &late[0].1, all);
    assert_eq!(again, expected[1..4]);
    assert_ne!(hours[2].hours[0].1, expected[2].1);
}

/// Where the log was followed from its beginning on, an hour before it begins there; otherwise nobody knows.
#[test]
fn where_an_hour_began_is_known_or_not() {
    for (seq, expected) in [(0, Some(0)), (7, None)] {
        let mut fold = Fold::new(site());
        for hour in 0..12 {
            let at_ms = T0 + hour * HOUR_MS;
            while fold.close(at_ms).is_some() {}
            let seq = seq + 10 * hour.unsigned_abs();
            fold.observe(seq, at_ms, DeviceIx(1), Point::CabinetAir.into(), at_ms, &Value::Float(-20.0));
        }
        assert_eq!(fold.position_before(DeviceIx(1), T0 + HOUR_MS), expected);
        assert!(fold.is_before_log(T0 - HOUR_MS) && !fold.is_before_log(T0));
        // Two hours of lead, three minutes of hold and a clock that may be ahead: the hour four before.
        assert_eq!(fold.position_before(DeviceIx(1), T0 + 9 * HOUR_MS), Some(seq + 50));
    }
}

#[test]
fn lost_readings_are_said_in_every_hour_they_may_be_of() {
    let mut fold = Fold::new(site());
    fold.observe(0, T0, DeviceIx(1), Point::CabinetAir.into(), T0, &Value::Float(-20.0));
    fold.lost();
    let later = T0 + 3 * HOUR_MS;
    let mut gaps = Vec::new();
    while let Some(hour) = fold.close(later) {
        gaps.push(hour.gap);
    }
    fold.observe(9, later, DeviceIx(1), Point::CabinetAir.into(), later, &Value::Float(-20.0));
    while let Some(hour) = fold.close(later + 3 * HOUR_MS) {
        gaps.push(hour.gap);
    }
    // Two hours are over, the third ends within the grace; in it and in the one where the log goes on readings may be lost.
    assert_eq!(gaps, [true, true, true, false, false]);
}

#[test]
fn a_snapshot_goes_on_where_it_was_taken() {
    let mut said = minutes(0, 240, -20.0);
    said.iter_mut().step_by(11).for_each(|said| said.2 = Value::Float(-10.0));
    let whole = closed(&said, 240 * 60 + 30);
    for cut in [0, 1, 59, 60, 61, 137] {
        let mut fold = Fold::new(site());
        let mut out = Vec::new();
        for (seq, (at_s, point, value)) in said.iter().enumerate() {
            if seq == cut {
                fold = Fold::restore(site(), &fold.snapshot()).unwrap();
            }
            let at_ms = T0 + at_s * 1000;
            out.extend(std::iter::from_fn(|| fold.close(at_ms + 1000)));
            fold.observe(seq as u64, at_ms + 1000, DeviceIx(1), (*point).into(), at_ms, value);
        }
        out.extend(std::iter::from_fn(|| fold.close(T0 + (240 * 60 + 30) * 1000)));
        assert_eq!(out, whole, "cut at {cut}");
    }
    let mut damaged = Fold::new(site()).snapshot();
    damaged[7] ^= 1;
    assert!(Fold::restore(site(), &damaged).is_none());
}

#[test]
fn a_line_is_written_as_documented() {
    let body = record::hour_body(&freezer(), T0, &figures(), false, false, None);
    let (line, hash) = record::sealed(&body, 1, 10, record::FIRST);
    assert_eq!(
        line,
        format!(
            "{{\"v\":1,\"kind\":\"hour\",\"device\":\"fz-02\",\"hour\":\"2026-09-01T00:00:00Z\",\"local\":\"2026-09-01T08:00:00+08:00\",\
             \"rev\":0,\"supersedes\":null,\"class\":\"frozen\",\"limit_c\":-18.0,\"quality\":\"good\",\"coverage\":1.0000,\
             \"observed_s\":3600.000,\"gap\":false,\"samples\":60,\"air_min_c\":-18.500,\"air_mean_c\":-18.000,\"air_max_c\":-17.000,\
             \"mkt_c\":-17.900,\"product_min_c\":null,\"product_max_c\":null,\"above_min\":1.000,\"above_adjusted_min\":0.000,\
             \"degree_min\":1.000,\"door_min\":0.500,\"door_openings\":2,\"defrost_min\":0.000,\"alarms_raised\":0,\"alarms_cleared\":0,\
             \"calibrated\":null,\"n\":1,\"upto\":10,\"prev\":\"first\",\"hash\":\"{hash}\"}}\n"
        )
    );
    let without = line.trim_end().replace(&format!(",\"hash\":\"{hash}\""), "");
    assert_eq!(record::sha256(without.as_bytes()), hash);
    assert_eq!(record::sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let read = record::Record::parse(line.trim_end()).unwrap();
    let hour = read.hour().unwrap();
    assert_eq!((hour.hour_ms, hour.air_max_c, hour.product_min_c, hour.link.n), (T0, Some(-17.0), None, 1));
}
