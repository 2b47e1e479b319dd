//! The ways to a destination, one line through each by `forward test`: who is believed, a proxy, a tunnel, IPv6, a clock that is
//! not set; what a technician reads when it does not work.

use facility_tests::{Authority, Gateway, Identity, Mosquitto, binary};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

const VALID: (i32, i32) = (2020, 2090);

/// A database that stores whatever it is sent, over TLS. Ends with the process.
struct Database {
    port: u16,
    /// Heads of its requests.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Database {
    fn start(at: &str, own: &Identity, clients_of: Option<&Path>) -> Self {
        let listener = TcpListener::bind((at, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (config, heads) = (server(own, clients_of), Arc::<Mutex<Vec<String>>>::default());
        let seen = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
                if let Some(head) = answer(&mut stream) {
                    seen.lock().unwrap().push(head);
                }
            }
        });
        Self { port, heads }
    }

    fn requests(&self) -> usize {
        self.heads.lock().unwrap().len()
    }
}

fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).unwrap().map(Result::unwrap).collect()
}

fn server(own: &Identity, clients_of: Option<&Path>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = match clients_of {
        None => builder.with_no_client_auth(),
        Some(ca_file) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(ca_file));
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_file(&own.key_file).unwrap();
    Arc::new(builder.with_single_cert(certificates(&own.cert_file), key).unwrap())
}

/// Reads one request and says that it is stored. Its head, if one came.
fn answer(stream: &mut (impl Read + Write)) -> Option<String> {
    let (head, rest) = head(stream)?;
    let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|len| len.parse().ok()).unwrap_or(0_usize);
    let mut body = vec![0; len - rest];
    stream.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").ok()?;
    stream.flush().ok()?;
    Some(head)
}

/// The head of a request, and how many bytes of its body came with it.
fn head(stream: &mut impl Read) -> Option<(String, usize)> {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = text.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            return Some((String::from_utf8_lossy(&text[..end]).into_owned(), text.len() - end - 4));
        }
        match stream.read(&mut buffer) {
            Ok(len @ 1..) => text.extend_from_slice(&buffer[..len]),
            _ => return None,
        }
    }
}

/// A proxy that hands tunnels on and answers plain requests itself; what it was asked for.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Some((head, _)) = head(&mut stream) else { continue };
            let first = head.lines().next().unwrap_or_default().to_owned();
            seen.lock().unwrap().push(first.clone());
            match first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) {
                Some(to) => tunnel(stream, to),
                None => stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap(),
            }
        }
    });
    (port, asked)
}

fn tunnel(mut stream: TcpStream, to: &str) {
    let Ok(mut far) = TcpStream::connect(to) else {
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
        return;
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let (mut back, mut far_back) = (stream.try_clone().unwrap(), far.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut far_back, &mut back));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut stream, &mut far);
        let _ = far.shutdown(std::net::Shutdown::Write);
    });
}

/// What `forward test` says of a destination with these settings.
fn told(lines: &str, wrapper: &[&str]) -> (bool, String) {
    let head = "[gateway]\nid = \"gw-way-01\"\nsite = \"gl-junmen\"\ndistrict = \"350102\"\n[forward.main]\n";
    let gateway = Gateway::prepare(&format!("{head}{lines}"));
    let mut words: Vec<String> = wrapper.iter().map(|&word| word.to_owned()).collect();
    words.push(binary().display().to_string());
    words.extend(["forward", "test", "--json", "--config"].map(str::to_owned));
    let mut command = Command::new(&words[0]);
    // A proxy of the environment is never used.
    command.args(&words[1..]).arg(gateway.config()).env("https_proxy", "http://127.0.0.1:1").env("http_proxy", "http://127.0.0.1:1");
    let output = command.output().unwrap();
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let ok = answers[0]["ok"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(if ok { 0 } else { 1 }));
    (ok, answers[0]["words"].as_str().unwrap().to_owned())
}

fn https(host: &str, port: u16, ca_file: &Path, more: &str) -> String {
    format!("url = \"https://{host}:{port}\"\norg = \"o\"\nbucket = \"b\"\nca_file = {ca_file:?}\n{more}")
}

fn shows(one: &Identity) -> String {
    format!("cert_file = {:?}\nkey_file = {:?}\n", one.cert_file, one.key_file)
}

/// Whose certificate a database shows.
#[derive(Debug, Clone, Copy)]
enum Own {
    Known((i32, i32)),
    OfAnotherAuthority,
    SignedByItself,
}

#[test]
fn a_database_and_a_gateway_believe_each_other_or_say_why_not() {
    let (known, stranger) = (Authority::new("Gulou authority"), Authority::new("Another authority"));
    let (client, foreign) = (shows(&known.identity("gw-way-01", VALID)), shows(&stranger.identity("gw-way-01", VALID)));
    let folder = tempfile::tempdir().unwrap();
    let good = Own::Known(VALID);
    // Shown certificate, whether it asks for one, host, the gateway's settings, what is wrong.
    let table: [(Own, bool, &str, &str, Option<&str>); 10] = [
        (good, false, "localhost", "", None),
        (good, true, "localhost", &client, None),
        (good, true, "localhost", "", Some("it asks for a client certificate, and none is configured")),
        (good, true, "localhost", &foreign, Some("does not accept this gateway's certificate")),
        (Own::OfAnotherAuthority, false, "localhost", "", Some("authority that is not trusted here")),
        (Own::SignedByItself, false, "localhost", "", Some("authority that is not trusted here")),
        (good, false, "127.0.0.1", "", Some("certificate is for `localhost`, not for `127.0.0.1`")),
        (good, false, "127.0.0.1", "server_name = \"localhost\"\n", None),
        (Own::Known((2020, 2021)), false, "localhost", "", Some("expired on 2021-01-01")),
        (Own::Known((2089, 2090)), false, "localhost", "", Some("not valid before 2089-01-01")),
    ];
    for (own, asks, host, more, wrong) in table {
        let identity = match own {
            Own::Known(years) => known.identity("localhost", years),
            Own::OfAnotherAuthority => stranger.identity("localhost", VALID),
            Own::SignedByItself => Identity::signed_by_itself("localhost", VALID, folder.path()),
        };
        let database = Database::start("127.0.0.1", &identity, asks.then_some(known.ca_file()));
        let (ok, words) = told(&https(host, database.port, known.ca_file(), more), &[]);
        assert_eq!((ok, database.requests()), (wrong.is_none(), usize::from(wrong.is_none())), "{own:?} {host} {more}: {words}");
        assert!(words.contains(wrong.unwrap_or("stored")), "{own:?} {host} {more}: {words}");
    }
}

#[test]
fn a_clock_that_is_not_set_keeps_from_tls_and_from_nothing_else() {
    let authority = Authority::new("Gulou authority");
    let database = Database::start("127.0.0.1", &authority.identity("localhost", VALID), None);
    let (ok, words) = told(&https("localhost", database.port, authority.ca_file(), ""), &["faketime", "2001-02-03"]);
    assert!(!ok && words.contains("clock"), "{words}");
    assert_eq!(database.requests(), 0);
    let (ok, words) = told("protocol = \"mqtt\"\nurl = \"mqtts://localhost:1\"\n", &["faketime", "2001-02-03"]);
    assert!(!ok && words.contains("clock"), "{words}");
    let (port, _) = proxy();
    let (ok, words) = told(&format!("url = \"http://127.0.0.1:{port}\"\norg = \"o\"\nbucket = \"b\"\n"), &["faketime", "2001-02-03"]);
    assert!(ok, "{words}");
}

#[test]
fn a_proxy_gets_a_tunnel_for_tls_and_the_whole_address_without() {
    let authority = Authority::new("Gulou authority");
    let database = Database::start("127.0.0.1", &authority.identity("localhost", VALID), None);
    let (port, asked) = proxy();
    let through = format!("proxy = \"http://127.0.0.1:{port}\"\n");
    let (ok, words) = told(&https("localhost", database.port, authority.ca_file(), &through), &[]);
    assert!(ok && database.requests() == 1, "{words}");
    let (ok, words) = told(&format!("url = \"http://tsdb.invalid:8086/base\"\norg = \"o\"\nbucket = \"b\"\n{through}"), &[]);
    assert!(ok, "{words}");
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0], format!("CONNECT localhost:{} HTTP/1.1", database.port));
    assert!(asked[1].starts_with("POST http://tsdb.invalid:8086/base/api/v2/write?"), "{asked:?}");
    let (ok, words) = told(&https("tsdb.invalid", 443, authority.ca_file(), "proxy = \"http://127.0.0.1:1\"\n"), &[]);
    assert!(!ok && words.contains("refused"), "{words}");
}

#[test]
fn an_address_of_ipv6_is_called_and_a_name_may_have_either() {
    let authority = Authority::new("Gulou authority");
    let database = Database::start("::1", &authority.identity("::1", VALID), None);
    let (ok, words) = told(&https("[::1]", database.port, authority.ca_file(), ""), &[]);
    assert!(ok && database.requests() == 1, "{words}");
    assert!(database.heads.lock().unwrap()[0].contains(&format!("host: [::1]:{}", database.port)));
    // A name that stands for both is tried with both; one that stands for nothing is said.
    for at in ["127.0.0.1", "::1"] {
        let database = Database::start(at, &authority.identity("localhost", VALID), None);
        let (ok, words) = told(&https("localhost", database.port, authority.ca_file(), ""), &[]);
        assert!(ok || at == "::1" && words.contains("refused"), "{at}: {words}");
    }
    let (ok, words) = told(&https("tsdb.invalid", 443, authority.ca_file(), ""), &[]);
    assert!(!ok && (words.contains("dns") || words.contains("lookup")), "{words}");
}

#[tokio::test]
async fn a_platform_is_believed_and_believes_as_a_database() {
    let (known, stranger) = (Authority::new("Gulou authority"), Authority::new("Another authority"));
    let (server, client) = (known.identity("localhost", VALID), known.identity("gw-way-01", VALID));
    let broker = Mosquitto::start_tls(&server, Some(known.ca_file())).await;
    let url = format!("protocol = \"mqtt\"\nurl = \"mqtts://localhost:{}\"\n", broker.tls_port.unwrap());
    let table = [
        (known.ca_file(), shows(&client), None),
        (known.ca_file(), String::new(), Some("client certificate")),
        (known.ca_file(), shows(&stranger.identity("gw-way-01", VALID)), Some("does not accept this gateway's certificate")),
        (stranger.ca_file(), shows(&client), Some("authority that is not trusted")),
    ];
    for (ca_file, more, wrong) in table {
        let (ok, words) = told(&format!("{url}ca_file = {ca_file:?}\n{more}"), &[]);
        assert!(ok == wrong.is_none() && words.contains(wrong.unwrap_or("acknowledged")), "{wrong:?}: {words}");
    }
    assert!(broker.log().contains("gw-way-01-main-TEST"), "under an id of its own: {}", broker.log());
}
