//! `alarm list`: alarms of the running gateway, as its status page has them.

use super::{CONFIG, EXIT_CODES, print, print_json};
use crate::cli::check::valid;
use crate::cli::say::UNAVAILABLE;
use crate::cli::store::words::{plain, time};
use crate::cli::{Exit, remote};
use clap::Args;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `alarm list`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway alarm list\n  facility-gateway alarm list --json | jq -r '.[] | [.device, .rule] | @tsv'\n\n{EXIT_CODES}")
)]
pub struct ListArgs {
    /// Configuration
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn list(args: &ListArgs) -> Result<Exit, Exit> {
    let site = valid(&args.config)?.site;
    let message = |why| format!("no gateway with this configuration answers ({why}): is it running?");
    let mut status = remote::snapshot(&site).await.map_err(|why| Exit::Start { code: UNAVAILABLE, message: message(why) })?;
    let alarms = status["alarms"].take();
    if args.json {
        print_json(&alarms)?;
    } else {
        print(&text(&alarms))?;
    }
    Ok(Exit::Done)
}

/// One alarm on two lines: what and where, then since when and how far.
pub(super) fn text(alarms: &Value) -> String {
    let mut text = String::new();
    for alarm in alarms.as_array().into_iter().flatten() {
        let word = |name: &str| plain(alarm[name].as_str().unwrap_or_default()).into_owned();
        let target = alarm["target"].as_str().filter(|target| !target.is_empty()).map(|target| format!(" {}", plain(target)));
        let (target, severity) = (target.unwrap_or_default(), word("severity"));
        let _ = writeln!(text, "{}  {}{target}  {severity}  {} {}", word("device"), word("rule"), word("en"), word("zh"));
        let since = alarm["since_ms"].as_i64().map(time).unwrap_or_default();
        let _ = write!(text, "  since {since}");
        if let Some(value) = alarm["value"].as_f64() {
            let unit = Some(word("unit")).filter(|unit| !unit.is_empty()).map(|unit| format!(" {unit}")).unwrap_or_default();
            let limit = alarm["limit"].as_f64().map(|limit| format!(", limit {limit:.1}{unit}")).unwrap_or_default();
            let _ = write!(text, "  {value:.1}{unit}{limit}");
        }
        if alarm["acknowledged"] == true {
            text.push_str("  acknowledged 已确认");
        }
        if let Some((_, en, zh)) = HELD.iter().find(|(word, ..)| alarm["held"] == **word) {
            let _ = write!(text, "  {en} {zh}");
        }
        text.push('\n');
    }
    if text.is_empty() { "no alarm stands 当前无报警\n".to_owned() } else { text }
}

/// Why an alarm that stands is not told.
const HELD: [(&str, &str, &str); 3] = [
    ("maintenance", "under maintenance", "维护中"),
    ("shelved", "shelved", "已搁置"),
    ("link", "held while its link is down", "链路中断，已抑制"),
];
