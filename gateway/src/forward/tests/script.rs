//! Answers down to their bytes: whatever comes back, the database ends with what was produced.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Time limit of a request here; what comes slower comes in vain.
const LIMIT: Duration = Duration::from_millis(300);

/// What the endpoint says to a request.
#[derive(Debug, Clone)]
enum Says {
    /// These bytes; then it closes.
    Bytes(String),
    /// These bytes, one at a time and far too slowly.
    Dripping(String),
    /// These bytes, too late.
    Late(String),
    /// Nothing; the connection is reset.
    Reset,
}

use Says::{Bytes, Dripping, Late, Reset};

/// An endpoint between the forwarder and the database that follows a script until it is told to pass everything.
struct Script {
    url: String,
    asked: Arc<AtomicUsize>,
    passes: Arc<AtomicBool>,
}

impl Script {
    /// `stores`: the database gets each request, before anything is said.
    async fn start(database: SocketAddr, stores: bool, says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Self { url, asked: Arc::default(), passes: Arc::default() };
        let (asked, passes) = (Arc::clone(&script.asked), Arc::clone(&script.passes));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::Relaxed);
                let says = (!passes.load(Ordering::Relaxed)).then(|| says.clone());
                tokio::spawn(serve(stream, database, stores, says));
            }
        });
        script
    }
}

/// One request of one connection. The forwarder may leave at any moment.
async fn serve(mut client: TcpStream, database: SocketAddr, stores: bool, says: Option<Says>) -> std::io::Result<()> {
    let request = request(&mut client).await?;
    let answer = if stores || says.is_none() { ask(database, &request).await? } else { Vec::new() };
    match says {
        None => client.write_all(&answer).await,
        Some(Bytes(text)) => client.write_all(text.as_bytes()).await,
        Some(Late(text)) => {
            tokio::time::sleep(2 * LIMIT).await;
            client.write_all(text.as_bytes()).await
        }
        Some(Dripping(text)) => {
            client.set_nodelay(true)?;
            for byte in text.as_bytes() {
                client.write_all(&[*byte]).await?;
                tokio::time::sleep(LIMIT / 4).await;
            }
            Ok(())
        }
        Some(Reset) => client.set_zero_linger(),
    }
}

async fn request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok()).unwrap();
        if bytes.len() >= end + 4 + length {
            return Ok(bytes);
        }
    }
}

/// The database's own answer, which ends with its connection.
async fn ask(database: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(database).await?;
    let at = request.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
    stream.write_all(&[&request[..at], b"connection: close\r\n", &request[at..]].concat()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn status(line: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {line}\r\n{more}content-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn whatever_is_answered_the_database_ends_with_what_was_produced() {
    let foreign = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("location: http://{}/api/v2/write\r\n", foreign.local_addr().unwrap());
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&jiff::Timestamp::from_millisecond(AT_MS + 1_000).unwrap())
        .unwrap();
    let page = "<html><body>Please log in</body></html>";
    let stored = "HTTP/1.1 204 No Content\r\n\r\n".to_owned();
    let (connecting, denied) = (LinkState::Connecting, LinkState::Denied);
    let table = [
        ("reset before it is stored", false, Reset, connecting),
        ("reset after it is stored", true, Reset, connecting),
        ("stored, and said one byte at a time", true, Dripping(stored.clone()), connecting),
        ("not stored, and said one byte at a time", false, Dripping(status("503 Busy", "", "later")), connecting),
        ("stored, and said too late", true, Late(stored), connecting),
        ("stored, the head broken off", true, Bytes("HTTP/1.1 20".to_owned()), connecting),
        ("another protocol", false, Bytes("SSH-2.0-OpenSSH_9.2\r\n".to_owned()), connecting),
        ("nothing at all", false, Bytes(String::new()), connecting),
        ("a page that breaks off", false, Bytes("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n<html>".to_owned()), connecting),
        (
            "a page in pieces that never ends",
            false,
            Bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n<html".to_owned()),
            connecting,
        ),
        ("a login page", false, Bytes(status("200 OK", "content-type: text/html\r\n", page)), denied),
        ("a login page that says 400", false, Bytes(status("400 Bad Request", "", page)), denied),
        ("accepted, not stored", false, Bytes(status("202 Accepted", "", "")), denied),
        ("stored, and sent elsewhere", true, Bytes(status("307 Temporary Redirect", &elsewhere, "")), denied),
        ("sent elsewhere for ever", false, Bytes(status("308 Permanent Redirect", &elsewhere, "")), denied),
        ("to see other", false, Bytes(status("303 See Other", &elsewhere, "")), denied),
        ("too many, until a date", false, Bytes(status("429 Too Many Requests", &format!("retry-after: {date}\r\n"), "")), connecting),
        ("too many, for no time", false, Bytes(status("429 Too Many Requests", "retry-after: 0\r\n", "")), connecting),
        ("too many, until whenever", false, Bytes(status("429 Too Many Requests", "retry-after: soon\r\n", "")), connecting),
        ("a proxy without a database", false, Bytes(status("502 Bad Gateway", "", page)), connecting),
        ("stored, a proxy without patience", true, Bytes(status("504 Gateway Timeout", "", page)), connecting),
        ("a method that is not taken", false, Bytes(status("405 Method Not Allowed", "allow: GET\r\n", "")), denied),
        ("an encoding that is not taken", false, Bytes(status("415 Unsupported Media Type", "", "")), denied),
        ("a token that is refused", false, Bytes(status("401 Unauthorized", "", r#"{"code":"unauthorized"}"#)), denied),
        ("a token that may not write", false, Bytes(status("403 Forbidden", "", r#"{"code":"forbidden"}"#)), denied),
        ("a bucket that is not made yet", false, Bytes(status("404 Not Found", "", r#"{"code":"not found"}"#)), denied),
        ("more heads than anybody needs", false, Bytes(status("204 No Content", &"x: y\r\n".repeat(5_000), "")), connecting),
    ];
    for (what, stores, says, state) in table {
        let mut rig = Rig::new(1);
        rig.forward.lines_max = 50;
        let script = Script::start(rig.tsdb.addr(), stores, says).await;
        rig.database().url.clone_from(&script.url);
        rig.database().timeout = LIMIT;
        let records = lines(0..120, 0);
        rig.push(records.clone());
        rig.start();
        rig.until(what, |rig| script.asked.load(Ordering::Relaxed) >= 2 && rig.link.borrow().state == state).await;
        assert_eq!(rig.cursor(), Cursor::default(), "{what}: nothing is taken as stored");
        assert_eq!(rig.tsdb.summary().lines > 0, stores, "{what}");
        script.passes.store(true, Ordering::Relaxed);
        rig.until_read(240).await;
        rig.stop().await;
        rig.assert_sink_holds(&records);
        assert_eq!((rig.cursor().delivered, rig.dead_letters().as_str()), (240, ""), "{what}");
    }
    let visited = tokio::time::timeout(Duration::ZERO, foreign.accept()).await;
    assert!(visited.is_err(), "no token went elsewhere");
}
