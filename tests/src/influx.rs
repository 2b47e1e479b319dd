//! A real InfluxDB 1.6 from Debian with logins on, and what it holds.

use crate::servers::{Process, listening, temp_dir, write};
use crate::{free_port, http, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(30);
const ADMIN: (&str, &str) = ("admin", "for the tests");
const PASSWORD: &str = "of the gateway";

/// A time-series database with a user `gateway` who may write into `fz`, and nothing else. Its shards hold an hour, so
/// that a field can have another type in another hour.
#[derive(Debug)]
pub struct Influx {
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    process: Option<Process>,
    dir: TempDir,
    http: reqwest::Client,
}

impl Influx {
    /// Starts one and waits until it has its database and its users.
    pub async fn start() -> Self {
        let mut database = Self { port: free_port(), process: None, dir: temp_dir(), http: http() };
        database.configure();
        database.resume().await;
        // Without users the first command must make one, and needs no login.
        database.command(&format!("CREATE USER {} WITH PASSWORD '{}' WITH ALL PRIVILEGES", ADMIN.0, ADMIN.1)).await;
        database.command("CREATE DATABASE fz WITH SHARD DURATION 1h").await;
        database.command(&format!("CREATE USER gateway WITH PASSWORD '{PASSWORD}'")).await;
        database.command("GRANT WRITE ON fz TO gateway").await;
        database
    }

    fn configure(&self) {
        let dir = self.dir.path();
        write(&self.password_file(), PASSWORD);
        #[expect(clippy::expect_used, reason = "a secret that others may read is refused")]
        std::fs::set_permissions(self.password_file(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("rights of a file");
        let (rpc, http, dir) = (free_port(), self.port, dir.display());
        let text = format!(
            "reporting-disabled = true\nbind-address = \"127.0.0.1:{rpc}\"\n[meta]\ndir = \"{dir}/meta\"\n\
             [data]\ndir = \"{dir}/data\"\nwal-dir = \"{dir}/wal\"\n[monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"127.0.0.1:{http}\"\nauth-enabled = true\n"
        );
        write(&self.dir.path().join("influxdb.conf"), &text);
    }

    /// Base address for `[forward.NAME] url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The file for `password_file` of the user `gateway`.
    #[must_use]
    pub fn password_file(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    /// An orderly end.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate();
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port with what it had.
    pub async fn resume(&mut self) {
        let mut command = Command::new("influxd");
        command.arg("-config").arg(self.dir.path().join("influxdb.conf"));
        self.process = Some(Process::start(&mut command, &self.dir.path().join("log")));
        listening("influxd", self.port).await;
        let ping = format!("{}/ping", self.url());
        until("influxd to answer", START, || async { self.http.get(&ping).send().await.ok()?.status().is_success().then_some(()) }).await;
    }

    /// Writes lines by hand, times in ms.
    ///
    /// # Panics
    /// When they are refused.
    #[expect(clippy::expect_used, reason = "a database that takes no lines is no use to a test")]
    pub async fn write(&self, lines: &str) {
        let url = format!("{}/write?db=fz&precision=ms", self.url());
        let answer = self.http.post(url).basic_auth(ADMIN.0, Some(ADMIN.1)).body(lines.to_owned()).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}: {}", answer.status(), answer.text().await.unwrap_or_default());
    }

    /// Every point: series (`measurement,tag=value,…`), field, time in ms; and its value as JSON has it. Empty while the
    /// database does not answer.
    pub async fn points(&self) -> BTreeMap<(String, String, i64), Value> {
        let answer = self.ask("SELECT * FROM /.*/ GROUP BY *").await.unwrap_or_default();
        let mut found = BTreeMap::new();
        for series in list(&answer["results"][0]["series"]) {
            let mut key = series["name"].as_str().unwrap_or_default().to_owned();
            // Of the tags of all series together those this one lacks are empty.
            for (tag, value) in series["tags"].as_object().into_iter().flatten() {
                let value = value.as_str().unwrap_or_default();
                key += &if value.is_empty() { String::new() } else { format!(",{tag}={value}") };
            }
            for row in list(&series["values"]) {
                let at_ms = row[0].as_i64().unwrap_or_default();
                for (column, value) in list(&series["columns"]).iter().zip(list(row)).skip(1).filter(|(_, value)| !value.is_null()) {
                    found.insert((key.clone(), column.as_str().unwrap_or_default().to_owned(), at_ms), value.clone());
                }
            }
        }
        found
    }

    #[expect(clippy::panic, reason = "a database that cannot be set up is no use to a test")]
    async fn command(&self, text: &str) {
        let answer = self.ask(text).await.unwrap_or_default();
        if answer["results"][0]["error"].is_string() || answer["results"].is_null() {
            panic!("{text}: {answer}");
        }
    }

    async fn ask(&self, text: &str) -> Option<Value> {
        let url = reqwest::Url::parse_with_params(&format!("{}/query?db=fz&epoch=ms", self.url()), [("q", text)]).ok()?;
        let answer = self.http.post(url).basic_auth(ADMIN.0, Some(ADMIN.1)).send().await.ok()?;
        let body = answer.text().await.ok()?;
        serde_json::from_str(&body).ok()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
