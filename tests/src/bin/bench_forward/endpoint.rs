//! An endpoint in a process of its own that takes every write and only counts it, down to the bytes at its socket.
//!
//! `POST` is answered with 204 without a look at the body, `GET` with the counts.

use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What it was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) requests: u64,
    pub(crate) head_bytes: u64,
    pub(crate) body_bytes: u64,
}

impl Counted {
    pub(crate) fn bytes(self) -> u64 {
        self.head_bytes + self.body_bytes
    }
}

/// A running endpoint; ends when dropped.
#[derive(Debug)]
pub(crate) struct Endpoint {
    process: Child,
    port: String,
}

impl Endpoint {
    pub(crate) fn start() -> Self {
        let mut process = crate::child(&["endpoint"]).stdout(Stdio::piped()).spawn().expect("a child");
        let mut port = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut port).expect("its port");
        Self { process, port: port.trim().to_owned() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn counted(&self) -> Counted {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.port)).expect("the endpoint runs");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the endpoint listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the endpoint answers");
        let json: serde_json::Value = serde_json::from_str(answer.lines().last().unwrap_or_default()).expect("counts");
        let of = |key: &str| json[key].as_u64().expect("a count");
        Counted { requests: of("requests"), head_bytes: of("head_bytes"), body_bytes: of("body_bytes") }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    head_bytes: AtomicU64,
    body_bytes: AtomicU64,
}

/// In a child: says where it listens and serves until it is killed.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("its address").port());
    let counts = Arc::<Counts>::default();
    for stream in listener.incoming().flatten() {
        let counts = Arc::clone(&counts);
        std::thread::spawn(move || answer(stream, &counts));
    }
}

/// Requests of one connection, until it is closed.
fn answer(stream: TcpStream, counts: &Counts) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answers = stream.try_clone()?;
    let mut requests = BufReader::with_capacity(256 * 1024, stream);
    loop {
        let (mut head_bytes, mut length, mut is_write) = (0, 0, false);
        loop {
            let mut line = String::new();
            let bytes = requests.read_line(&mut line)?;
            if bytes == 0 {
                return Ok(());
            }
            is_write |= line.starts_with("POST ");
            head_bytes += bytes as u64;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or_default();
            }
            if line == "\r\n" {
                break;
            }
        }
        if !is_write {
            let [requests, head_bytes, body_bytes] =
                [&counts.requests, &counts.head_bytes, &counts.body_bytes].map(|count| count.load(Relaxed));
            let text = json!({ "requests": requests, "head_bytes": head_bytes, "body_bytes": body_bytes });
            return answers.write_all(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{text}").as_bytes());
        }
        std::io::copy(&mut requests.by_ref().take(length), &mut std::io::sink())?;
        counts.requests.fetch_add(1, Relaxed);
        counts.head_bytes.fetch_add(head_bytes, Relaxed);
        counts.body_bytes.fetch_add(length, Relaxed);
        answers.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    }
}
