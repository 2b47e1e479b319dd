//! `store import`: takes what `store export` wrote and puts it among the data that this gateway forwards, or sends it to a
//! database right away. For a card that came out of a gateway whose way to the database is closed.
//!
//! Goes to the outbox and nowhere else: points come to the database with the tags, times and values they were recorded
//! with, and no figure of this gateway is computed from them. Importing a file again sends its points again; to a database
//! a point with the same series and time is the same point. Never changes a value; what cannot be taken is named by its line.

mod into;
pub(super) mod point;
mod post;
mod source;

use super::words::count;
use super::{EXIT_CODES, Which};
use crate::cli::Exit;
use clap::Args;
use std::path::PathBuf;

/// Lines that are told one by one.
const TOLD_MAX: u64 = 20;

/// Arguments of `store import`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  systemctl stop facility-gateway\n  facility-gateway store import card.jsonl.gz\n  systemctl start facility-gateway\n  facility-gateway store import card.jsonl.gz --url http://10.0.0.5:8086 --org fuzhou --bucket facilities --token-file token\n\nWithout --url the points go into the outbox of a stopped gateway, which forwards them when it runs, with the tags of\nthe gateway they came from. With --url the file may also be line protocol, and what was computed again goes over the earlier\nissue; only without it a destination's revisions = \"beside\" counts.\nThe same file twice does no harm: the database has each point once (VictoriaMetrics with -dedup.minScrapeInterval=1ms).\n\n{EXIT_CODES}")
)]
pub struct ImportArgs {
    /// What `store export` wrote, plain or compressed
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Data folder of the gateway that forwards it 数据目录
    #[arg(value_name = "DIR", default_value = "/var/lib/facility-gateway")]
    dir: PathBuf,
    /// Configuration of that gateway: a destination that has not run yet gets it too
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
    /// Send to this InfluxDB v2 endpoint instead
    #[arg(long, value_name = "URL", requires_all = ["org", "bucket"])]
    url: Option<String>,
    /// Organisation at --url
    #[arg(long, requires = "url")]
    org: Option<String>,
    /// Bucket at --url
    #[arg(long, requires = "url")]
    bucket: Option<String>,
    /// File with the token for --url, mode 0600
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// Certificate authority of --url, PEM
    #[arg(long, value_name = "FILE", requires = "url")]
    ca_file: Option<PathBuf>,
}

/// Lines that were not taken.
#[derive(Debug, Default)]
struct Rejected(u64);

impl Rejected {
    /// Tells one line, the first few by name.
    #[expect(clippy::print_stderr, reason = "the person who started the command has to know which lines are left out")]
    fn note(&mut self, line: u64, why: &str) {
        self.0 += 1;
        match self.0 {
            ..=TOLD_MAX => eprintln!("line {line}: {}", super::words::plain(why)),
            nth if nth == TOLD_MAX + 1 => eprintln!("… and more lines"),
            _ => {}
        }
    }

    /// How the command ends.
    fn exit(&self) -> Exit {
        if self.0 == 0 { Exit::Done } else { Exit::Found(65) }
    }
}

#[expect(clippy::print_stderr, reason = "the account of an import is for the person who started it")]
pub(super) fn import(args: &ImportArgs) -> Result<Exit, Exit> {
    let mut rejected = Rejected::default();
    let taken = match &args.url {
        Some(url) => post::post(args, url, &mut rejected)?,
        None => into::outbox(args, &mut rejected)?,
    };
    let left_out = if rejected.0 == 0 { String::new() } else { format!(", {} lines left out", count(rejected.0)) };
    eprintln!("{taken}{left_out}");
    Ok(rejected.exit())
}

/// The input cannot be read.
fn no_input(args: &ImportArgs, error: &std::io::Error) -> Exit {
    Exit::Start { code: 66, message: format!("{} cannot be read: {error}", args.file.display()) }
}

impl ImportArgs {
    fn outbox(&self) -> PathBuf {
        self.dir.join(Which::Outbox.as_str())
    }
}
