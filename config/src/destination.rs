//! Where a gateway sends what it knows: databases, and what each of them gets. Built by the checks alone.

use crate::device::Kind;
use crate::series::Measurement;
use crate::site::{Broker, Tls};
use std::path::PathBuf;
use std::time::Duration;

/// One destination, with a position of its own in the stores.
#[derive(Debug, Clone)]
pub struct Forward {
    /// Key in the configuration; its position in the stores is kept under this name.
    pub name: Box<str>,
    /// Where to, and how.
    pub target: Target,
    /// Send metrics.
    pub metrics: bool,
    /// Of metrics also windows shorter than an hour.
    pub short_windows: bool,
    /// Where the rows of a window stand that was computed again.
    pub revisions: Revisions,
    /// Send events.
    pub events: bool,
    /// Send readings too, these of them.
    pub raw: Option<Selection>,
    /// A destination that was not there before begins with what comes, not with the oldest that is held.
    pub start_now: bool,
    /// How long it keeps values; older ones are not sent.
    pub retention: Option<Duration>,
    /// Which destination has the line they share first while it is behind; 1 before all others.
    pub priority: u8,
    /// While older values wait: the share of what is sent that new ones get first, percent; 0 for strictly in order.
    pub live_share_pct: u8,
    /// What the way to it may carry, bytes per second.
    pub bytes_per_s: Option<u64>,
    /// What the way to it may carry in a calendar month of the site, bytes.
    pub bytes_per_month: Option<u64>,
    /// Lines per request.
    pub lines_max: usize,
    /// Bytes per request before compression.
    pub bytes_max: usize,
    /// Longest time a line waits for its batch to fill.
    pub delay: Duration,
}

/// Where a figure's row stands whose window was computed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revisions {
    /// In the place of the earlier one, at the start of the window: a database that overwrites has the newest.
    #[default]
    Over,
    /// Beside the earlier ones, as many milliseconds behind the start of the window as its `rev` says, at most
    /// [`REVISION_MS_MAX`](crate::limits::REVISION_MS_MAX): a database that keeps one value of a series and time, not a row, has
    /// every issue whole.
    Beside,
}

/// Which readings are sent. An empty list stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Measurements of class reading.
    pub measurements: Vec<Measurement>,
    /// Kinds of devices.
    pub kinds: Vec<Kind>,
}

/// What a destination is.
#[derive(Debug, Clone)]
pub enum Target {
    /// A database.
    Database(Box<Database>),
    /// The broker of a platform.
    Platform(Box<Platform>),
    /// Files that somebody carries away.
    Files(Files),
}

/// The broker of a platform, to which the gateway publishes.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Where it is, and who the gateway is there; its window and what it retains mean nothing here.
    pub broker: Broker,
    /// Topic. What it says of the sender is filled in; `{measurement}`, `{kind}` and `{device}` are filled in for each line.
    pub topic: String,
    /// The client id was configured, not made: a platform may admit no other.
    pub prescribed_id: bool,
    /// What a message looks like.
    pub format: Format,
    /// Bytes of text in one message; a single line that is longer goes alone.
    pub message_bytes_max: usize,
    /// Time in which messages on their way have to be acknowledged.
    pub timeout: Duration,
}

/// What the text of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Line protocol, times in ms.
    Line,
    /// A JSON object on each line: measurement, tags, fields, time in Unix ms.
    Json,
}

/// A folder for compressed line protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The folder.
    pub dir: PathBuf,
    /// A file of this size is full.
    pub file_bytes_max: u64,
    /// A file that is older is closed though it is not full.
    pub file_age_max: Duration,
    /// As many full files may lie there; then it is waited until some are taken away.
    pub files_max: u64,
    /// Free space left on its file system.
    pub free_bytes_min: u64,
}

/// The time-series database of a destination.
#[derive(Debug, Clone)]
pub struct Database {
    /// Base address; the path of the write API is appended, a base path is kept.
    pub url: String,
    /// Which write API, and its parameters.
    pub api: WriteApi,
    /// Who the gateway is there.
    pub login: Login,
    /// Own authority and client certificate; `crl_file` is not used.
    pub tls: Tls,
    /// Time limit of one request.
    pub timeout: Duration,
    /// `http://host:port` of a proxy; none unless configured.
    pub proxy: Option<String>,
    /// Name in its certificate, where it is reached under another one.
    pub server_name: Option<String>,
}

/// The ways a database takes lines over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteApi {
    /// `/api/v2/write`: InfluxDB 2 and 3, VictoriaMetrics, GreptimeDB.
    Influx2 {
        /// Organisation.
        org: String,
        /// Bucket.
        bucket: String,
    },
    /// `/write`: InfluxDB 1, QuestDB.
    Influx1 {
        /// Database.
        db: String,
        /// Retention policy, if not the database's default.
        rp: Option<String>,
    },
}

/// Who the gateway is to a database. Secrets stay in their files, mode 0600 or stricter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Nobody.
    None,
    /// The holder of the token in this file.
    Token(PathBuf),
    /// A user with the password in this file.
    Password {
        /// User name.
        user: String,
        /// File with the password.
        file: PathBuf,
    },
}

impl Forward {
    /// Where it is, for people: an address without secrets, or a folder.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.target {
            Target::Database(database) => database.url.clone(),
            Target::Platform(platform) => {
                let all: Vec<String> = platform.broker.endpoints.iter().map(ToString::to_string).collect();
                all.join(", ")
            }
            Target::Files(files) => files.dir.display().to_string(),
        }
    }

    /// Whether it reads the outbox: figures and events.
    #[must_use]
    pub fn takes_outbox(&self) -> bool {
        self.metrics || self.events
    }
}
