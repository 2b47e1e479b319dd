//! Sends one body to the database and says what became of it.
//!
//! Never follows a redirect (the token must not reach another host), never uses a proxy that is not configured, never
//! decompresses an answer and never reads more of it than [`FORWARD_ANSWER_BYTES_MAX`]. A name is resolved again for
//! each connection. The token is read from its file and appears in no message.

use super::NotReady;
use super::outcome::{Outcome, classify};
use super::tls;
use bytes::Bytes;
use facility_config::limits::FORWARD_ANSWER_BYTES_MAX;
use facility_config::site::{Database, Login, WriteApi};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Proxy, Response, Url};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Measured on the lines of full requests, ten fields each (zlib-rs, x86-64), per line: level 2 takes 0.31 µs, level 3 0.59 for 8 %
/// fewer bytes, level 4 0.73 for 16 %, level 6 0.97 for 20 %. 4 is where more time stops paying while a backlog drains.
const GZIP_LEVEL: u32 = 4;
/// What is no full request is seldom and leaves all the time in the world: a month of figures of 50 devices is 15 to 30 %
/// smaller for some seconds of processor time.
const GZIP_LEVEL_SMALL: u32 = 9;
/// Lines shorter than this are no full request, bytes; the hourly figures of 50 devices are half of it.
const SMALL_BYTES: usize = 256 * 1024;
/// A connection is not waited for longer than this, whatever the limit of the whole request is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// An idle connection is closed, so that a database that moved is found by its name again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// In every answer of VictoriaMetrics, and of no other database that takes these lines.
const VICTORIA: &str = "x-server-hostname";

/// The write address of one database.
#[derive(Debug)]
pub struct Writer {
    client: Client,
    url: Url,
    database: Database,
    authorization: Option<HeaderValue>,
    /// The last request failed at TLS: the certificates may have been replaced on disk.
    distrusted: bool,
    /// The last answer was one of VictoriaMetrics.
    is_victoria: bool,
}

impl Writer {
    /// Reads the token and the certificates and makes the address; sends nothing.
    ///
    /// # Errors
    /// [`NotReady`] in words for the technician.
    pub fn new(database: &Database) -> Result<Self, NotReady> {
        let mut url = write_url(database)?;
        let client = client(database, &url)?;
        if let Some(name) = &database.server_name {
            // The certificate is checked for the host of the address; only where that is comes from elsewhere.
            url.set_host(Some(name)).map_err(|error| NotReady::Url { url: name.clone(), why: error.to_string() })?;
        }
        let authorization = authorization(&client, &database.login)?;
        Ok(Self { client, url, database: database.clone(), authorization, distrusted: false, is_victoria: false })
    }

    /// Whether the database is reached through TLS, which needs a clock that is right.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the last request failed because one of both sides did not believe the other.
    #[must_use]
    pub fn is_distrusted(&self) -> bool {
        self.distrusted
    }

    /// Whether the last answer came from a VictoriaMetrics, or through its proxy: it names itself 1.8 of InfluxDB to a write, but
    /// only its own servers tell their host's name.
    #[must_use]
    pub fn is_victoria(&self) -> bool {
        self.is_victoria
    }

    /// Reads token or password and the certificates from their files again; true if token or password is another one than
    /// before. On a thread of its own: a slow card must not hold up the collection of readings.
    ///
    /// # Errors
    /// [`NotReady`] if a file cannot be read or is empty; what was read before stays in use.
    pub async fn reload(&mut self) -> Result<bool, NotReady> {
        let database = self.database.clone();
        let read = tokio::task::spawn_blocking(move || Self::new(&database));
        let read = read.await.map_err(|error| NotReady::Client(error.to_string()))??;
        let changed = read.authorization != self.authorization;
        *self = read;
        Ok(changed)
    }

    /// Sends a body made by [`gzip`] and waits for the answer, at most the configured time.
    pub async fn send(&mut self, body: Bytes, now_ms: i64) -> Outcome {
        let mut request = self.client.post(self.url.clone());
        request = request.header(CONTENT_TYPE, "text/plain; charset=utf-8").header(CONTENT_ENCODING, "gzip").body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        match request.send().await {
            Ok(response) => {
                self.distrusted = false;
                self.is_victoria = response.headers().contains_key(VICTORIA);
                read(response, now_ms).await
            }
            Err(error) => {
                self.distrusted = facility_drivers::tls::failure(&error).is_some();
                Outcome::unanswered(unreachable(&error.without_url()))
            }
        }
    }
}

/// Looks up another host than the one that is asked for: the name is the one in the certificate.
#[derive(Debug)]
struct Elsewhere(Box<str>);

impl Resolve for Elsewhere {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            // The port is that of the address.
            let found: Vec<_> = tokio::net::lookup_host((&*host, 0)).await?.collect();
            Ok::<Addrs, _>(Box::new(found.into_iter()))
        })
    }
}

fn client(database: &Database, url: &Url) -> Result<Client, NotReady> {
    builder(database, url)?.build().map_err(|error| NotReady::Client(chain(&error)))
}

fn builder(database: &Database, url: &Url) -> Result<ClientBuilder, NotReady> {
    // Also without TLS: reqwest panics when it has to look for a provider of its own.
    let tls = if url.scheme() == "https" { tls::client(&database.tls)? } else { tls::nobody()? };
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(database.timeout)
        .connect_timeout(database.timeout.min(CONNECT_TIMEOUT))
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("facility-gateway/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &database.proxy {
        builder = builder.proxy(Proxy::all(proxy).map_err(|error| NotReady::Client(chain(&error)))?);
    }
    if let Some((host, _)) = url.host_str().zip(database.server_name.as_ref()) {
        builder = builder.dns_resolver(Arc::new(Elsewhere(host.trim_matches(['[', ']']).into())));
    }
    Ok(builder)
}

/// Compresses lines; the same lines always give the same bytes.
#[must_use]
pub fn gzip(text: &str) -> Bytes {
    let level = if text.len() < SMALL_BYTES { GZIP_LEVEL_SMALL } else { GZIP_LEVEL };
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8 + 64), Compression::new(level));
    // Writing to memory cannot fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default().into()
}

fn write_url(database: &Database) -> Result<Url, NotReady> {
    let wrong = |why: &str| NotReady::Url { url: database.url.clone(), why: why.to_owned() };
    let mut url = Url::parse(&database.url).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated in the message: it holds a password.
        return Err(NotReady::Url {
            url: "url".to_owned(),
            why: "it must not hold a user name or password; use token_file or password_file".to_owned(),
        });
    }
    let path: &[&str] = match &database.api {
        WriteApi::Influx2 { .. } => &["api", "v2", "write"],
        WriteApi::Influx1 { .. } => &["write"],
    };
    url.path_segments_mut().map_err(|()| wrong("it cannot have a path"))?.pop_if_empty().extend(path);
    let mut query = url.query_pairs_mut();
    match &database.api {
        WriteApi::Influx2 { org, bucket } => query.append_pair("org", org).append_pair("bucket", bucket),
        WriteApi::Influx1 { db, rp: Some(rp) } => query.append_pair("db", db).append_pair("rp", rp),
        WriteApi::Influx1 { db, rp: None } => query.append_pair("db", db),
    };
    query.append_pair("precision", "ms");
    drop(query);
    Ok(url)
}

/// The header that says who the gateway is; secrets are read from their files.
fn authorization(client: &Client, login: &Login) -> Result<Option<HeaderValue>, NotReady> {
    let (file, value) = match login {
        Login::None => return Ok(None),
        Login::Token(file) => (file, HeaderValue::from_str(&format!("Token {}", secret(file)?)).ok()),
        Login::Password { user, file } => (file, basic(client, user, &secret(file)?)),
    };
    let mut value = value
        .ok_or_else(|| NotReady::Token { file: file.clone(), why: "it holds a line break or another control character".to_owned() })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// User and password as the client itself would send them.
fn basic(client: &Client, user: &str, password: &str) -> Option<HeaderValue> {
    let request = client.get("http://localhost").basic_auth(user, Some(password)).build().ok()?;
    request.headers().get(AUTHORIZATION).cloned()
}

fn secret(file: &Path) -> Result<String, NotReady> {
    let wrong = |why: String| NotReady::Token { file: file.to_owned(), why };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    match text.trim() {
        "" => Err(wrong("it is empty".to_owned())),
        secret => Ok(secret.to_owned()),
    }
}

async fn read(mut response: Response, now_ms: i64) -> Outcome {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while body.len() < FORWARD_ANSWER_BYTES_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(FORWARD_ANSWER_BYTES_MAX - body.len())]),
            Ok(None) => break,
            // A 200 whose body broke off is no empty body: the lines may or may not be there.
            Err(error) if status == 200 => return Outcome::unanswered(chain(&error.without_url())),
            Err(_) => break,
        }
    }
    classify(status, retry_after.as_deref(), &body, now_ms)
}

/// Why there was no answer: what is wrong with a certificate in a sentence, anything else with its causes.
fn unreachable(error: &reqwest::Error) -> String {
    facility_drivers::tls::failure(error)
        .map_or_else(|| chain(error), |failure| format!("no connection to the database: {}", facility_drivers::tls::words(failure)))
}

/// An error with its causes: the last one is what a technician needs ("certificate expired", "connection refused").
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
