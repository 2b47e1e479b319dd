//! A database on a loopback socket that takes InfluxDB writes, v2 and v1, counts what it got and misbehaves on request.
//!
//! Reads every line with InfluxData's own parser and refuses a request with a bad line as a whole. Never listens on
//! anything but loopback. Keeps counts and a bounded memory of recent points; only a test keeps everything.

mod ledger;
mod partly;
mod wire;

pub use ledger::{PointKey, Request, Summary};
pub use partly::Partly;

use crate::clock::Clock;
use axum::Router;
use axum::body::Bytes;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use facility_config::limits::SIM_TSDB_BODY_BYTES_MAX;
use flate2::read::MultiGzDecoder;
use ledger::{Ledger, Refusal};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::{Cut, Wire};

/// How the database behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Stores and answers 204.
    Up,
    /// Answers 503.
    Down,
    /// Answers this status, with `Retry-After` in seconds if given, and stores nothing.
    Status(u16, Option<u64>),
    /// Takes requests and does not answer until the mode changes; then it closes the connection.
    Hang,
    /// Closes the connection without storing or answering.
    Drop,
    /// Stores, then closes the connection: the answer is lost.
    StoreThenDrop,
    /// Stores, then answers this status.
    StoreThenStatus(u16),
    /// Answers 200 with many megabytes, and stores nothing.
    Huge,
    /// Answers 200 with a small body that claims to be compressed, and stores nothing.
    Bomb,
    /// Answers 200 with a web page, as the login of a public network does, and stores nothing.
    Portal,
}

#[derive(Debug, Default)]
struct Controls {
    token: Option<String>,
    body_bytes_max: Option<usize>,
    refused_text: Option<(String, u16)>,
    refused_partly: Option<(String, Partly)>,
}

#[derive(Debug)]
struct Shared {
    mode: watch::Sender<Mode>,
    controls: Mutex<Controls>,
    ledger: Mutex<Ledger>,
    clock: Clock,
    stop: CancellationToken,
}

/// A running database; stops when dropped.
#[derive(Debug)]
pub struct Tsdb {
    addr: SocketAddr,
    shared: Arc<Shared>,
    server: Option<JoinHandle<()>>,
}

impl Tsdb {
    /// Listens and serves. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The address is not a loopback address, or cannot be bound.
    pub fn start(bind: SocketAddr) -> io::Result<Self> {
        if !bind.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{bind}: the simulated database listens on loopback only")));
        }
        let listener = std::net::TcpListener::bind(bind)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let wire = Wire::new(tokio::net::TcpListener::from_std(listener)?);
        let shared = Arc::new(Shared {
            mode: watch::Sender::new(Mode::Up),
            controls: Mutex::default(),
            ledger: Mutex::default(),
            clock: Clock::system(),
            stop: CancellationToken::new(),
        });
        let router = Router::new()
            .route("/api/v2/write", post(write))
            .route("/write", post(write))
            .route("/health", get(health))
            .route("/ping", get(|| async { StatusCode::NO_CONTENT }))
            .layer(DefaultBodyLimit::max(SIM_TSDB_BODY_BYTES_MAX))
            .with_state(Arc::clone(&shared));
        let stop = shared.stop.clone();
        let server = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<Cut>();
            let served = axum::serve(wire, service).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::warn!(%error, "simulated database");
            }
        });
        Ok(Self { addr, shared, server: Some(server) })
    }

    /// Address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Base address as `forward.url` wants it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Changes its behaviour, also for requests that hang.
    pub fn set_mode(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
    }

    /// Answers 401 unless a write brings this token; `None` takes any.
    pub fn require_token(&self, token: Option<&str>) {
        self.shared.controls().token = token.map(str::to_owned);
    }

    /// Answers 413 to more bytes of line protocol than this.
    pub fn limit_body(&self, bytes_max: Option<usize>) {
        self.shared.controls().body_bytes_max = bytes_max;
    }

    /// Answers this status (400, 422, 500) and stores nothing while a line of the request contains this text.
    pub fn refuse_lines_with(&self, text: &str, status: u16) {
        self.shared.controls().refused_text = Some((text.to_owned(), status));
    }

    /// Refuses lines that contain this text and stores the others.
    pub fn refuse_partly(&self, text: &str, how: Partly) {
        self.shared.controls().refused_partly = Some((text.to_owned(), how));
    }

    /// Keeps every point and the last requests, for a test. Unbounded: never in a demonstration.
    pub fn keep_all(&self, yes: bool) {
        self.shared.ledger().keep_all = yes;
    }

    /// Counts lines and fields and looks at nothing else: leaves the processor to what is measured.
    pub fn count_only(&self, yes: bool) {
        self.shared.ledger().count_only = yes;
    }

    /// What it got so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.shared.ledger().summary.clone()
    }

    /// Every point, with its value as text; empty without [`keep_all`](Self::keep_all).
    #[must_use]
    pub fn points(&self) -> BTreeMap<PointKey, String> {
        self.shared.ledger().points.clone()
    }

    /// The last write requests; empty without [`keep_all`](Self::keep_all).
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.ledger().requests.iter().cloned().collect()
    }

    /// Stops and waits until the port is free.
    pub async fn stop(mut self) {
        self.shared.stop.cancel();
        if let Some(server) = self.server.take() {
            // An error here is the server's panic, which has already been reported.
            let _ = server.await;
        }
    }
}

impl Drop for Tsdb {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl Shared {
    // Nothing panics while holding these locks; a poisoned one still holds whole data.
    fn controls(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the mode is no longer [`Mode::Hang`].
    async fn hang(&self) {
        let mut mode = self.mode.subscribe();
        tokio::select! {
            _ = mode.wait_for(|mode| *mode != Mode::Hang) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Stores a request, or says why not.
    fn take(&self, query: &BTreeMap<String, String>, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
        let controls = self.controls();
        if let Some(token) = &controls.token {
            let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            if sent.and_then(|sent| sent.strip_prefix("Token ")) != Some(token) {
                return Err(Refusal::new(401, "unauthorized", "unauthorized access"));
            }
        }
        let named: &[&str] = if query.contains_key("db") { &["db"] } else { &["org", "bucket"] };
        if !named.iter().all(|key| query.get(*key).is_some_and(|value| !value.is_empty())) {
            return Err(Refusal::new(404, "not found", "bucket or organization not found"));
        }
        let text = text(headers, body)?;
        if controls.body_bytes_max.is_some_and(|bytes_max| text.len() > bytes_max) {
            return Err(Refusal::new(413, "request too large", "request body exceeds the limit"));
        }
        if let Some((refused, status)) = &controls.refused_text
            && let Some(line) = text.lines().find(|line| line.contains(refused.as_str()))
        {
            return Err(Refusal::new(*status, "invalid", &format!("field type conflict in '{line}'")));
        }
        let partly = controls.refused_partly.clone();
        drop(controls);
        let (text, refusal) = match partly {
            Some((refused, how)) => partly::parted(&text, &refused, how),
            None => (text, None),
        };
        let precision = query.get("precision").map_or("ns", String::as_str);
        self.ledger().take(&text, precision, self.clock.now_ms())?;
        match refusal {
            Some(body) => Err(Refusal { body: Some(body), ..Refusal::new(400, "invalid", "partial write") }),
            None => Ok(()),
        }
    }
}

async fn write(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mode = *shared.mode.borrow();
    let response = match mode {
        Mode::Up => answer(shared.take(&query, &headers, &body)),
        Mode::Down => answer(Err(Refusal::new(503, "unavailable", "down for maintenance"))),
        Mode::Status(status, after) => {
            let mut response = answer(Err(Refusal::new(status, "scripted", "told to answer so")));
            if let Some(after) = after {
                response.headers_mut().insert(header::RETRY_AFTER, after.into());
            }
            response
        }
        Mode::StoreThenStatus(status) => match shared.take(&query, &headers, &body) {
            Ok(()) => answer(Err(Refusal::new(status, "scripted", "stored, and told to say otherwise"))),
            refused => answer(refused),
        },
        Mode::Huge => "x".repeat(SIM_TSDB_BODY_BYTES_MAX).into_response(),
        Mode::Bomb => ([(header::CONTENT_ENCODING, "gzip")], vec![0x1f, 0x8b, 8, 0]).into_response(),
        Mode::Portal => Html("<html><body>Please log in to this network.</body></html>").into_response(),
        Mode::Hang => {
            shared.hang().await;
            cut.now();
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Mode::Drop => {
            cut.now();
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Mode::StoreThenDrop => {
            let stored = shared.take(&query, &headers, &body);
            cut.now();
            answer(stored)
        }
    };
    shared.ledger().note(response.status().as_u16(), body);
    response
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let (status, word) = if *shared.mode.borrow() == Mode::Up { (200, "pass") } else { (503, "fail") };
    let body = serde_json::json!({ "name": "facility-sim-tsdb", "status": word });
    (StatusCode::from_u16(status).unwrap_or_default(), axum::Json(body)).into_response()
}

fn answer(stored: Result<(), Refusal>) -> Response {
    match stored {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => {
            let said = || serde_json::json!({ "code": refusal.code, "message": refusal.message });
            let body = refusal.body.clone().unwrap_or_else(said);
            (StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), axum::Json(body)).into_response()
        }
    }
}

/// The body as text, decompressed up to [`SIM_TSDB_BODY_BYTES_MAX`].
fn text(headers: &HeaderMap, body: &Bytes) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => bytes.extend_from_slice(body),
        Some(b"gzip") => {
            let mut plain = MultiGzDecoder::new(body.as_ref()).take(SIM_TSDB_BODY_BYTES_MAX as u64 + 1);
            plain.read_to_end(&mut bytes).map_err(|error| Refusal::new(400, "invalid", &format!("gzip: {error}")))?;
        }
        Some(_) => return Err(Refusal::new(415, "invalid", "only gzip is understood")),
    }
    if bytes.len() > SIM_TSDB_BODY_BYTES_MAX {
        return Err(Refusal::new(413, "request too large", "request body exceeds the limit"));
    }
    String::from_utf8(bytes).map_err(|_| Refusal::new(400, "invalid", "the body is not UTF-8"))
}

#[cfg(test)]
mod tests;
