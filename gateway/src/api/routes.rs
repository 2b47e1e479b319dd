//! What is asked to what is answered. Every answer is made from one snapshot; history comes from the stores as well.

use super::history::{Asked, Logs};
use super::taps::Taps;
use super::{guard, metrics, page, tail, trace};
use crate::health::{self, Condition, Severity};
use crate::status::Status;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use facility_drivers::Clock;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::watch;

/// What the routes look at.
#[derive(Debug, Clone)]
pub(super) struct View {
    status: watch::Receiver<Arc<Status>>,
    logs: Logs,
    taps: Taps,
    clock: Clock,
}

/// Answer of `/healthz`.
#[derive(Debug, Serialize)]
struct Health<'a> {
    status: &'static str,
    snapshot_age_ms: i64,
    reasons: Vec<&'a Condition>,
}

impl View {
    pub(super) fn new(status: watch::Receiver<Arc<Status>>, logs: Logs, taps: Taps, clock: Clock) -> Self {
        Self { status, logs, taps, clock }
    }

    fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status.borrow())
    }

    fn age_ms(&self, status: &Status) -> i64 {
        self.clock.mono_ms().saturating_sub(status.gateway.mono_ms).max(0)
    }
}

/// All routes, behind the guard.
pub(super) fn router(view: View) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/app.js", get(|| script(page::SCRIPT)))
        .route("/chart.js", get(|| script(page::CHART)))
        .route("/app.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE) }))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/healthz", get(healthz))
        .route("/metrics", get(scrape))
        .route("/api/status", get(|State(view): State<View>| async move { Json(&*view.status()).into_response() }))
        .route("/api/devices", get(|State(view): State<View>| async move { Json(&view.status().devices).into_response() }))
        .route("/api/devices/{id}", get(device))
        .route("/api/history", get(history))
        .route("/api/bus/{name}/trace", get(frames))
        .route("/api/mqtt/{name}/tail", get(messages))
        .fallback(|| async {
            guard::problem(
                StatusCode::NOT_FOUND,
                "not found",
                "See /, /healthz, /metrics, /api/status, /api/devices, /api/history, /api/bus/NAME/trace, /api/mqtt/NAME/tail.",
            )
        })
        .layer(middleware::from_fn(guard::guard))
        .with_state(view)
}

async fn script(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], text)
}

async fn index(State(view): State<View>) -> Html<String> {
    let status = view.status();
    Html(page::render(&status, health::stalled(view.age_ms(&status)).as_ref()))
}

/// 503 only for what stops the gateway's own work; a watchdog may restart on it.
async fn healthz(State(view): State<View>) -> Response {
    let status = view.status();
    let snapshot_age_ms = view.age_ms(&status);
    let stalled = health::stalled(snapshot_age_ms);
    let reasons: Vec<&Condition> = stalled.iter().chain(&status.conditions).collect();
    let (code, word) = match reasons.iter().map(|reason| reason.severity).min() {
        Some(Severity::Critical) => (StatusCode::SERVICE_UNAVAILABLE, "critical"),
        Some(Severity::Warning) => (StatusCode::OK, "degraded"),
        Some(Severity::Info) | None => (StatusCode::OK, "ok"),
    };
    (code, Json(Health { status: word, snapshot_age_ms, reasons })).into_response()
}

async fn scrape(State(view): State<View>) -> Response {
    let status = view.status();
    let age_ms = view.age_ms(&status);
    match metrics::text(status, age_ms) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            guard::problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("metrics not written: {error}"), "Report it with the log.")
        }
    }
}

async fn device(State(view): State<View>, Path(id): Path<String>) -> Response {
    match view.status().device(&id) {
        Some(device) => Json(device).into_response(),
        None => guard::problem(StatusCode::NOT_FOUND, "no such device", "See /api/devices for the declared ones."),
    }
}

async fn history(State(view): State<View>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let Query(asked) = match asked {
        Ok(asked) => asked,
        Err(error) => {
            let hint = "device=ID&point=MEASUREMENT.FIELD, and if you like part, from, to, buckets, each once.";
            return guard::problem(StatusCode::BAD_REQUEST, &error.body_text(), hint);
        }
    };
    let answer = view.logs.answer(&asked, &view.status(), view.clock.now_ms()).await;
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn frames(State(view): State<View>, Path(name): Path<String>) -> Response {
    match view.taps.buses.get(&*name) {
        Some(tap) => trace::stream(tap),
        None => guard::problem(StatusCode::NOT_FOUND, "no such bus", "See /api/status for the declared ones."),
    }
}

async fn messages(State(view): State<View>, Path(name): Path<String>) -> Response {
    match view.taps.brokers.get(&*name) {
        Some(tap) => tail::stream(tap, view.taps.devices.clone()),
        None => guard::problem(StatusCode::NOT_FOUND, "no such broker", "See /api/status for the declared ones."),
    }
}
