//! `coldchain verify`: whether the log is as it was written.

use super::{EXIT_CODES, unreadable};
use crate::cli::Exit;
use crate::cli::check::valid;
use crate::cli::say::{print, print_json};
use crate::cli::store::words::{count, plain};
use crate::coldchain::files;
use crate::coldchain::verify::{Verdict, verify as walk};
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `coldchain verify`.
#[derive(Debug, Args)]
#[command(after_help = format!(
    "Examples:\n  facility-gateway coldchain verify\n  facility-gateway coldchain verify --device fz-02 --head 3f1c…\n  facility-gateway coldchain verify --dir /media/card/coldchain --json\n\n\
     Every record holds the hash of the one before it. The hash of the newest is sent to the database once a day as\n\
     `coldchain.head`; with --head it is looked for, so that a log whose end was cut off or that was written anew is found.\n\
     By hand: the hash of a line is the SHA-256 of the line without it, and the `prev` of the next line:\n  \
     sed -n 7p 2026-09.jsonl | sed 's/,\"hash\":\"[0-9a-f]*\"}}$/}}/' | tr -d '\\n' | sha256sum\n\n{EXIT_CODES}"
))]
pub struct VerifyArgs {
    /// Configuration; says where the log is
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
    /// Folder of the log, instead of a configuration
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
    /// Only this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// A hash that was sent, which must be in the log of the device
    #[arg(long, value_name = "HASH", requires = "device")]
    head: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn verify(args: &VerifyArgs) -> Result<Exit, Exit> {
    let root = match &args.dir {
        Some(dir) => dir.clone(),
        None => valid(&args.config)?.site.store.dir.join(files::DIR),
    };
    let devices = files::devices(&root).map_err(|error| unreadable(&root, &error))?;
    let devices: Vec<_> = devices.into_iter().filter(|device| args.device.as_ref().is_none_or(|wanted| wanted == device)).collect();
    if devices.is_empty() {
        let what = args.device.as_ref().map_or("no device".to_owned(), |device| format!("nothing of device `{}`", plain(device)));
        return Err(Exit::Start { code: 66, message: format!("{} holds {what}", root.display()) });
    }
    let mut verdicts = Vec::new();
    for device in devices {
        verdicts.push(walk(&root, &device, args.head.as_deref()).map_err(|error| unreadable(&root.join(&device), &error))?);
    }
    if args.json {
        print_json(&verdicts)?;
    } else {
        print(&verdicts.iter().map(words).collect::<String>())?;
    }
    Ok(if verdicts.iter().all(Verdict::is_whole) { Exit::Done } else { Exit::Found(65) })
}

/// What a walk found, for people.
pub(super) fn words(verdict: &Verdict) -> String {
    let state = if verdict.is_whole() { "whole 完整" } else { "BROKEN 不完整" };
    let mut out = format!("{}  {state}  {} records 条记录", plain(&verdict.device), count(verdict.records));
    // Writing to a String cannot fail.
    if let (Some(first), Some(last)) = (&verdict.first, &verdict.last) {
        let _ = write!(out, ", {} to {}", plain(first), plain(last));
    }
    out.push('\n');
    if let Some(head) = &verdict.head {
        let _ = writeln!(out, "  newest 最新  no. {}, hash {}", verdict.n, plain(head));
    }
    if !verdict.removed.is_empty() {
        let _ = writeln!(out, "  deleted as configured 按设置删除  {}", plain(&verdict.removed.join(" ")));
    }
    if verdict.late_unread > 0 {
        let _ = writeln!(
            out,
            "  hours that lack something that came too late to be counted 有迟到数据未能计入的小时  {}",
            count(verdict.late_unread)
        );
    }
    match verdict.has_head {
        Some(true) => out.push_str("  the hash that was asked for is in the chain 所查哈希在链中\n"),
        Some(false) => out.push_str("  the hash that was asked for is NOT in the chain: its end was cut off, or the log was written anew 所查哈希不在链中：记录被截断或重写\n"),
        None => {}
    }
    if let Some(torn) = &verdict.torn {
        let _ = writeln!(
            out,
            "  {}:{}: the last line is torn, as a power cut does it; the gateway cuts it off and writes it again 末行不完整（断电所致），并非改动",
            torn.file, torn.line
        );
    }
    for broken in &verdict.breaks {
        let _ = writeln!(out, "  {}:{}: {}", broken.spot.file, broken.spot.line, broken.what.words());
    }
    let untold = verdict.broken.saturating_sub(verdict.breaks.len() as u64);
    if untold > 0 {
        let _ = writeln!(out, "  and {} more 另有", count(untold));
    }
    out
}
