#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use facility_config::site::Tls;
use facility_drivers::sim::tsdb::{Mode, Tsdb};
use std::fs;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

fn database(url: &str) -> Database {
    Database {
        url: url.to_owned(),
        api: WriteApi::Influx2 { org: "福州 org".to_owned(), bucket: "edge&x".to_owned() },
        login: Login::None,
        tls: Tls::default(),
        timeout: Duration::from_secs(5),
        proxy: None,
        server_name: None,
    }
}

/// Answers one connection with these bytes and gives back what it was asked.
async fn serve_once(answer: Vec<u8>) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 * 1024];
        let got = stream.read(&mut request).await.unwrap();
        // The client may stop reading a long answer.
        let _ = stream.write_all(&answer).await;
        String::from_utf8_lossy(&request[..got]).into_owned()
    });
    (url, served)
}

#[test]
fn the_address_keeps_its_base_path_and_is_escaped() {
    let query = "org=%E7%A6%8F%E5%B7%9E+org&bucket=edge%26x&precision=ms";
    let table = [
        ("http://h:8086", "http://h:8086/api/v2/write?"),
        ("http://h:8086/", "http://h:8086/api/v2/write?"),
        ("https://h/insert/0/influx", "https://h/insert/0/influx/api/v2/write?"),
        ("https://h/insert/0/influx/", "https://h/insert/0/influx/api/v2/write?"),
        ("http://[::1]:1/x", "http://[::1]:1/x/api/v2/write?"),
    ];
    for (url, expected) in table {
        assert_eq!(write_url(&database(url)).unwrap().as_str(), format!("{expected}{query}"));
    }
    for url in ["", "h:8086", "ftp://h", "mailto:a@b", "http://", "http://user:secret@h"] {
        let error = Writer::new(&database(url)).unwrap_err();
        assert!(matches!(error, NotReady::Url { .. }) && !error.to_string().contains("secret"), "{url}: {error}");
    }
}

#[tokio::test]
async fn the_token_comes_from_its_file_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let database = Database { login: Login::Token(file.clone()), ..database("http://h") };
    for (content, why) in [(None, "No such file"), (Some("\n"), "empty"), (Some("a\nb"), "line break")] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let error = Writer::new(&database).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("token"), "{error}");
    }
    fs::write(&file, "first\n").unwrap();
    let mut writer = Writer::new(&database).unwrap();
    assert_eq!(writer.reload().await, Ok(false));
    fs::write(&file, "second").unwrap();
    assert_eq!(writer.reload().await, Ok(true));
    fs::write(&file, "").unwrap();
    assert!(writer.reload().await.is_err());
    assert_eq!(writer.authorization.as_ref().unwrap(), "Token second");
    assert!(!format!("{writer:?}").contains("second"));
}

#[test]
fn a_user_of_the_older_protocol_logs_in_with_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    fs::write(&file, "pass word\n").unwrap();
    let login = Login::Password { user: "gateway".to_owned(), file };
    let api = |rp: Option<&str>| WriteApi::Influx1 { db: "fz 15".to_owned(), rp: rp.map(str::to_owned) };
    let of = |rp| Database { api: api(rp), login: login.clone(), ..database("http://h/base/") };
    let writer = Writer::new(&of(None)).unwrap();
    assert_eq!(writer.url.as_str(), "http://h/base/write?db=fz+15&precision=ms");
    assert_eq!(write_url(&of(Some("two"))).unwrap().as_str(), "http://h/base/write?db=fz+15&rp=two&precision=ms");
    let header = writer.authorization.as_ref().unwrap();
    assert_eq!(header, "Basic Z2F0ZXdheTpwYXNzIHdvcmQ=");
    assert!(header.is_sensitive());
}

#[test]
fn without_an_authority_there_is_no_tls() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let database = Database { tls: Tls { ca_file: Some(ca.clone()), ..Tls::default() }, ..database("https://h") };
    assert!(matches!(Writer::new(&database), Err(NotReady::Roots { .. })));
    fs::write(&ca, "no certificate").unwrap();
    assert!(matches!(Writer::new(&database), Err(NotReady::Roots { .. })));
}

#[test]
fn the_same_lines_give_the_same_bytes() {
    let text = "cabinet,device_id=a t=1.0 1\n".repeat(1_000);
    assert_eq!(gzip(&text), gzip(&text));
    assert!(gzip(&text).len() < text.len() / 20);
}

#[tokio::test]
async fn no_token_follows_a_redirect() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    fs::write(&file, "secret").unwrap();
    let (elsewhere, foreign) = serve_once(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
    for status in [301, 302, 307, 308] {
        let (url, served) =
            serve_once(format!("HTTP/1.1 {status} Go\r\nlocation: {elsewhere}/api/v2/write\r\ncontent-length: 0\r\n\r\n").into_bytes())
                .await;
        let mut writer = Writer::new(&Database { login: Login::Token(file.clone()), ..database(&url) }).unwrap();
        let outcome = writer.send(gzip("m v=1 1\n"), 0).await;
        assert!(matches!(outcome, Outcome::Hold { token: false, .. }), "{outcome:?}");
        let request = served.await.unwrap();
        assert!(request.starts_with("POST /api/v2/write?org=") && request.contains("authorization: Token secret"), "{request}");
        assert!(request.contains("content-encoding: gzip"), "{request}");
    }
    assert!(!foreign.is_finished());
}

#[tokio::test]
async fn odd_answers_are_bounded_and_never_storage() {
    let head = "HTTP/1.1 200 OK\r\n";
    let endless = [format!("{head}content-length: 50000000\r\n\r\n").into_bytes(), vec![b'x'; 2_000_000]].concat();
    let table = [
        ("a page", format!("{head}content-length: 6\r\n\r\n<html>").into_bytes(), "hold"),
        ("an endless page", endless, "hold"),
        ("a bomb that is not unpacked", format!("{head}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x1f").into_bytes(), "hold"),
        ("a broken off page", format!("{head}content-length: 9\r\n\r\n").into_bytes(), "retry"),
        ("a broken head", b"HTTP/1.1 20".to_vec(), "retry"),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "retry"),
        ("silence", Vec::new(), "retry"),
        ("nothing but a head", format!("{head}content-length: 0\r\n\r\n").into_bytes(), "stored"),
    ];
    for (what, answer, expected) in table {
        let (url, _served) = serve_once(answer).await;
        let outcome = Writer::new(&database(&url)).unwrap().send(gzip("m v=1 1\n"), 0).await;
        let kind = match &outcome {
            Outcome::Stored => "stored",
            Outcome::Retry { .. } => "retry",
            Outcome::Hold { .. } => "hold",
            _ => "other",
        };
        assert_eq!(kind, expected, "{what}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_victoria_metrics_is_known_by_its_answer() {
    let table = [
        ("X-Influxdb-Version: 1.8.0\r\nX-Server-Hostname: vm\r\n", true),
        ("X-Influxdb-Build: OSS\r\nX-Influxdb-Version: 1.6.7~rc0\r\n", false),
        ("", false),
    ];
    for (head, expected) in table {
        let (url, _served) = serve_once(format!("HTTP/1.1 204 No Content\r\n{head}\r\n").into_bytes()).await;
        let mut writer = Writer::new(&database(&url)).unwrap();
        assert!(!writer.is_victoria(), "nothing was said yet");
        assert_eq!((writer.send(gzip("m v=1 1\n"), 0).await, writer.is_victoria()), (Outcome::Stored, expected), "{head}");
    }
}

#[tokio::test]
async fn an_unreachable_database_is_named_by_its_cause() {
    let (url, served) = serve_once(Vec::new()).await;
    served.abort();
    let _ = served.await;
    let outcome = Writer::new(&database(&url)).unwrap().send(gzip("m v=1 1\n"), 0).await;
    let Outcome::Retry { why, after: None, suspicious: false } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_name_in_the_certificate_does_not_say_where_the_database_is() {
    let (url, served) = serve_once(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
    let through = Database { server_name: Some("tsdb.example.cn".to_owned()), ..database(&url) };
    assert_eq!(Writer::new(&through).unwrap().send(gzip("m v=1 1\n"), 0).await, Outcome::Stored);
    assert!(served.await.unwrap().contains("host: tsdb.example.cn:"));
}

/// A name server whose answer changes. It stands where the system's would be: that one keeps no answers, so what is
/// to be seen is whether the client asks again.
#[derive(Debug)]
struct Moving {
    to: watch::Receiver<SocketAddr>,
    asked: Arc<AtomicUsize>,
}

impl Resolve for Moving {
    fn resolve(&self, _: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found: Addrs = Box::new(std::iter::once(*self.to.borrow()));
        Box::pin(ready(Ok(found)))
    }
}

#[tokio::test]
async fn a_database_that_moved_is_found_by_its_name_at_the_next_connection() {
    let (old, new) = (Tsdb::start(([127, 0, 0, 1], 0).into()).unwrap(), Tsdb::start(([127, 0, 0, 1], 0).into()).unwrap());
    // Without a port in the address that of the answer counts.
    let database = database("http://tsdb.example");
    let (name, asked) = (watch::Sender::new(old.addr()), Arc::<AtomicUsize>::default());
    let mut writer = Writer::new(&database).unwrap();
    let moving = Moving { to: name.subscribe(), asked: Arc::clone(&asked) };
    writer.client = builder(&database, &writer.url).unwrap().dns_resolver(Arc::new(moving)).build().unwrap();
    let line = |nth: u32| gzip(&format!("m v=1i {nth}\n"));
    for nth in 1..=3 {
        assert_eq!(writer.send(line(nth), 0).await, Outcome::Stored);
    }
    assert_eq!((old.summary().requests, asked.load(Ordering::Relaxed)), (3, 1), "one connection");
    // It moves: the old machine goes, the name says where to.
    name.send_replace(new.addr());
    old.set_mode(Mode::Drop);
    assert!(matches!(writer.send(line(4), 0).await, Outcome::Retry { .. }));
    assert_eq!(writer.send(line(4), 0).await, Outcome::Stored);
    assert_eq!((new.summary().requests, asked.load(Ordering::Relaxed)), (1, 2));
}
