//! The gateway among Modbus of other makers: pymodbus and libmodbus as devices, mbpoll as the other master, DTUs that dial
//! in. All of it reads; that nothing else is possible is the drivers' own business.

mod dial_in;
mod masters;
mod values;
mod ways;

use facility_tests::{Gateway, peer_file, until};
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);

/// A gateway with the profiles of `tests/peers` and a configuration of buses and devices.
async fn gateway(id: &str, buses: &str) -> Gateway {
    let mut gateway = prepared(id, buses);
    gateway.resume().await;
    gateway
}

fn prepared(id: &str, buses: &str) -> Gateway {
    let head = format!("[gateway]\nid = \"{id}\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n");
    let gateway = Gateway::prepare(&format!("{head}{buses}"));
    ["every-type.toml", "with-hole.toml"].iter().for_each(|name| gateway.add_profile(&peer_file(name)));
    gateway
}

/// A bus of that name and one device on it, `NAME-01`, unit 1, every second.
fn bus(name: &str, profile: &str, settings: &str) -> String {
    format!(
        "[bus.{name}]\n{settings}\n[device.{name}-01]\nprofile = \"{profile}\"\nbus = \"{name}\"\nunit = 1\ninterval_s = 1\ncold = \"frozen\"\n"
    )
}

fn tcp(port: u16) -> String {
    format!("transport = \"tcp\"\naddress = \"127.0.0.1:{port}\"")
}

/// The newest value of a point, `measurement.field` or `measurement.field#part`; null if there is none.
async fn value(gateway: &Gateway, device: &str, point: &str) -> Value {
    found(&gateway.status().await, device, point)["value"].clone()
}

fn found(status: &Value, device: &str, point: &str) -> Value {
    let (name, part) = point.split_once('#').unwrap_or((point, ""));
    let device = status["devices"].as_array().and_then(|devices| devices.iter().find(|known| known["id"] == device));
    let values = device.and_then(|device| device["values"].as_array());
    values.and_then(|values| values.iter().find(|value| value["name"] == name && value["part"] == part)).cloned().unwrap_or_default()
}

async fn until_value(gateway: &Gateway, device: &str, point: &str, expected: f64) {
    until(&format!("{device} {point} to be {expected}"), DEADLINE, || async {
        (value(gateway, device, point).await.as_f64() == Some(expected)).then_some(())
    })
    .await;
}

async fn link(gateway: &Gateway, name: &str) -> Value {
    let status = gateway.status().await;
    status["links"].as_array().and_then(|links| links.iter().find(|link| link["name"] == name)).cloned().unwrap_or_default()
}

async fn until_link(gateway: &Gateway, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    until(&format!("link {name}: {what}"), DEADLINE, || async {
        let link = link(gateway, name).await;
        holds(&link).then_some(link)
    })
    .await
}
