//! Asking the running gateway over its status page, as a browser would: reads only.

use super::Exit;
use super::say::{UNAVAILABLE, usage};
use facility_config::Site;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Longest wait for one whole answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest whole answer: 2 000 devices with all their values take a few MB.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where the running gateway of a configuration answers.
pub(super) fn address(site: &Site) -> Result<SocketAddr, Exit> {
    site.api.listen.filter(|listen| listen.port() != 0).ok_or_else(|| {
        usage("the status page of this configuration is off or has no fixed port (api.listen): a running gateway cannot be asked")
    })
}

/// The answer to one question; why there is none, in a few words.
pub(super) async fn get(url: &str) -> Result<Vec<u8>, String> {
    let asked = async {
        let mut response = ask(url).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err("the answer is too large".to_owned());
            }
        }
        Ok(body)
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// All that the running gateway of a configuration shows; why nothing is known, in a few words.
pub(super) async fn snapshot(site: &Site) -> Result<Value, String> {
    let listen = address(site).map_err(|_| "api.listen is off or has no fixed port".to_owned())?;
    let body = get(&format!("http://{listen}/api/status")).await?;
    serde_json::from_slice(&body).map_err(|_| "what comes is not of a gateway".to_owned())
}

/// Every line of an answer that goes on for as long as both sides want. `advice` says what to do without one.
pub(super) async fn lines(
    url: &str,
    line_bytes_max: usize,
    advice: &str,
    mut take: impl FnMut(&str) -> Result<(), Exit>,
) -> Result<(), Exit> {
    let failed = |why: String| Exit::Start {
        code: UNAVAILABLE,
        message: format!("{url}: {why}. Is the gateway running with this configuration? {advice}"),
    };
    let mut response = ask(url).await.map_err(failed)?;
    let mut held: Vec<u8> = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(cause(&error)))? {
        held.extend_from_slice(&chunk);
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=end).collect();
            if let Ok(line) = std::str::from_utf8(&line) {
                take(line.trim())?;
            }
        }
        if held.len() > line_bytes_max {
            return Err(failed("what comes is not of a gateway".into()));
        }
    }
    Ok(())
}

/// How many lines were missed, if a line says that.
pub(super) fn missed(line: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Missed {
        missed: u64,
    }
    serde_json::from_str::<Missed>(line).ok().map(|line| line.missed)
}

async fn ask(url: &str) -> Result<reqwest::Response, String> {
    // reqwest looks for a provider even where none is needed; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().map_err(|error| cause(&error))?;
    let response = client.get(url).send().await.map_err(|error| cause(&error))?;
    if response.status().is_success() { Ok(response) } else { Err(format!("the answer is {}", response.status())) }
}

/// The innermost reason: the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
