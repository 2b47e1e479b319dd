//! DTUs that dial in: known by their registration, kept by heartbeats, and the newest connection of each is the right one.

use super::{DEADLINE, bus, gateway, until_link, until_value};
use facility_config::profile::Table;
use facility_config::site::Framing;
use facility_drivers::sim::modbus::{Bank, Dtu, Server};
use facility_tests::free_port;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn bank(tenths: u16) -> Bank {
    let bank = Bank::new();
    bank.set(1, Table::Holding, 30, &[tenths, 310, 320]);
    bank
}

fn listening(at: SocketAddr, registration: &str) -> String {
    format!("transport = \"rtu_over_tcp\"\nlisten = \"{at}\"\nregistration = \"{registration}\"\nheartbeat = \"hex:FE\"")
}

fn dtu(registration: &str) -> Dtu {
    Dtu { registration: registration.into(), heartbeat: Some((vec![0xFE], Duration::from_millis(30))) }
}

#[tokio::test]
async fn two_dtus_at_one_address_are_told_apart() {
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = bus("north", "with-hole", &listening(at, "DTU-NORTH")) + &bus("south", "with-hole", &listening(at, "DTU-SOUTH"));
    let gateway = gateway("gw-peers-07", &config).await;
    // A stranger is hung up on.
    let mut stranger = TcpStream::connect(at).await.unwrap();
    stranger.write_all(b"DTU-NOBODY").await.unwrap();
    assert_eq!(tokio::time::timeout(DEADLINE, stranger.read(&mut [0; 8])).await.unwrap().unwrap_or(0), 0);
    let _south = Server::dial(at, dtu("DTU-SOUTH"), Framing::Rtu, bank(50)).unwrap();
    let _north = Server::dial(at, dtu("DTU-NORTH"), Framing::Rtu, bank(70)).unwrap();
    until_value(&gateway, "north-01", "cabinet.air_c", 7.0).await;
    until_value(&gateway, "south-01", "cabinet.air_c", 5.0).await;
    let link = until_link(&gateway, "north", "up", |link| link["state"] == "up").await;
    let faults = link["faults"].as_object().unwrap();
    assert!(faults.values().all(|count| count == 0), "heartbeats are nothing wrong: {link}");
}

#[tokio::test]
async fn a_dtu_that_dials_again_takes_the_place_of_its_old_connection() {
    let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let gateway = gateway("gw-peers-08", &bus("north", "with-hole", &listening(at, "DTU-NORTH"))).await;
    // The network has forgotten this one: it is open, and says nothing any more.
    let mut stale = TcpStream::connect(at).await.unwrap();
    stale.write_all(b"DTU-NORTH").await.unwrap();
    until_link(&gateway, "north", "up", |link| link["state"] == "up").await;
    let mut asked = [0; 8];
    tokio::time::timeout(DEADLINE, stale.read_exact(&mut asked)).await.expect("a question in time").unwrap();
    assert_eq!(asked[..2], [1, 3], "it is asked");
    let _north = Server::dial(at, dtu("DTU-NORTH"), Framing::Rtu, bank(70)).unwrap();
    until_value(&gateway, "north-01", "cabinet.air_c", 7.0).await;
    let rest = tokio::time::timeout(DEADLINE, stale.read_to_end(&mut Vec::new())).await;
    assert!(rest.is_ok(), "the old connection is closed");
}
