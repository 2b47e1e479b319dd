//! `forward status`: from the running gateway's snapshot; if none answers, from the positions in its stores.

use super::{About, EXIT_CODES, chosen, load, print, print_json};
use crate::cli::say::{UNAVAILABLE, tell};
use crate::cli::store::words::{count, plain, time};
use crate::cli::{Exit, remote};
use crate::forward::month::BudgetInfo;
use crate::forward::replay::ReplayInfo;
use crate::forward::shown::BacklogInfo;
use crate::store::card::Card;
use crate::store::card::facts::ReaderFacts;
use clap::Args;
use facility_config::Site;
use facility_config::site::Forward;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;

/// Arguments of `forward status`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway forward status\n  facility-gateway forward status --name main\n  facility-gateway forward status --json | jq -r '.[] | [.name, .waiting] | @tsv'\n\n{EXIT_CODES}")
)]
pub struct StatusArgs {
    #[command(flatten)]
    about: About,
}

/// How a destination stands. Counts are points since the stores were made.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Stand {
    pub(super) name: String,
    pub(super) address: String,
    /// `up`, `connecting`, `denied`, or `stopped` when no gateway answers.
    pub(super) state: String,
    /// Since when, Unix ms.
    pub(super) since_ms: Option<i64>,
    pub(super) error: Option<String>,
    pub(super) delivered: u64,
    pub(super) waiting: u64,
    pub(super) dead_lettered: u64,
    /// Gone before they could be sent: evicted, thinned, damaged, or older than the destination keeps.
    pub(super) lost: u64,
    /// Left out for the month's budget; `forward replay` sends it.
    pub(super) over_budget: u64,
    /// A backlog, what is sent again and the month's budget, as the gateway's snapshot has them.
    pub(super) backlog: Option<BacklogInfo>,
    pub(super) replay: Option<ReplayInfo>,
    pub(super) budget: Option<BudgetInfo>,
    /// The destination of higher priority that it lets go first.
    pub(super) waits_for: Option<String>,
}

impl Stand {
    /// One that had nothing to send yet is connecting, without an error.
    pub(super) fn works(&self) -> bool {
        self.state == "up" || self.state == "connecting" && self.error.is_none()
    }
}

pub(super) async fn status(args: &StatusArgs) -> Result<Exit, Exit> {
    let site = load(&args.about.config)?;
    let wanted = chosen(&site, args.about.name.as_deref())?;
    let stands = match remote::snapshot(&site).await {
        Ok(snapshot) => wanted.iter().map(|forward| of_snapshot(forward, &snapshot)).collect(),
        Err(why) => {
            tell(&format!("no gateway with this configuration answers ({why}); this is from its stores"));
            wanted.iter().map(|forward| of_stores(forward, &site)).collect::<Option<Vec<Stand>>>().ok_or_else(|| Exit::Start {
                code: UNAVAILABLE,
                message: format!("there is no store in {}, or it may not be read", site.store.dir.display()),
            })?
        }
    };
    if args.about.json {
        print_json(&stands)?;
    } else {
        print(&text(&stands))?;
    }
    Ok(if stands.iter().all(Stand::works) { Exit::Done } else { Exit::Found(1) })
}

pub(super) fn of_snapshot(forward: &Forward, snapshot: &Value) -> Stand {
    let named = |list: &str| snapshot[list].as_array().into_iter().flatten().find(|one| one["name"] == *forward.name).cloned();
    let links = snapshot["links"].as_array().into_iter().flatten();
    let link = links.filter(|link| link["kind"] == "database").find(|link| link["name"] == *forward.name).cloned().unwrap_or_default();
    let mut sent = named("forward").unwrap_or_default();
    let accounts = sent["accounts"].take();
    let sum = |figure: &str| accounts.as_array().into_iter().flatten().filter_map(|row| row[figure].as_u64()).sum();
    let lost = |reason: &str| accounts.as_array().into_iter().flatten().filter_map(|row| row["dropped"][reason].as_u64()).sum::<u64>();
    Stand {
        name: forward.name.to_string(),
        address: forward.address(),
        state: link["state"].as_str().unwrap_or("unknown").to_owned(),
        since_ms: link["since_ms"].as_i64(),
        error: link["error"].as_str().map(str::to_owned),
        delivered: sum("delivered"),
        waiting: sum("buffered"),
        dead_lettered: sum("dead_lettered"),
        lost: ["evicted", "thinned", "damaged", "expired"].into_iter().map(lost).sum(),
        over_budget: lost("over_budget"),
        // Of a gateway of another version there may be none.
        backlog: serde_json::from_value(sent["backlog"].take()).ok(),
        replay: serde_json::from_value(sent["replay"].take()).ok(),
        budget: serde_json::from_value(sent["budget"].take()).ok(),
        waits_for: sent["waits_for"].as_str().map(str::to_owned),
    }
}

/// `None` if a store it reads is not there.
fn of_stores(forward: &Forward, site: &Site) -> Option<Stand> {
    let mut stand = Stand { name: forward.name.to_string(), address: forward.address(), state: "stopped".to_owned(), ..Stand::default() };
    for (dir, is_read) in [("outbox", forward.takes_outbox()), ("readings", forward.raw.is_some())] {
        if is_read {
            let facts = Card::open(&site.store.dir.join(dir)).ok()?.facts();
            let reader = facts.readers.iter().find(|reader| is_of(reader, forward));
            // One that has never stood anywhere has everything before it.
            stand.waiting += reader.map_or(facts.end.saturating_sub(facts.start), |reader| reader.waiting);
            if let Some(reader) = reader {
                stand.delivered += reader.delivered;
                stand.dead_lettered += reader.dead_lettered;
                stand.lost += reader.lost;
                stand.over_budget += reader.over_budget;
            }
        }
    }
    Some(stand)
}

fn is_of(reader: &ReaderFacts, forward: &Forward) -> bool {
    match &*forward.name {
        "main" => reader.reader == "forward",
        name => reader.reader.strip_prefix("forward-") == Some(name),
    }
}

pub(super) fn text(stands: &[Stand]) -> String {
    let mut text = String::new();
    for stand in stands {
        let since = stand.since_ms.map(|at| format!(" since {}", time(at))).unwrap_or_default();
        let _ = writeln!(text, "{}  {}  {}{since}", stand.name, plain(&stand.address), stand.state);
        let _ = writeln!(
            text,
            "  waiting 待发送 {}  delivered 已送达 {}  refused 被拒绝 {}  lost 丢失 {}",
            count(stand.waiting),
            count(stand.delivered),
            count(stand.dead_lettered),
            count(stand.lost)
        );
        text.push_str(&more(stand));
        if let Some(error) = &stand.error {
            let _ = writeln!(text, "  {}", plain(error));
        }
    }
    text
}

/// What is there only now and then.
fn more(stand: &Stand) -> String {
    let mut text = String::new();
    if let Some(backlog) = stand.backlog {
        let pace = backlog.points_per_s.map(|pace| format!("  {pace:.0} points/s")).unwrap_or_default();
        let empty = backlog.empty_s.map(|s| format!("  gone in 约 {} min 补完", s.div_ceil(60))).unwrap_or_default();
        let _ = writeln!(text, "  behind new ones 待补发 {}{pace}{empty}", count(backlog.points));
    }
    if let Some(replay) = stand.replay {
        let (from, to) = (time(replay.from_ms), time(replay.to_ms));
        let (done, of) = (count(replay.done_points), count(replay.of_points));
        let _ = writeln!(text, "  sent again 重发 {from} to {to}: {done} of {of} points, stored {}", count(replay.sent_points));
    }
    if let Some(budget) = stand.budget {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let forecast = budget.forecast_bytes.map(|bytes| format!(", {:.1} MB at its end 预计", mb(bytes))).unwrap_or_default();
        let (used, allowed, [en, zh]) = (mb(budget.used_bytes), mb(budget.allowed_bytes), budget.level.words());
        let _ = writeln!(text, "  this month 本月 {used:.1} of {allowed:.1} MB{forecast}: {en} {zh}");
    }
    if let Some(first) = &stand.waits_for {
        let _ = writeln!(text, "  waits for {0} 等待 {0} 补发", plain(first));
    }
    if stand.over_budget > 0 {
        let _ = writeln!(text, "  left out for the budget 因限额未发 {}", count(stand.over_budget));
    }
    text
}
