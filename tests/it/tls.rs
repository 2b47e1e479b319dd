//! TLS with real servers: who is believed, who is not and in which words, and that nothing is lost meanwhile.

use facility_drivers::sim::mqtt::Publisher;
use facility_tests::{Authority, Gateway, Identity, Mosquitto, Victoria, binary, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(60);
const VALID: (i32, i32) = (2020, 2090);
/// Shortest wait between two attempts: a quarter of the first ceiling of one second, to broker and database alike.
const WAIT_MS_MIN: u128 = 250;
const READINGS: usize = 50;

/// The configuration with what differs: the lines after `[mqtt.kiosk]` and after `[forward]`.
fn config(broker: &str, database: &str) -> String {
    format!(
        r#"
[gateway]
id = "gw-tls-01"
site = "gl-junmen"
district = "350102"
[mqtt.kiosk]
{broker}
[forward.main]
org = "fz"
bucket = "fz"
raw = true
delay_ms = 100
{database}
[device.lk-001]
profile = "locker"
mqtt = "kiosk"
"#
    )
}

fn over_tls(scheme: &str, host: &str, port: u16, ca_file: &Path) -> String {
    format!("url = \"{scheme}://{host}:{port}\"\nca_file = {ca_file:?}\n")
}

fn client_lines(certificate: &Identity, key: &Identity) -> String {
    format!("cert_file = {:?}\nkey_file = {:?}\n", certificate.cert_file, key.key_file)
}

async fn publish(port: u16) {
    let mut publisher = Publisher::connect(([127, 0, 0, 1], port).into(), "tls-test", None).await.unwrap();
    let now_ms = facility_drivers::Clock::system().now_ms();
    for nth in 0..READINGS {
        let ts = jiff::Timestamp::from_millisecond(now_ms + nth as i64).unwrap();
        let text = format!(r#"{{"v":1,"id":"lk-001","ts":"{ts}","seq":{nth},"compartments":{{"total":60,"occupied":41,"faulted":2}}}}"#);
        publisher.publish_nowait("scf/v1/gl-junmen/locker/lk-001/telemetry", text).await;
    }
    publisher.flush().await;
}

async fn stored(database: &Victoria) -> usize {
    database.series("locker_comp_occupied", "device_id").await.get("lk-001").map_or(0, BTreeMap::len)
}

async fn until_stored(database: &Victoria) {
    until("every reading in the database", DEADLINE, || async { (stored(database).await == READINGS).then_some(()) }).await;
}

async fn link(gateway: &Gateway, kind: &str) -> Option<Value> {
    gateway.status().await["links"].as_array()?.iter().find(|link| link["kind"] == kind).cloned()
}

async fn until_up(gateway: &Gateway, kind: &str) {
    until(&format!("{kind} up"), DEADLINE, || async { (link(gateway, kind).await?["state"] == "up").then_some(()) }).await;
}

/// How many attempts there can have been since `started` if there was a wait before each but the first.
fn attempts_max(started: Instant) -> usize {
    1 + (started.elapsed().as_millis() / WAIT_MS_MIN) as usize
}

#[tokio::test]
async fn readings_travel_from_a_broker_to_a_database_that_are_both_believed() {
    let authority = Authority::new("Gulou authority");
    let server = authority.identity("localhost", VALID);
    let client = authority.identity("gw-tls-01", VALID);
    for (asks_for, shows) in [(None, String::new()), (Some(authority.ca_file()), client_lines(&client, &client))] {
        let (broker, database) = tokio::join!(Mosquitto::start_tls(&server, asks_for), Victoria::start_tls(&server, authority.ca_file()));
        let broker_lines = over_tls("mqtts", "localhost", broker.tls_port.unwrap(), authority.ca_file()) + &shows;
        let database_lines = over_tls("https", "localhost", database.port, authority.ca_file());
        let gateway = Gateway::start(&config(&broker_lines, &database_lines)).await;
        until_up(&gateway, "broker").await;
        publish(broker.port).await;
        until_stored(&database).await;
        until_up(&gateway, "database").await;
    }
}

/// What the gateway shows of itself.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Good,
    Nothing,
    OfAnotherAuthority,
    WithAnotherKey,
}

/// A broker and a gateway that do not fit together.
struct Misfit {
    what: &'static str,
    /// Years the broker's certificate is valid.
    years: (i32, i32),
    host: &'static str,
    trusts_issuer: bool,
    signs_itself: bool,
    shown: Shown,
    state: &'static str,
    /// Parts of what a technician reads.
    words: &'static [&'static str],
}

const FITS: Misfit = Misfit {
    what: "",
    years: VALID,
    host: "localhost",
    trusts_issuer: true,
    signs_itself: false,
    shown: Shown::Good,
    state: "connecting",
    words: &[],
};

const MISFITS: &[Misfit] = &[
    Misfit { what: "another authority", trusts_issuer: false, words: &["authority that is not trusted", "`ca_file`"], ..FITS },
    Misfit { what: "signed by itself", signs_itself: true, words: &["authority that is not trusted", "`ca_file`"], ..FITS },
    Misfit { what: "another host", host: "127.0.0.1", words: &["certificate is for `localhost`, not for `127.0.0.1`", "`url`"], ..FITS },
    Misfit { what: "expired", years: (2020, 2021), words: &["expired on 2021-01-01"], ..FITS },
    Misfit { what: "not yet valid", years: (2089, 2090), words: &["not valid before 2089-01-01", "clock"], ..FITS },
    Misfit { what: "no client certificate", shown: Shown::Nothing, state: "denied", words: &["client certificate", "`cert_file`"], ..FITS },
    Misfit {
        what: "a stranger's client certificate",
        shown: Shown::OfAnotherAuthority,
        state: "denied",
        words: &["does not accept this gateway's certificate", "`cert_file`"],
        ..FITS
    },
    Misfit { what: "the key of another certificate", shown: Shown::WithAnotherKey, words: &["gw-tls-01.pem", "other.key", "fit"], ..FITS },
];

#[tokio::test]
async fn a_broker_and_a_gateway_that_do_not_fit_say_why_and_do_not_hurry() {
    let mut running = JoinSet::new();
    for misfit in MISFITS {
        running.spawn(stays_down(misfit));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

async fn stays_down(misfit: &Misfit) {
    let (known, stranger) = (Authority::new("Gulou authority"), Authority::new("Another authority"));
    let client = known.identity("gw-tls-01", VALID);
    let own = if misfit.signs_itself {
        Identity::signed_by_itself("localhost", misfit.years, client.folder())
    } else {
        known.identity("localhost", misfit.years)
    };
    let broker = Mosquitto::start_tls(&own, Some(known.ca_file())).await;
    let trusted = if misfit.trusts_issuer { &known } else { &stranger };
    let shown = match misfit.shown {
        Shown::Good => client_lines(&client, &client),
        Shown::Nothing => String::new(),
        Shown::OfAnotherAuthority => {
            let foreign = stranger.identity("gw-tls-01", VALID);
            client_lines(&foreign, &foreign)
        }
        Shown::WithAnotherKey => client_lines(&client, &known.identity("other", VALID)),
    };
    let lines = over_tls("mqtts", misfit.host, broker.tls_port.unwrap(), trusted.ca_file()) + &shown;
    let (before, started) = (broker.connections(), Instant::now());
    let gateway = Gateway::start(&config(&lines, "url = \"http://127.0.0.1:9\"")).await;
    let link = until(&format!("three attempts: {}", misfit.what), DEADLINE, || async {
        let link = link(&gateway, "broker").await?;
        assert_eq!((&link["connects"], link["state"] == "up"), (&Value::from(0), false), "{}: {link}", misfit.what);
        (gateway.log().matches("attempt").count() >= 3).then_some(link)
    })
    .await;
    let error = link["error"].as_str().unwrap_or_default();
    for words in misfit.words {
        assert!(error.contains(words), "{}: {words} is not in: {error}", misfit.what);
    }
    assert_eq!(link["state"], misfit.state, "{}: {error}", misfit.what);
    let (connections, max) = (broker.connections() - before, attempts_max(started));
    assert!(connections <= max, "{}: {connections} connections, {max} at most", misfit.what);
}

#[tokio::test]
async fn revoked_certificates_are_refused_on_both_sides() {
    let authority = Authority::new("Gulou authority");
    let (server, client) = (authority.identity("localhost", VALID), authority.identity("gw-tls-01", VALID));
    let gateway_is_revoked = format!("crlfile {}\n", authority.revoke(&client).display());
    let broker = Mosquitto::start_tls_with(&server, Some(authority.ca_file()), &gateway_is_revoked).await;
    let lines = over_tls("mqtts", "localhost", broker.tls_port.unwrap(), authority.ca_file()) + &client_lines(&client, &client);
    let gateway = Gateway::start(&config(&lines, "url = \"http://127.0.0.1:9\"")).await;
    let link =
        until("the broker's refusal", DEADLINE, || async { link(&gateway, "broker").await.filter(|link| link["state"] == "denied") });
    assert!(link.await["error"].as_str().unwrap_or_default().contains("revoked"));

    let broker = Mosquitto::start_tls(&server, None).await;
    let list = authority.revoke(&server);
    let lines = over_tls("mqtts", "localhost", broker.tls_port.unwrap(), authority.ca_file()) + &format!("crl_file = {list:?}\n");
    let gateway = Gateway::start(&config(&lines, "url = \"http://127.0.0.1:9\"")).await;
    let error = until("our refusal", DEADLINE, || async { link_error(&gateway).await }).await;
    assert!(error.contains("withdrawn") && error.contains("`crl_file`"), "{error}");
    assert_eq!(gateway.log().matches("connected").count(), 0);
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let authority = Authority::new("Gulou authority");
    let server = authority.identity("localhost", VALID);
    let (old, new) = (authority.identity("gw-old", VALID), authority.identity("gw-new", VALID));
    let broker = Mosquitto::start_tls_with(&server, Some(authority.ca_file()), "use_identity_as_username true\n").await;
    let lines = over_tls("mqtts", "localhost", broker.tls_port.unwrap(), authority.ca_file()) + &client_lines(&old, &old);
    let gateway = Gateway::start(&config(&lines, "url = \"http://127.0.0.1:9\"")).await;
    until_up(&gateway, "broker").await;
    assert!(broker.log().contains("u'gw-old'"));
    std::fs::copy(&new.key_file, &old.key_file).unwrap();
    std::fs::copy(&new.cert_file, &old.cert_file).unwrap();
    until("the new certificate at the broker", Duration::from_secs(90), || async { broker.log().contains("u'gw-new'").then_some(()) })
        .await;
    until_up(&gateway, "broker").await;
}

#[tokio::test]
async fn websockets_over_tls_are_checked_like_everything_else() {
    let authority = Authority::new("Gulou authority");
    let server = authority.identity("localhost", VALID);
    let broker = Mosquitto::start_tls_with(&server, None, "protocol websockets\n").await;
    let url = format!("url = \"wss://localhost:{}/mqtt\"\n", broker.tls_port.unwrap());
    let stranger = Authority::new("Another authority");
    for (ca_file, is_up) in [(authority.ca_file(), true), (stranger.ca_file(), false)] {
        let gateway = Gateway::start(&config(&format!("{url}ca_file = {ca_file:?}\n"), "url = \"http://127.0.0.1:9\"")).await;
        if is_up {
            until_up(&gateway, "broker").await;
        } else {
            let error = until("our refusal", DEADLINE, || async { link_error(&gateway).await }).await;
            assert!(error.contains("authority that is not trusted"), "{error}");
        }
    }
}

async fn link_error(gateway: &Gateway) -> Option<String> {
    link(gateway, "broker").await?["error"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_database_that_is_not_believed_loses_nothing() {
    let mut running = JoinSet::new();
    for (host, trusts_issuer, words) in
        [("localhost", false, "authority that is not trusted"), ("127.0.0.1", true, "certificate is for `localhost`, not for `127.0.0.1`")]
    {
        running.spawn(is_kept_until_corrected(host, trusts_issuer, words));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

async fn is_kept_until_corrected(host: &str, trusts_issuer: bool, words: &str) {
    let (known, stranger) = (Authority::new("Gulou authority"), Authority::new("Another authority"));
    let server = known.identity("localhost", VALID);
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start_tls(&server, known.ca_file()));
    let plain_broker = format!("url = \"mqtt://127.0.0.1:{}\"", broker.port);
    let trusted = if trusts_issuer { &known } else { &stranger };
    let started = Instant::now();
    let mut gateway = Gateway::start(&config(&plain_broker, &over_tls("https", host, database.port, trusted.ca_file()))).await;
    until_up(&gateway, "broker").await;
    publish(broker.port).await;
    let status = until("three attempts with everything kept", DEADLINE, || async {
        let status = gateway.status().await;
        let row = status["accounts"].as_array()?.iter().find(|row| row["name"] == "readings")?;
        let waits = row["buffered"].as_u64()? >= 3 * READINGS as u64 && status["forward"][0]["retries"].as_u64()? >= 3;
        waits.then_some(status)
    })
    .await;
    let link = status["links"].as_array().unwrap().iter().find(|link| link["kind"] == "database").unwrap();
    assert_eq!((&link["state"], &link["connects"]), (&Value::from("connecting"), &Value::from(0)), "{link}");
    assert!(link["error"].as_str().unwrap().contains(words), "{words} is not in: {link}");
    let (attempts, max) = (status["forward"][0]["requests"].as_u64().unwrap() as usize, attempts_max(started));
    assert!(attempts <= max, "{attempts} requests, {max} at most");
    assert_eq!(stored(&database).await, 0, "nothing goes to a database that is not believed");

    gateway.configure(&config(&plain_broker, &over_tls("https", "localhost", database.port, known.ca_file())));
    assert!(gateway.terminate().await.success());
    gateway.resume().await;
    until_stored(&database).await;
    until("an account that balances", DEADLINE, || async {
        gateway.status().await["accounts"].as_array()?.iter().all(|row| row["missing"] == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_database_is_believed_as_soon_as_its_authority_is_on_disk() {
    let (known, stranger) = (Authority::new("Gulou authority"), Authority::new("Another authority"));
    let server = known.identity("localhost", VALID);
    let (broker, database) = tokio::join!(Mosquitto::start(), Victoria::start_tls(&server, known.ca_file()));
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("ca.pem");
    std::fs::copy(stranger.ca_file(), &trusted).unwrap();
    let plain_broker = format!("url = \"mqtt://127.0.0.1:{}\"", broker.port);
    let gateway = Gateway::start(&config(&plain_broker, &over_tls("https", "localhost", database.port, &trusted))).await;
    until_up(&gateway, "broker").await;
    publish(broker.port).await;
    until("our refusal", DEADLINE, || async { link(&gateway, "database").await?["error"].as_str()?.contains("not trusted").then_some(()) })
        .await;
    std::fs::copy(known.ca_file(), &trusted).unwrap();
    until_stored(&database).await;
    until_up(&gateway, "database").await;
}

#[test]
fn a_key_that_others_can_read_is_refused_before_anything_starts() {
    let authority = Authority::new("Gulou authority");
    let client = authority.identity("gw-tls-01", VALID);
    let lines = over_tls("mqtts", "localhost", 8883, authority.ca_file()) + &client_lines(&client, &client);
    let gateway = Gateway::prepare(&config(&lines, "url = \"http://127.0.0.1:9\""));
    for (mode, code) in [(0o600, 0), (0o644, 78)] {
        std::fs::set_permissions(&client.key_file, Permissions::from_mode(mode)).unwrap();
        let output = Command::new(binary()).args(["check", "--config"]).arg(gateway.config()).env_clear().output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "mode {mode:o}: {shown}");
        assert_eq!(shown.contains(&format!("chmod 600 {}", client.key_file.display())), code == 78, "mode {mode:o}: {shown}");
    }
}
