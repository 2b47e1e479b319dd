//! More than one master: two gateways at one server, mbpoll at our simulator, a line that belongs to somebody else.

use super::{bus, gateway, tcp, until_link, until_value};
use facility_config::profile::Table;
use facility_drivers::sim::modbus::{Bank, Pty, Server};
use facility_tests::{Peer, mbpoll};
use rustix::fs::{FlockOperation, Mode, OFlags};

#[tokio::test]
async fn two_gateways_share_a_server_through_tcp() {
    let peer = Peer::pymodbus("tcp").await;
    let config = bus("py", "every-type", &tcp(peer.port.unwrap()));
    let (one, other) = tokio::join!(gateway("gw-peers-04", &config), gateway("gw-peers-05", &config));
    tokio::join!(until_value(&one, "py-01", "cabinet.air_c", -19.5), until_value(&other, "py-01", "cabinet.air_c", -19.5));
}

#[tokio::test]
async fn the_other_master_reads_our_simulator_and_cannot_write() {
    let bank = Bank::new();
    bank.set(1, Table::Holding, 12, &[0x86A0, 0x0001]);
    bank.set(1, Table::Holding, 20, &[0x42F6, 0xE979]);
    bank.set(1, Table::Coil, 5, &[1, 0, 1]);
    let any = "127.0.0.1:0".parse().unwrap();
    let through_tcp = Server::tcp(any, bank.clone()).await.unwrap();
    let (line, far) = Pty::open().unwrap();
    let _on_line = Server::rtu(far, bank);
    let ways = [format!("-m tcp -p {} 127.0.0.1", through_tcp.addr().port()), format!("-m rtu -b 9600 -P none {}", line.path().display())];
    for way in ways {
        let cases = [
            ("-a 1 -r 12 -c 1 -t 4:int", true, "100000"),
            ("-a 1 -r 20 -c 1 -t 4:float -B", true, "123.456"),
            ("-a 1 -r 5 -c 3 -t 0", true, "[7]: \t1"),
            ("-a 1 -r 40 -c 1 -t 4", false, "Illegal data address"),
        ];
        for (question, right, expected) in cases {
            let output = mbpoll(&format!("{question} {way}")).await;
            let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(said.contains(expected) && output.status.success() == right, "{question} {way}: {said}");
        }
        let output = mbpoll(&format!("-a 1 -r 12 -t 4 {way} 7")).await;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("Illegal function"), "a write {way}: {said}");
    }
}

#[tokio::test]
async fn a_line_that_another_program_holds_is_left_alone_until_it_is_free() {
    let bank = Bank::new();
    bank.set(1, Table::Holding, 30, &[300, 310, 320]);
    let (line, far) = Pty::open().unwrap();
    let _units = Server::rtu(far, bank.clone());
    let held = rustix::fs::open(line.path(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    rustix::fs::flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
    let settings = format!("transport = \"rtu\"\npath = \"{}\"", line.path().display());
    let gateway = gateway("gw-peers-06", &bus("line", "with-hole", &settings)).await;
    let says = |words: &'static str| move |link: &serde_json::Value| link["error"].as_str().is_some_and(|error| error.contains(words));
    until_link(&gateway, "line", "refused with the reason", says("another program uses this port")).await;
    assert_eq!(bank.asked(1), 0, "nothing was sent into the other's line");
    drop(held);
    until_value(&gateway, "line-01", "cabinet.air_c", 30.0).await;
    // Now the gateway has it.
    let mine = rustix::fs::open(line.path(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty());
    let taken = mine.and_then(|mine| rustix::fs::flock(&mine, FlockOperation::NonBlockingLockExclusive));
    assert!(taken.is_err(), "the gateway keeps others off");
}
