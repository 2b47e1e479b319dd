//! What every request must be and every answer carries.
//!
//! A page of another site can make a browser on this machine ask loopback addresses, and a name it owns can be made
//! to point there (DNS rebinding). Such a request carries that name in `Host`, so only this machine's own names are
//! answered. No header allows another origin to read anything.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Refuses what is not asked by this machine in a way that only reads, and puts the headers on every answer.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = match refusal(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// An answer that is an error, in JSON.
pub(super) fn problem(status: StatusCode, error: &str, hint: &str) -> Response {
    (status, Json(serde_json::json!({ "error": error, "hint": hint }))).into_response()
}

fn refusal(request: &Request) -> Option<Response> {
    let Some(host) = host(request) else {
        return Some(problem(StatusCode::BAD_REQUEST, "no host", "Send a Host header."));
    };
    if !is_local(&host) {
        let hint = "Ask for 127.0.0.1 or localhost; from another machine through an SSH tunnel.";
        return Some(problem(StatusCode::MISDIRECTED_REQUEST, "not a name of this machine", hint));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = problem(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", "Everything here is read only: GET or HEAD.");
        refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(refusal);
    }
    None
}

/// Whom the request is for: the target's authority, which rules by HTTP/1.1, or else the one `Host` header.
fn host(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let only = hosts.next()?;
    if hosts.next().is_some() {
        return None;
    }
    Authority::try_from(only.as_bytes()).ok()
}

/// `localhost` or a loopback address. A literal address cannot be rebound.
fn is_local(authority: &Authority) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}
