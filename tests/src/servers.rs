//! mosquitto, victoria-metrics and socat from Debian, as the field has them.

use crate::{Identity, free_port, http, http_tls, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(20);

/// A child process that ends with its owner.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    #[expect(clippy::expect_used, reason = "tests/run.sh installs what is missing")]
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("log file");
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().expect("log file")).stderr(log).spawn();
        Self(child.expect("program is installed: run tests/run.sh"))
    }

    /// An orderly end, waited for.
    pub(crate) fn terminate(mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A real broker with mosquitto's default window of 20 and an unlimited queue for sessions that are away.
#[derive(Debug)]
pub struct Mosquitto {
    /// Where it listens on 127.0.0.1, without TLS.
    pub port: u16,
    /// Where it listens with TLS, if it does.
    pub tls_port: Option<u16>,
    /// Further lines of its configuration.
    lines: String,
    keeps: bool,
    process: Option<Process>,
    dir: TempDir,
}

impl Mosquitto {
    /// Starts one and waits until it listens.
    pub async fn start() -> Self {
        Self::with(None, String::new(), false).await
    }

    /// Starts one with further lines of configuration, a listener for example.
    pub async fn start_with(lines: &str) -> Self {
        Self::with(None, format!("user root\n{lines}"), false).await
    }

    /// Starts one that keeps sessions and queues on disk, as soon as they change.
    pub async fn start_keeping() -> Self {
        Self::with(None, String::new(), true).await
    }

    /// The same, which hands everything on at once, however far its subscribers are behind.
    pub async fn start_keeping_unbounded() -> Self {
        Self::with(None, "max_inflight_messages 0\n".to_owned(), true).await
    }

    /// Starts one with a second listener that shows `own` and asks for a certificate of `clients_of`, if that is given.
    pub async fn start_tls(own: &Identity, clients_of: Option<&Path>) -> Self {
        Self::start_tls_with(own, clients_of, "").await
    }

    /// The same with further lines for that listener.
    pub async fn start_tls_with(own: &Identity, clients_of: Option<&Path>, lines: &str) -> Self {
        let port = free_port();
        // Under root it would give up its rights, and with them the way to the key.
        let mut tls =
            format!("user root\nlistener {port} 127.0.0.1\ncertfile {}\nkeyfile {}\n", own.cert_file.display(), own.key_file.display());
        if let Some(ca_file) = clients_of {
            tls += &format!("cafile {}\nrequire_certificate true\n", ca_file.display());
        }
        Self::with(Some(port), tls + lines, false).await
    }

    async fn with(tls_port: Option<u16>, lines: String, keeps: bool) -> Self {
        let mut broker = Self { port: free_port(), tls_port, lines, keeps, process: None, dir: temp_dir() };
        broker.resume().await;
        broker
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Connections it was asked for since it was last started, also those that came to nothing.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.log().matches("New connection from").count()
    }

    /// What it logged since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Whether a message is in the file it keeps its queues in.
    #[must_use]
    pub fn holds_on_disk(&self, payload: &str) -> bool {
        let kept = std::fs::read(self.dir.path().join("mosquitto.db")).unwrap_or_default();
        kept.windows(payload.len()).any(|bytes| bytes == payload.as_bytes())
    }

    /// Sends it a signal: `STOP` leaves its connections half-open, `CONT` wakes it, `HUP` lets it read passwords again.
    pub fn signal(&self, name: &str) {
        if let Some(process) = &self.process {
            let _ = Command::new("kill").args([&format!("-{name}"), &process.0.id().to_string()]).status();
        }
    }

    /// Kills it; sessions and queues are lost, as in a power cut of the broker's machine, unless it keeps them.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port.
    pub async fn resume(&mut self) {
        let config = self.dir.path().join("mosquitto.conf");
        let plain = format!("allow_anonymous true\nmax_queued_messages 0\nlistener {} 127.0.0.1\n", self.port);
        let kept = if self.keeps {
            let dir = self.dir.path().display();
            format!("user root\npersistence true\npersistence_location {dir}/\nautosave_interval 1\nautosave_on_changes true\n")
        } else {
            "persistence false\n".to_owned()
        };
        write(&config, &(kept + &plain + &self.lines));
        self.process = Some(Process::start(Command::new("mosquitto").arg("-c").arg(&config), &self.dir.path().join("log")));
        for port in [Some(self.port), self.tls_port].into_iter().flatten() {
            listening("mosquitto", port).await;
        }
    }
}

/// mosquitto_sub with a lasting session: somebody at the platform, who comes back by itself.
#[derive(Debug)]
pub struct Subscriber {
    dir: TempDir,
    _process: Process,
}

impl Subscriber {
    /// Subscribes with QoS 1 and waits until that is granted.
    pub async fn start(port: u16, filter: &str) -> Self {
        let dir = temp_dir();
        let (port, log) = (port.to_string(), dir.path().join("heard"));
        // Line by line: the output is read while it grows.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "mosquitto_sub", "-d", "-p", &port, "-t", filter, "-q", "1", "-i", "platform", "-c", "-F", "%t|%p"]);
        let process = Process::start(&mut command, &log);
        until("a subscription", START, || async { std::fs::read_to_string(&log).ok()?.contains("Subscribed").then_some(()) }).await;
        Self { dir, _process: process }
    }

    /// The lines of all messages so far; of the first line of each the topic stands in front.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.path().join("heard")).unwrap_or_default();
        text.lines()
            .filter(|line| !line.is_empty() && !["Client ", "Subscribed"].iter().any(|own| line.starts_with(own)))
            .map(str::to_owned)
            .collect()
    }
}

/// A real time-series database. Deduplication of identical points is on, as README asks for.
#[derive(Debug)]
pub struct Victoria {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// Arguments that turn TLS on.
    tls: Vec<String>,
    /// In front of all its paths.
    prefix: &'static str,
    process: Option<Process>,
    dir: TempDir,
    http: reqwest::Client,
}

/// An export ends now unless it is told otherwise, and a gateway's clock may be ahead. 2100-01-01.
const FOR_EVER_S: u64 = 4_102_444_800;

/// One series of the database: labels with its name, and its points.
pub type Series = BTreeMap<i64, f64>;

impl Victoria {
    /// Starts one and waits until it listens.
    pub async fn start() -> Self {
        Self::with(Vec::new(), "", http()).await
    }

    /// Starts one whose paths all begin with `prefix`, as those of other servers with the same write API do.
    pub async fn start_below(prefix: &'static str) -> Self {
        Self::with(Vec::new(), prefix, http()).await
    }

    /// Starts one that speaks TLS only and shows `own`, a certificate for `localhost` from the authority in `ca_file`.
    pub async fn start_tls(own: &Identity, ca_file: &Path) -> Self {
        let (cert, key) = (own.cert_file.display(), own.key_file.display());
        Self::with(vec!["-tls".to_owned(), format!("-tlsCertFile={cert}"), format!("-tlsKeyFile={key}")], "", http_tls(ca_file)).await
    }

    async fn with(tls: Vec<String>, prefix: &'static str, http: reqwest::Client) -> Self {
        let mut database = Self { port: free_port(), tls, prefix, process: None, dir: temp_dir(), http };
        database.resume().await;
        database
    }

    /// Base address for `[forward] url`.
    #[must_use]
    pub fn url(&self) -> String {
        let host = if self.tls.is_empty() { "http://127.0.0.1" } else { "https://localhost" };
        format!("{host}:{}{}", self.port, self.prefix)
    }

    /// Stops it; what it has is kept.
    pub fn stop(&mut self) {
        // An orderly end: it writes its memory to disk.
        if let Some(process) = self.process.take() {
            process.terminate();
        }
    }

    /// kill -9. It has no log of its own: what it took in the seconds before is lost, whatever it answered.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Writes what it took to disk and makes it visible.
    pub async fn flush(&self) {
        let _ = self.http.get(format!("{}/internal/force_flush", self.url())).send().await;
    }

    /// Starts it again on the same port with what it had.
    pub async fn resume(&mut self) {
        let mut command = Command::new("victoria-metrics");
        command.arg(format!("-httpListenAddr=127.0.0.1:{}", self.port));
        command.arg(format!("-storageDataPath={}", self.dir.path().join("data").display()));
        command.args(["-retentionPeriod=5y", "-dedup.minScrapeInterval=1ms", "-search.latencyOffset=0s", "-memory.allowedPercent=5"]);
        command.arg(format!("-http.pathPrefix={}", self.prefix)).args(&self.tls);
        self.process = Some(Process::start(&mut command, &self.dir.path().join("log")));
        listening("victoria-metrics", self.port).await;
    }

    /// What a query gives that is one series, at each step of a span.
    pub async fn range(&self, query: &str, from_ms: i64, to_ms: i64, step_ms: i64) -> Series {
        self.flush().await;
        let text = |ms: i64| format!("{}", ms as f64 / 1e3);
        let span = [("start", text(from_ms)), ("end", text(to_ms)), ("step", text(step_ms)), ("nocache", "1".to_owned())];
        let url = reqwest::Url::parse_with_params(&format!("{}/api/v1/query_range", self.url()), span);
        let Ok(mut url) = url else { return Series::new() };
        url.query_pairs_mut().append_pair("query", query);
        let Ok(answer) = self.http.get(url).send().await else { return Series::new() };
        let body: Value = serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
        let points = body["data"]["result"][0]["values"].as_array().into_iter().flatten();
        points.filter_map(|point| Some(((point[0].as_f64()? * 1e3) as i64, point[1].as_str()?.parse().ok()?))).collect()
    }

    /// Every point of the series of one name, by the value of a label.
    ///
    /// # Panics
    /// When a time stamp stands twice in a series.
    pub async fn series(&self, name: &str, label: &str) -> BTreeMap<String, Series> {
        self.export(name, |labels| labels[label].as_str().unwrap_or_default().to_owned()).await
    }

    /// Every point of every series, by `measurement_field,tag=value,…`.
    ///
    /// # Panics
    /// When a time stamp stands twice in a series.
    pub async fn points(&self) -> BTreeMap<String, Series> {
        let key = |labels: &Value| {
            let labels = labels.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
            let (names, tags): (Vec<_>, Vec<_>) = labels.partition(|(name, _)| *name == "__name__");
            let tags: String = tags.iter().map(|(name, value)| format!(",{name}={value}")).collect();
            names.first().map_or("", |(_, name)| *name).to_owned() + &tags
        };
        self.export("%7B__name__!=%22%22%7D", key).await
    }

    #[expect(clippy::panic, reason = "a doubled point is what the tests look for")]
    async fn export(&self, of: &str, key: impl Fn(&Value) -> String) -> BTreeMap<String, Series> {
        self.flush().await;
        let Ok(answer) = self.http.get(format!("{}/api/v1/export?match[]={of}&start=0&end={FOR_EVER_S}", self.url())).send().await else {
            return BTreeMap::new();
        };
        let text = answer.text().await.unwrap_or_default();
        let mut found = BTreeMap::new();
        for line in text.lines() {
            let Ok(row) = serde_json::from_str::<Value>(line) else { continue };
            let series: &mut Series = found.entry(key(&row["metric"])).or_default();
            let (Some(times), Some(values)) = (row["timestamps"].as_array(), row["values"].as_array()) else { continue };
            for (time, value) in times.iter().zip(values) {
                let time = time.as_i64().unwrap_or_default();
                if series.insert(time, value.as_f64().unwrap_or(f64::NAN)).is_some() {
                    panic!("{of} holds {time} twice: {line:.300}");
                }
            }
        }
        found
    }
}

/// Two serial ports joined by socat: what is written to one is read from the other.
#[derive(Debug)]
pub struct PtyPair {
    /// One end, for the gateway.
    pub gateway: PathBuf,
    /// The other end, for the devices.
    pub devices: PathBuf,
    _process: Process,
    _dir: TempDir,
}

impl PtyPair {
    /// Makes a pair and waits until both ends exist.
    pub async fn start() -> Self {
        let dir = temp_dir();
        let (gateway, devices) = (dir.path().join("gateway"), dir.path().join("devices"));
        let end = |path: &Path| format!("pty,raw,echo=0,link={}", path.display());
        let process = Process::start(Command::new("socat").arg(end(&gateway)).arg(end(&devices)), &dir.path().join("log"));
        until("socat to make both ends", START, || async { (gateway.exists() && devices.exists()).then_some(()) }).await;
        Self { gateway, devices, _process: process, _dir: dir }
    }
}

pub(crate) async fn listening(what: &str, port: u16) {
    until(&format!("{what} to listen on {port}"), START, || async { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok() }).await;
}

#[expect(clippy::expect_used, reason = "a machine without a temporary directory runs no test")]
pub(crate) fn temp_dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[expect(clippy::expect_used, reason = "a machine without a temporary directory runs no test")]
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a temporary file");
}
