//! Ways to a device: a backup address, and a connection that is closed while there is nothing to ask.

use super::{bus, gateway, link, tcp, until_link, until_value};
use facility_tests::{Peer, free_port};

#[tokio::test]
async fn the_backup_address_serves_while_the_other_does_not_answer() {
    let peer = Peer::pymodbus("tcp").await;
    let settings = format!("{}\nbackup = \"127.0.0.1:{}\"", tcp(free_port()), peer.port.unwrap());
    let gateway = gateway("gw-peers-09", &bus("py", "every-type", &settings)).await;
    until_value(&gateway, "py-01", "cabinet.air_c", -19.5).await;
    let link = link(&gateway, "py").await;
    assert!(link["state"] == "up" && link["error"].as_str().is_some_and(|error| error.contains("backup")), "{link}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_opened_again_for_the_next_question() {
    let peer = Peer::pymodbus("tcp").await;
    let config = bus("py", "every-type", &format!("{}\nidle_close_s = 1", tcp(peer.port.unwrap())));
    let gateway = gateway("gw-peers-10", &config.replace("interval_s = 1", "interval_s = 2")).await;
    let link = until_link(&gateway, "py", "opened three times", |link| link["connects"].as_u64() >= Some(3)).await;
    until_value(&gateway, "py-01", "cabinet.air_c", -19.5).await;
    let faults = link["faults"].as_object().unwrap();
    assert!(faults.values().all(|count| count == 0), "nothing is wrong with that: {link}");
}
