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
    store: PathBuf,
    port: u16,
    /// Put in front of its own command line; it must become the gateway's process in the end.
    wrapper: Vec<String>,
    environment: Vec<(String, String)>,
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
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = dir.path().join("store");
        let (wrapper, environment) = (Vec::new(), Vec::new());
        let gateway = Self { dir, store, port: free_port(), wrapper, environment, process: None, http: http() };
        gateway.configure(config);
        gateway
    }

    /// The same with its data folder elsewhere.
    #[must_use]
    pub fn prepare_at(config: &str, store: &Path) -> Self {
        let mut gateway = Self::prepare(config);
        gateway.store = store.to_owned();
        gateway.configure(config);
        gateway
    }

    /// Sets a variable of its environment (`GW__TABLE__KEY` for a setting) from the next start on.
    pub fn set_env(&mut self, name: &str, value: impl std::fmt::Display) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_string()));
    }

    /// Starts it through another program from now on, one that becomes the gateway or keeps aside (`strace -D`).
    pub fn wrap(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
    }

    /// Replaces the configuration; takes effect at the next start.
    pub fn configure(&self, config: &str) {
        let api = format!("\n[api]\nlisten = \"127.0.0.1:{}\"\n", self.port);
        let store = format!("\n[store]\ndir = {:?}\n", self.store);
        write(&self.config(), &format!("{config}{store}{api}"));
    }

    /// Puts a profile of the site's own beside the configuration.
    ///
    /// # Panics
    /// If it is not there.
    #[expect(clippy::expect_used, reason = "a laboratory that cannot read its own files cannot go on")]
    pub fn add_profile(&self, file: &Path) {
        let folder = self.dir.path().join("profiles.d");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(file, folder.join(file.file_name().expect("the name of a file"))).expect("a profile");
    }

    /// Path of the configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("gateway.toml")
    }

    /// Its data folder.
    #[must_use]
    pub fn store(&self) -> &Path {
        &self.store
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
    #[expect(clippy::panic, reason = "a gateway that does not start fails the test")]
    pub async fn resume(&mut self) {
        if let Some(status) = self.resume_or_end().await {
            panic!("the gateway ended with {status} instead of starting:\n{}", self.log());
        }
    }

    /// Starts it and waits for its status page or its end; says how it ended.
    ///
    /// # Panics
    /// When neither comes.
    pub async fn resume_or_end(&mut self) -> Option<ExitStatus> {
        let mut child = self.spawn();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while self.get("/healthz").await.is_none() {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            assert!(tokio::time::Instant::now() < deadline, "no status page:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        self.process = Some(child);
        None
    }

    /// Starts it and waits for its end, which must come by itself.
    ///
    /// # Panics
    /// When it goes on running.
    pub async fn run_to_end(&mut self) -> ExitStatus {
        self.process = Some(self.spawn());
        self.ended(Duration::from_secs(20)).await
    }

    /// Waits until it has ended, however that came.
    ///
    /// # Panics
    /// When it goes on running, or was not started.
    #[expect(clippy::expect_used, reason = "a gateway that was not started cannot end")]
    pub async fn ended(&mut self, deadline: Duration) -> ExitStatus {
        let mut child = self.process.take().expect("it was started");
        let end = until("the gateway to end", deadline, || std::future::ready(child.try_wait().ok().flatten())).await;
        drop(child);
        end
    }

    /// Whether its process is still there.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    #[expect(clippy::expect_used, reason = "a gateway that does not start fails the test")]
    fn spawn(&self) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).expect("log file");
        let mut line = self.wrapper.iter().map(std::ffi::OsString::from).collect::<Vec<_>>();
        line.extend([binary().into(), "run".into(), "--config".into(), self.config().into()]);
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).stdin(Stdio::null()).envs(unit_environment());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdout(log.try_clone().expect("log file")).stderr(log).spawn().expect("the gateway starts")
    }

    /// Its process id; 0 if it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Child::id)
    }

    /// Id of its thread of that name.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    #[expect(clippy::expect_used, clippy::panic, reason = "a thread that is not there cannot be disturbed")]
    pub fn thread(&self, name: &str) -> u32 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("it runs");
        let named =
            |id: &u32| std::fs::read_to_string(format!("/proc/{}/task/{id}/comm", self.pid())).is_ok_and(|comm| comm.trim() == name);
        let mut ids = tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse::<u32>().ok());
        ids.find(named).unwrap_or_else(|| panic!("no thread {name}"))
    }

    /// Sends it a signal: `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let _ = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
    }

    /// Starts it, and kills it at the n-th call of a kind of its main thread, which opens the stores. Where it makes fewer
    /// of them it is killed once it runs.
    ///
    /// # Panics
    /// When it ends otherwise.
    pub async fn start_killed_at(&mut self, call: &str, nth: u32) {
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={nth}"));
        // Aside, so that the gateway itself is our child.
        self.wrap(&["strace", "-D", "-o", "/dev/null", "-e", &trace, "-e", &inject]);
        let end = self.resume_or_end().await;
        assert!(end.is_none_or(|end| end.code().is_none()), "{call} {nth}: {end:?}\n{}", self.log());
        self.kill();
        self.wrap(&[]);
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
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended(Duration::from_secs(20)).await
    }

    /// Waits until its health page names a code, or no longer does.
    ///
    /// # Panics
    /// When that does not come.
    pub async fn until_told(&self, code: &str, told: bool, deadline: Duration) {
        until(&format!("{code} to be told: {told}"), deadline, || async {
            let status = self.status().await;
            let conditions = status["conditions"].as_array()?;
            (conditions.iter().any(|condition| condition["code"] == code) == told).then_some(())
        })
        .await;
    }

    /// Waits until nothing waits for the database and all accounts balance.
    ///
    /// # Panics
    /// When that does not come.
    pub async fn until_drained(&self, deadline: Duration) -> Value {
        until("a drained, balanced account", deadline, || async {
            let status = self.status().await;
            let rows = status["accounts"].as_array()?;
            let readings = rows.iter().find(|row| row["name"] == "readings")?;
            // What comes in meanwhile is always on its way.
            (readings["buffered"].as_u64()? < 64 && rows.iter().all(|row| row["missing"] == 0)).then_some(status.clone())
        })
        .await
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
        memory(&self.proc(), figure)
    }

    /// Processor time since its start, user and system, seconds.
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        cpu_s(&self.proc())
    }

    fn proc(&self) -> String {
        format!("/proc/{}", self.pid())
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

/// A figure of `status` in a process's folder of `/proc`, in bytes (`VmRSS`, `VmHWM`); 0 if it is not there.
#[must_use]
pub fn memory(proc: &str, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("{proc}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Processor time of a process since its start, user and system, seconds.
#[must_use]
pub fn cpu_s(proc: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("{proc}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default().split(' ').skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// What the systemd unit sets: the gateway is tested and measured as it is run.
fn unit_environment() -> impl Iterator<Item = (&'static str, &'static str)> {
    let unit = include_str!("../../deploy/systemd/facility-gateway.service");
    unit.lines().filter_map(|line| line.strip_prefix("Environment=")?.split_once('='))
}
