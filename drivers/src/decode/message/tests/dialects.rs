//! The makers' dialects on their published samples: every reading that comes of each, and nothing else.

use super::super::MessageDecoder;
use super::arrival;
use crate::reading::{Batch, Value};
use facility_config::{Point, Site, from_toml};
use std::collections::BTreeMap;

const SAMPLES: &str = include_str!("../../../../../config/tests/dialects.json");

/// A site with one device of this model, by this name.
fn site_with(profile: &str, topic_id: &str) -> Site {
    let text = format!(
        "[gateway]\nid = \"gw-test-01\"\nsite = \"test-site\"\ndistrict = \"350102\"\n[mqtt.m]\nurl = \"mqtt://localhost\"\n\
         [device.d-1]\nprofile = \"{profile}\"\nmqtt = \"m\"\ntopic_id = \"{topic_id}\"\n"
    );
    from_toml("test.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Readings as `point` or `point#part` and a JSON value. What the decoder adds to an event is not the sample's.
fn told(batch: &Batch) -> BTreeMap<String, serde_json::Value> {
    let own = batch.readings.iter().filter(|reading| !matches!(reading.metric.point, Point::EventCount | Point::EventKey));
    let row = |reading: &crate::reading::Reading| {
        let part = reading.metric.part;
        let name = if part.is_whole() { reading.metric.point.to_string() } else { format!("{}#{part}", reading.metric.point) };
        let value = match &reading.value {
            Value::Float(number) => serde_json::json!(number),
            Value::Int(number) => serde_json::json!(number),
            Value::Bool(yes) => serde_json::json!(yes),
            Value::Text(text) => serde_json::json!(&**text),
            Value::Missing(quality) => serde_json::json!(quality.as_str()),
        };
        (name, value)
    };
    own.map(row).collect()
}

#[test]
fn every_sample_of_every_dialect_is_understood() {
    let samples: Vec<serde_json::Value> = serde_json::from_str(SAMPLES).unwrap();
    for sample in samples {
        let said = |key: &str| sample[key].as_str().unwrap_or_else(|| panic!("{key}: {sample}"));
        let site = site_with(said("profile"), said("topic_id"));
        let batch = MessageDecoder::new(&site, 0).decode(&arrival(said("topic"), said("payload").as_bytes()));
        let name = said("name");
        assert_eq!(batch.refused.map(crate::fault::Fault::label), sample["refused"].as_str(), "{name}");
        if batch.refused.is_none() {
            let expected: BTreeMap<String, serde_json::Value> = serde_json::from_value(sample["readings"].clone()).unwrap();
            assert_eq!(told(&batch), expected, "{name}");
            assert_eq!(batch.faults, [], "{name}");
            assert_eq!(batch.device_ms, sample["device_ms"].as_i64(), "{name}");
        }
    }
}

/// Order numbers, card numbers and signatures of the samples are in nothing that comes out of the decoder.
#[test]
fn nothing_else_of_a_sample_is_kept() {
    let samples: Vec<serde_json::Value> = serde_json::from_str(SAMPLES).unwrap();
    for sample in samples {
        let said = |key: &str| sample[key].as_str().unwrap();
        let site = site_with(said("profile"), said("topic_id"));
        let mut decoder = MessageDecoder::new(&site, 0);
        let batch = decoder.decode(&arrival(said("topic"), said("payload").as_bytes()));
        let kept = format!("{:?} {:?}", batch.readings, decoder.heard());
        for private in ["608698250414391831629337426006", "12345678", "E8B8A32274EA1EA14A2348A546C6AB98", "4506173"] {
            assert!(!kept.contains(private), "{private}: {kept}");
        }
    }
}
