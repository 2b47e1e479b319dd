//! What is read for every connection: addresses, credentials, certificates, the clock.

use super::{Rig, scripted};
use crate::decode::message::fixture::broker;
use crate::link::LinkState;
use crate::mqtt::dial;
use crate::mqtt::places::Places;
use crate::sim::broker::Broker;
use crate::sim::broker::wire::Wire as Peer;
use facility_config::site::{self, Tls, Wire};
use rumqttc::{MqttOptions, Transport};
use std::fs::Permissions;
use std::net::Ipv6Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

pub(super) struct TempFile(pub(super) PathBuf);

impl TempFile {
    pub(super) fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("facility-drivers-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[tokio::test]
async fn a_rotated_password_needs_no_restart() {
    let (listener, port) = scripted().await;
    let password = TempFile::new("password", "one\r\n");
    let mut config = broker(port);
    config.username = Some("gw".to_owned());
    config.password_file = Some(password.0.clone());
    let rig = Rig::with(config, 64);
    for (expected, next) in [("one", "two"), ("two", "")] {
        let mut wire = Peer::accept(&listener).await;
        let rumqttc::Packet::Connect(connect) = wire.receive().await else { panic!("no CONNECT") };
        let login = connect.login.unwrap();
        assert_eq!((login.username.as_str(), login.password.as_str()), ("gw", expected));
        std::fs::write(&password.0, next).unwrap();
    }
    let error = rig.link.borrow().error.clone().unwrap();
    assert!(!error.contains("one") && !error.contains("two"), "{error}");
    rig.end().await;
}

#[tokio::test]
async fn an_ipv6_address_needs_no_brackets() {
    // A machine without IPv6 has no brokers on it either.
    let Ok(sim) = Broker::start((Ipv6Addr::LOCALHOST, 0).into()) else { return };
    let mut config = broker(sim.addr().port());
    config.endpoints[0].host = "::1".to_owned();
    let mut rig = Rig::with(config, 64);
    rig.link("up", |link| link.state == LinkState::Up).await;
    rig.end().await;
}

fn options(broker: &site::Broker, clock_is_set: bool) -> Result<MqttOptions, String> {
    dial::options(broker, 0, Places::new(1).place(), clock_is_set)
}

#[test]
fn how_the_bytes_travel() {
    let authority = TempFile::new("authority.pem", include_str!("tls/authority.pem"));
    let cases = [
        (Wire::Tcp, "::1", "", "::1"),
        (Wire::Tls, "kiosk.example.cn", "", "kiosk.example.cn"),
        (Wire::Websocket, "kiosk.example.cn", "/mqtt", "ws://kiosk.example.cn:1234/mqtt"),
        (Wire::Websocket, "::1", "", "ws://[::1]:1234"),
        (Wire::WebsocketTls, "kiosk.example.cn", "/a/b", "wss://kiosk.example.cn:1234/a/b"),
    ];
    for (wire, host, path, address) in cases {
        let mut config = broker(1);
        config.endpoints[0] = site::Endpoint { wire, host: host.to_owned(), port: 1234, path: path.into() };
        config.tls.ca_file = Some(authority.0.clone());
        let options = options(&config, true).unwrap();
        assert_eq!(options.broker_address(), (address.to_owned(), 1234));
        let travels = match options.transport() {
            Transport::Tcp => Wire::Tcp,
            Transport::Tls(_) => Wire::Tls,
            Transport::Ws => Wire::Websocket,
            Transport::Wss(_) => Wire::WebsocketTls,
            Transport::Unix => panic!("a local socket for {address}"),
        };
        assert_eq!(travels, wire);
        assert!(!options.clean_session());
    }
}

#[test]
fn a_secret_that_others_can_read_is_not_used() {
    let password = TempFile::new("shared-password", "one\n");
    let mut config = broker(1);
    config.username = Some("gw".to_owned());
    config.password_file = Some(password.0.clone());
    for (mode, words) in [(0o600, ""), (0o440, ""), (0o644, "chmod 600"), (0o620, "chmod 600")] {
        std::fs::set_permissions(&password.0, Permissions::from_mode(mode)).unwrap();
        let error = options(&config, true).err().unwrap_or_default();
        assert!(error.contains(words) && error.is_empty() == words.is_empty(), "{mode:o}: {error}");
    }
}

#[test]
fn what_is_missing_is_said_before_anybody_is_called() {
    let certificate = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    let broken = TempFile::new("broken.pem", certificate);
    let empty = TempFile::new("empty.pem", "nothing here\n");
    let tls = |ca: &str| Some(Tls { ca_file: Some(ca.into()), ..Tls::default() });
    let broken = broken.0.to_str().unwrap();
    let empty = empty.0.to_str().unwrap();
    let cases = [
        (tls(broken), None, false, "clock"),
        (tls(broken), None, true, "broken.pem"),
        (tls(empty), None, true, "no certificate"),
        (tls("/nonexistent/ca.pem"), None, true, "/nonexistent/ca.pem"),
        (None, Some(PathBuf::from("/nonexistent/password")), true, "/nonexistent/password"),
    ];
    for (tls, password_file, clock_is_set, words) in cases {
        let mut config = broker(1);
        if let Some(tls) = tls {
            config.endpoints[0].wire = Wire::Tls;
            config.tls = tls;
        }
        config.username = Some("gw".to_owned());
        config.password_file = password_file;
        let error = options(&config, clock_is_set).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    assert!(options(&broker(1), false).is_ok(), "only TLS needs the time");
}
