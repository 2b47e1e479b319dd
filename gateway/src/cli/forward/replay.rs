//! `forward replay`: what was sent before is sent again. The order is a file in the data folder: a running gateway takes it within
//! seconds, a stopped one when it starts.

use super::{CONFIG, chosen, load, print, print_json};
use crate::cli::Exit;
use crate::cli::store::span::{Moment, between, parse};
use crate::cli::store::words::time;
use crate::forward::replay::{Order, dir};
use crate::operator::{Fate, Spool};
use clap::Args;
use facility_drivers::Clock;
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for the gateway: it looks every five seconds, between two requests.
const PATIENCE_MS: i64 = 12_000;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const EXIT_CODES: &str = "Exit codes: 0 the order is taken, or waits for the gateway · 2 wrong usage · 65 the gateway does not understand it · 74 the data folder cannot be written · 78 configuration wrong";

/// Arguments of `forward replay`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway forward replay main --from 2026-11-01T00:00:00+08:00 --to 2026-11-08T00:00:00+08:00\n  facility-gateway forward replay main --from -24h\n  facility-gateway forward replay main --from -7d --json\n\nEverything is sent again that is still held and has its time in the span, also what a budget left out. The same bytes: a\ndatabase that has it keeps one of the two. `forward status` shows how far it is; after a restart it begins again.\n\n{EXIT_CODES}")
)]
pub struct ReplayArgs {
    /// The destination 转发目标
    #[arg(value_name = "NAME")]
    name: String,
    /// First moment: 2026-11-01T00:00:00+08:00, a date in UTC, or -24h 起始时刻
    #[arg(long, value_name = "TIME", value_parser = parse, allow_hyphen_values = true)]
    from: Moment,
    /// First moment after it; now if absent 结束时刻
    #[arg(long, value_name = "TIME", value_parser = parse, allow_hyphen_values = true)]
    to: Option<Moment>,
    /// Configuration
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What became of the order.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Answer {
    name: String,
    id: String,
    from_ms: i64,
    to_ms: i64,
    /// `taken` or `waiting`.
    state: &'static str,
}

impl ReplayArgs {
    pub(super) fn act(&self) -> Result<Exit, Exit> {
        self.leave(PATIENCE_MS)
    }

    /// Leaves the order and waits so long for the gateway to take it.
    pub(super) fn leave(&self, patience_ms: i64) -> Result<Exit, Exit> {
        let (site, clock) = (load(&self.config)?, Clock::system());
        let forward = chosen(&site, Some(&self.name))?.into_iter().next();
        let name = forward.map(|forward| forward.name.to_string()).unwrap_or_default();
        let span = between(Some(self.from), self.to, clock.now_ms());
        let order = Order { from_ms: *span.start(), to_ms: span.end().saturating_add(1).min(clock.now_ms()) };
        if order.from_ms >= order.to_ms {
            return Err(crate::cli::say::usage("--from has to be before --to, and before now"));
        }
        let folder = dir(&site.store.dir, &name);
        let spool = Spool::new(&folder);
        let failed = |error: io::Error| no_folder(&folder, &error);
        let id = spool.put(&order, clock.now_ms()).map_err(failed)?;
        let state = match wait(&spool, &id, &clock, patience_ms).map_err(failed)? {
            Fate::Waiting => "waiting",
            Fate::Taken | Fate::Done => "taken",
            Fate::Refused(why) => {
                let [en, zh] = why.words();
                return Err(Exit::Start { code: 65, message: format!("{en} ({zh})") });
            }
        };
        let answer = Answer { name, id, from_ms: order.from_ms, to_ms: order.to_ms, state };
        if self.json {
            print_json(&answer)?
        } else {
            print(&text(&answer))?
        }
        Ok(Exit::Done)
    }
}

/// Waits a moment for the gateway to take the order.
fn wait(spool: &Spool, id: &str, clock: &Clock, patience_ms: i64) -> io::Result<Fate> {
    let deadline_ms = clock.mono_ms().saturating_add(patience_ms);
    loop {
        match spool.fate(id)? {
            Fate::Waiting if clock.mono_ms() < deadline_ms => std::thread::sleep(LOOK_EVERY),
            fate => return Ok(fate),
        }
    }
}

fn text(answer: &Answer) -> String {
    let span = format!("{}: {} to {}", answer.name, time(answer.from_ms), time(answer.to_ms));
    match answer.state {
        "taken" => format!("{span}: is sent again; see `forward status` 正在重发\n"),
        _ => format!("{span}: waits until the gateway runs, or has done another order or request 等待网关执行\n"),
    }
}

fn no_folder(folder: &std::path::Path, error: &io::Error) -> Exit {
    let next = match error.kind() {
        io::ErrorKind::NotFound => "a gateway makes it when it starts with this destination",
        io::ErrorKind::PermissionDenied => "use the gateway's own user, or sudo",
        _ => "see the disk",
    };
    Exit::Start { code: 74, message: format!("{} cannot be used: {error}; {next}", folder.display()) }
}
