//! What the integration tests share: the real programs, started on free loopback ports and ended with the test.
//!
//! Tests wait for conditions with a deadline, never for a length of time.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

mod authority;
mod faults;
mod gateway;
mod influx;
mod lab;
pub mod meter;
mod peers;
mod servers;
mod site_broker;
pub mod table;
mod way;

pub use authority::{Authority, Identity};
pub use faults::{FakeClock, Mount, Strace};
pub use gateway::{Gateway, cpu_s, memory};
pub use influx::Influx;
pub use lab::{Lab, locker, vending};
pub use peers::{Peer, mbpoll, peer_file};
pub use servers::{Mosquitto, PtyPair, Series, Subscriber, Victoria};
pub use site_broker::SiteBroker;
pub use way::{Fault, Way};

/// Root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The `facility-gateway` that was built together with this test.
///
/// # Panics
/// If it was not built: `tests/run.sh` builds both.
#[must_use]
#[expect(clippy::expect_used, clippy::panic, reason = "a laboratory without its specimen cannot go on")]
pub fn binary() -> PathBuf {
    let exe = std::env::current_exe().expect("path of the test");
    let found = exe.ancestors().map(|dir| dir.join("facility-gateway")).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("facility-gateway is not beside {}: run `cargo build --workspace --all-targets`", exe.display()))
}

/// A client for the status page and the database, both on loopback without TLS.
#[must_use]
pub fn http() -> reqwest::Client {
    // reqwest looks for a provider even where none is needed; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A client that believes the authority in `ca_file` and nobody else.
///
/// # Panics
/// When there is no certificate in the file.
#[must_use]
#[expect(clippy::expect_used, reason = "a laboratory that cannot read its own files cannot go on")]
pub fn http_tls(ca_file: &Path) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = std::fs::read(ca_file).expect("certificate file");
    let authority = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    reqwest::Client::builder().tls_certs_only([authority]).build().expect("a client")
}

/// A loopback port that was free a moment ago. Below the range that outgoing connections are given (32768 and up), so
/// that none of them takes it before its program listens; never the same one twice, and processes start apart.
///
/// # Panics
/// If the machine has none.
#[must_use]
#[expect(clippy::expect_used, reason = "a machine without ports runs no test")]
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(64);
    let mut ports = std::iter::repeat_with(|| 16_384 + (first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % 16_384) as u16);
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.by_ref().take(16_384).find(is_free).expect("a free port")
}

/// Waits until `probe` gives something, at most `deadline`.
///
/// # Panics
/// When the deadline passes; the message says what was awaited.
pub async fn until<T, F, P>(what: &str, deadline: Duration, mut probe: P) -> T
where
    F: Future<Output = Option<T>>,
    P: FnMut() -> F,
{
    let end = tokio::time::Instant::now() + deadline;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < end, "waited {deadline:?} in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
