//! What an inspector gets, from a log that was written by the gateway's own writer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::day::{Extract, Sum};
use super::{export, page, sheet, verify::words};
use crate::aggregate::fixture::{T0, cabinet};
use crate::coldchain::chain::{Chain, Entry, What};
use crate::coldchain::hour::{Air, Figures, HOUR_MS};
use crate::coldchain::verify;
use facility_config::device::{Calibration, ColdClass};
use facility_config::{Device, Site};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::tempdir;

fn freezer() -> Device {
    let calibration = Calibration { at: "2026-03-01".parse().ok(), months: 12 };
    Device { name: Some("<冷冻柜> & \"1\"".into()), calibration, ..cabinet(ColdClass::Frozen) }
}

fn site() -> Arc<Site> {
    crate::aggregate::fixture::site(Duration::from_secs(300), vec![freezer()])
}

/// An hour at one temperature.
fn hour(at_ms: i64, what: fn(Figures) -> What, air_c: f64) -> Entry {
    let above_c = (air_c + 18.0).max(0.0);
    let above_ms = if above_c > 0.0 { HOUR_MS } else { 0 };
    let air = Air { min_c: air_c - 0.5, mean_c: air_c, max_c: air_c + 0.5, mkt_c: air_c, above_ms, degree_min: above_c * 60.0 };
    let figures = Figures {
        observed_ms: HOUR_MS,
        air: Some(air),
        above_adjusted_ms: Some(above_ms),
        product_c: Some([-19.0, -18.5]),
        door: Some((60_000, 1)),
        defrost_ms: None,
        samples: 60,
        alarms: [0, 0],
    };
    Entry { hour_ms: at_ms, what: what(figures) }
}

/// The local day of 2 September: 23 hours at −18 °C, one at −10; of the day after, one hour that was not observed.
fn log(root: &Path) {
    let midnight = T0 + 16 * HOUR_MS;
    let mut chain = Chain::open(root, "fz-02").unwrap();
    for nth in 0..24_i64 {
        let air_c = if nth == 20 { -10.0 } else { -18.0 };
        chain
            .append(
                &freezer(),
                nth.unsigned_abs() + 1,
                &[hour(midnight + nth * HOUR_MS, |figures| What::Closed(figures, false), air_c)],
                36,
            )
            .unwrap();
    }
    let nothing = Entry { hour_ms: midnight + 24 * HOUR_MS, what: What::Closed(Figures::default(), true) };
    let late = hour(midnight, What::Again, -18.5);
    chain.append(&freezer(), 40, &[nothing, late], 36).unwrap();
}

fn extract<'a>(site: &'a Site, root: &Path) -> Extract<'a> {
    let day = |text: &str| text.parse().unwrap();
    export::extract(site, &site.devices[1], root, day("2026-09-02"), day("2026-09-03")).unwrap()
}

#[test]
fn a_day_is_put_together_from_sums() {
    let (root, site) = (tempdir().unwrap(), site());
    log(root.path());
    let extract = extract(&site, root.path());
    let (day, hours) = extract.days().next().unwrap();
    assert_eq!((day.to_string().as_str(), hours.len()), ("2026-09-02", 24));
    // The hour that was computed again counts as it is now.
    assert_eq!((hours[0].1.unwrap().rev, hours[0].1.unwrap().air_mean_c), (1, Some(-18.5)));
    let sum = Sum::of(hours.iter().skip(1).filter_map(|(_, hour)| *hour), 24);
    assert_eq!((sum.coverage, sum.quality, sum.door_openings), (23.0 / 24.0, "good", Some(23)));
    assert_eq!((sum.above_min, sum.above_adjusted_min, sum.degree_min, sum.defrost_min), (Some(60.0), Some(60.0), Some(480.0), None));
    // The reference day of DOMAIN §4 with its first hour left out twice over: 23 h at −18 and one at −10.
    let first = hours[1].1.unwrap();
    let whole = Sum::of(std::iter::once(first).chain(hours.iter().skip(1).filter_map(|(_, hour)| *hour)), 24);
    assert!((whole.mkt_c.unwrap() - -17.405).abs() < 5e-4, "{whole:?}");
    let runs = extract.runs();
    assert_eq!((runs.len(), runs[0].first.as_str(), runs[0].peak_c), (1, "2026-09-02T20:00:00+08:00", -9.5));
}

#[test]
fn the_spreadsheet_has_a_row_for_every_hour() {
    let (root, site) = (tempdir().unwrap(), site());
    log(root.path());
    let csv = sheet::csv(&extract(&site, root.path()));
    assert!(csv.starts_with("\u{feff}设备 device,本地时间 hour (UTC+8),"));
    let rows: Vec<Vec<&str>> = csv.trim_end().split("\r\n").map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 48);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    let text = rows[21].join(",");
    assert!(
        text.starts_with(
            "fz-02,2026-09-02T20:00:00+08:00,2026-09-02T12:00:00Z,0,frozen,-18.0,good,1.0000,3600.000,false,60,\
             -10.500,-10.000,-9.500,-10.000,-19.000,-18.500,60.000,60.000,480.000,1.000,1,,0,0,2026-03-01,21,"
        ),
        "{text}"
    );
    let unseen = rows[25].join(",");
    assert!(
        unseen.starts_with("fz-02,2026-09-03T00:00:00+08:00,2026-09-02T16:00:00Z,0,frozen,-18.0,insufficient,0.0000,0.000,true,0,,,,,")
    );
    assert_eq!((rows[26][6], rows[26][7]), ("missing", ""));
}

#[test]
fn the_page_says_what_an_inspector_asks_and_stands_alone() {
    let (root, site) = (tempdir().unwrap(), site());
    log(root.path());
    let extract = extract(&site, root.path());
    let html = page::html(&extract);
    let head = extract.verdict.head.clone().unwrap();
    let said = [
        "fz-02 · &lt;冷冻柜&gt; &amp; &quot;1&quot;",
        "鼓楼区 · s-1",
        "冷冻 frozen，≤ -18 °C",
        "2026-03-01，下次 next due 2027-03-01",
        "25 / 48，缺 missing 23，修订 revised 1",
        "<b>2026-09-02</b>",
        "无记录 no record",
        "<b>完整 whole</b>",
        "sha256sum",
        &head,
    ];
    for said in said {
        assert!(html.contains(said), "{said}");
    }
    for other in ["<script", "http://", "https://", "src=", "NaN", "inf"] {
        assert!(!html.contains(other), "{other}");
    }
    assert_eq!(html.matches("<details>").count(), html.matches("</details>").count());
    // The band ends where an hour was not observed.
    assert_eq!((html.matches("<polygon").count(), html.matches("class=\"limit\"").count()), (1, 1));
    assert_eq!(html, page::html(&extract));
}

#[test]
fn a_broken_chain_is_said_wherever_it_is_shown() {
    let (root, site) = (tempdir().unwrap(), site());
    log(root.path());
    let path = root.path().join("fz-02/2026-09.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replacen("\"air_max_c\":-9.500", "\"air_max_c\":-18.500", 1);
    std::fs::write(&path, text).unwrap();
    let extract = extract(&site, root.path());
    assert!(page::html(&extract).contains("2026-09.jsonl:21 content and hash do not go together"));
    let told = words(&extract.verdict);
    assert!(told.contains("fz-02  BROKEN") && told.contains("2026-09.jsonl:21: content and hash"), "{told}");
    assert!(words(&verify::verify(root.path(), "fz-02", Some("00")).unwrap()).contains("NOT in the chain"));
}
