//! Values of every type from servers of other makers, over every transport.

use super::{DEADLINE, bus, found, gateway, link, prepared, tcp, until_link, until_value, value};
use facility_tests::{Peer, PtyPair, until};
use serde_json::{Value, json};

/// What the servers of `tests/peers` hold.
fn expected() -> Vec<(&'static str, Value)> {
    vec![
        ("probe.temp_c#ABCD", json!(123.456)),
        ("probe.temp_c#DCBA", json!(123.456)),
        ("probe.temp_c#BADC", json!(123.456)),
        ("probe.temp_c#CDAB", json!(123.456)),
        ("cabinet.air_c", json!(-19.5)),
        ("probe.temp_c#u32", json!(100_000.0)),
        ("probe.temp_c#f64", json!(-333_333.333)),
        ("probe.temp_c#input", json!(1234.0)),
        ("controller_alarm.active#coil", json!(true)),
        ("controller_alarm.active#discrete", json!(false)),
        ("controller_alarm.active#next", json!(true)),
    ]
}

fn serial(transport: &str, line: &PtyPair) -> String {
    format!("transport = \"{transport}\"\npath = \"{}\"", line.gateway.display())
}

fn through_tcp(transport: &str, peer: &Peer) -> String {
    format!("transport = \"{transport}\"\naddress = \"127.0.0.1:{}\"", peer.port.unwrap())
}

#[tokio::test]
async fn every_type_arrives_right_over_every_transport() {
    let (rtu_line, ascii_line, c_line) = tokio::join!(PtyPair::start(), PtyPair::start(), PtyPair::start());
    let (tcp, rtu_tcp, ascii_tcp) = tokio::join!(Peer::pymodbus("tcp"), Peer::pymodbus("rtu_over_tcp"), Peer::pymodbus("ascii_over_tcp"));
    let (_rtu, _ascii) = tokio::join!(Peer::pymodbus_on("rtu", &rtu_line.devices), Peer::pymodbus_on("ascii", &ascii_line.devices));
    let (c_tcp, _c_rtu) = (Peer::libmodbus().await, Peer::libmodbus_on(&c_line.devices).await);
    let buses = [
        ("py-tcp", through_tcp("tcp", &tcp)),
        ("py-rtu-tcp", through_tcp("rtu_over_tcp", &rtu_tcp)),
        ("py-ascii-tcp", through_tcp("ascii_over_tcp", &ascii_tcp)),
        ("py-rtu", serial("rtu", &rtu_line)),
        ("py-ascii", serial("ascii", &ascii_line)),
        ("c-tcp", through_tcp("tcp", &c_tcp)),
        ("c-rtu", serial("rtu", &c_line)),
    ];
    let config: String = buses.iter().map(|(name, settings)| bus(name, "every-type", settings)).collect();
    let gateway = gateway("gw-peers-01", &config).await;
    for (name, _) in &buses {
        let device = format!("{name}-01");
        let status = until(&format!("all values of {device}"), DEADLINE, || async {
            let status = gateway.status().await;
            expected().iter().all(|(point, _)| !found(&status, &device, point)["value"].is_null()).then_some(status)
        })
        .await;
        for (point, value) in expected() {
            let here = found(&status, &device, point)["value"].clone();
            let same = if value.is_boolean() { here == value } else { here.as_f64() == value.as_f64() };
            assert!(same, "{device} {point}: {here}, not {value}");
        }
        // A server on a line may have been asked before it listened; nothing else went wrong.
        let faults = link(&gateway, name).await["faults"].clone();
        let wrong: Vec<_> = faults.as_object().unwrap().iter().filter(|(fault, _)| *fault != "timeout").collect();
        assert!(wrong.iter().all(|(_, count)| **count == 0), "{name}: {faults}");
    }
}

#[tokio::test]
async fn a_server_that_was_restarted_is_found_again() {
    let mut peer = Peer::pymodbus("tcp").await;
    let gateway = gateway("gw-peers-02", &bus("py", "every-type", &tcp(peer.port.unwrap()))).await;
    until_value(&gateway, "py-01", "cabinet.air_c", -19.5).await;
    peer.kill();
    until_link(&gateway, "py", "broken", |link| link["state"] != "up").await;
    peer.resume(-240).await;
    until_value(&gateway, "py-01", "cabinet.air_c", -24.0).await;
    let link = link(&gateway, "py").await;
    assert!(link["connects"].as_u64().unwrap() >= 2, "{link}");
}

#[tokio::test]
async fn only_the_point_in_a_hole_is_without_value_and_that_is_remembered() {
    let peer = Peer::pymodbus("tcp").await;
    let mut gateway = prepared("gw-peers-03", &bus("py", "with-hole", &tcp(peer.port.unwrap())));
    gateway.resume().await;
    until_value(&gateway, "py-01", "cabinet.air_c", 30.0).await;
    until_value(&gateway, "py-01", "cabinet.setpoint_c", 32.0).await;
    assert!(value(&gateway, "py-01", "cabinet.evap_c").await.is_null());
    let refusals = link(&gateway, "py").await["faults"]["exception"].as_u64().unwrap();
    assert!(refusals >= 2, "the block, and the missing register alone");
    let file = gateway.store().join("modbus-learned.json");
    let learned = until("the lesson to be written down", DEADLINE, || async {
        std::fs::read_to_string(&file).ok().filter(|text| text.contains("31"))
    })
    .await;
    assert_eq!(serde_json::from_str::<Value>(&learned).unwrap()["py-01"]["profile"], "with-hole");

    assert!(gateway.terminate().await.success());
    gateway.resume().await;
    until("polls after the restart", DEADLINE, || async {
        let status = gateway.status().await;
        let fresh = found(&status, "py-01", "cabinet.air_c")["at_ms"].as_i64()? > status["gateway"]["started_ms"].as_i64()?;
        fresh.then_some(())
    })
    .await;
    let link = link(&gateway, "py").await;
    assert_eq!(link["faults"]["exception"].as_u64().unwrap_or(0), 0, "it knows what not to ask: {link}");
}
