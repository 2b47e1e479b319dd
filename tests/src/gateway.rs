//! The real binary with its own directory, started, killed and started again.

use crate::servers::write;
use crate::{binary, free_port, http, until};
use serde_json::Value;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A gateway under test.
#[derive(Debug)]
pub struct Gateway {
    dir: TempDir,
    port: u16,
    process: Option<Child>,
    http: reqwest::Client,
}

impl Gateway {
    /// Writes the configuration (`[store] dir` and `[api] listen` are added) and starts the gateway.
    pub async fn start(config: &str) -> Self {
        let mut gateway = Self::prepare(config);
        gateway.resume().await;
        gateway
    }

    /// Writes the configuration without starting anything.
    ///
    /// # Panics
    /// Without a temporary directory.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a machine without a temporary directory runs no test")]
    pub fn prepare(config: &str) -> Self {
        let gateway = Self { dir: tempfile::tempdir().expect("a temporary directory"), port: free_port(), process: None, http: http() };
        gateway.configure(config);
        gateway
    }

    /// Replaces the configuration; takes effect at the next start.
    pub fn configure(&self, config: &str) {
        let api = format!("\n[api]\nlisten = \"127.0.0.1:{}\"\n", self.port);
        let store = format!("\n[store]\ndir = {:?}\n", self.dir.path().join("store"));
        write(&self.config(), &format!("{config}{store}{api}"));
    }

    /// Path of the configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("gateway.toml")
    }

    /// Its directory: configuration, store, log.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts it (again) and waits for its status page.
    ///
    /// # Panics
    /// When it ends instead; the message holds its log.
    #[expect(clippy::expect_used, clippy::panic, reason = "a gateway that does not start fails the test")]
    pub async fn resume(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).expect("log file");
        let mut command = Command::new(binary());
        command.arg("run").arg("--config").arg(self.config()).stdin(Stdio::null());
        let mut child = command.stdout(log.try_clone().expect("log file")).stderr(log).spawn().expect("the gateway starts");
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while self.get("/healthz").await.is_none() {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the gateway ended with {status} instead of starting:\n{}", self.log());
            }
            assert!(tokio::time::Instant::now() < deadline, "no status page:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.process = Some(child);
    }

    /// kill -9, as in a power cut that leaves the page cache.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and how it ended.
    ///
    /// # Panics
    /// When it does not end.
    #[expect(clippy::expect_used, reason = "a gateway that was not started cannot be ended")]
    pub async fn terminate(&mut self) -> ExitStatus {
        let mut child = self.process.take().expect("it runs");
        let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        until("the gateway to end on SIGTERM", Duration::from_secs(20), || std::future::ready(child.try_wait().ok().flatten())).await
    }

    /// Body of a page, if it answers at all.
    pub async fn get(&self, path: &str) -> Option<String> {
        self.http.get(format!("http://127.0.0.1:{}{path}", self.port)).send().await.ok()?.text().await.ok()
    }

    /// The status snapshot; null if it does not answer.
    pub async fn status(&self) -> Value {
        self.get("/api/status").await.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// A figure of `/proc/PID/status` in bytes (`VmRSS`, `VmHWM`); 0 if it does not run.
    #[must_use]
    pub fn memory(&self, figure: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Processor time since its start, user and system, seconds.
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        let stat = self.proc("stat");
        let fields = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default().split(' ').skip(11).take(2);
        fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
    }

    fn proc(&self, file: &str) -> String {
        let pid = self.process.as_ref().map_or(0, Child::id);
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            #[expect(clippy::print_stderr, reason = "the log of a failed test")]
            {
                eprintln!("--- gateway log, last lines ---\n{}", tail.join("\n"));
            }
        }
    }
}
