//! `simulate`: a month of a neighbourhood through the real figures and alarms in a minute or two, without a network, a broker or
//! a store. Writes nothing but the page it was asked for.

mod figures;
mod month;
mod page;
mod plot;
mod site;
mod table;

#[cfg(test)]
mod tests;

use super::Exit;
use super::say::{print, print_json, tell};
use super::store::progress::Progress;
use clap::Args;
use facility_config::limits::DEVICES_MAX;
use month::Spec;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Days at most: a leap year.
const DAYS_MAX: i64 = 366;
/// What one troupe of the simulated neighbourhood needs.
const DEVICES_MIN: i64 = 6;
/// The page in its folder.
const PAGE: &str = "month.html";

/// Arguments of `simulate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  facility-gateway simulate\n  facility-gateway simulate --days 30 --devices 200 --seed 1 --out month\n  facility-gateway simulate --days 2 --devices 12 --bench\n  facility-gateway simulate --json | jq '.figures[] | {name, all, coverage}'\n\nWhat goes wrong in that month: links fall silent, a broker and a bus are down for hours, kiosks send late what they kept, probes break, meters start again, sales counters pass 99999999, a clock steps, and the first frozen cabinet loses its compressor on day 12. The same seed is the same month.\n\nExit codes: 0 well · 2 wrong usage · 74 the page or the output cannot be written"
)]
pub struct SimulateArgs {
    /// Simulated days 天数
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=DAYS_MAX))]
    days: u16,
    /// Simulated devices 设备数
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(DEVICES_MIN..=DEVICES_MAX as i64))]
    devices: u16,
    /// Seed of everything random: the same seed is the same month 随机种子
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write month.html, with plots, into this folder 输出图表
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also say what it cost: readings a second, time per reading, memory per device
    #[arg(long)]
    bench: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Does what was asked for.
pub(super) fn act(args: &SimulateArgs) -> Exit {
    simulate(args).unwrap_or_else(|exit| exit)
}

fn simulate(args: &SimulateArgs) -> Result<Exit, Exit> {
    let spec = Spec { days: usize::from(args.days), devices: usize::from(args.devices), seed: args.seed };
    let site = site::site(spec.devices).map_err(|problems| Exit::Defect(problems.render(false)))?;
    let site = Arc::new(site);
    let mut progress = Progress::new(true);
    let total = u64::from(args.days);
    let outcome = month::run(&site, spec, |day| progress.show(day as u64, total, 0, "day"));
    progress.clear();
    let outcome = outcome.map_err(|error| Exit::Defect(error.to_string()))?;
    if let Some(dir) = &args.out {
        let file = write(dir, &page::page(&site, spec, &outcome))?;
        tell(&format!("wrote {}", file.display()));
    }
    if args.json {
        print_json(&table::json(spec, &outcome, args.bench))?;
    } else {
        print(&table::text(spec, &outcome, args.bench))?;
    }
    Ok(Exit::Done)
}

fn write(dir: &Path, page: &str) -> Result<PathBuf, Exit> {
    let file = dir.join(PAGE);
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&file, page));
    written.map_err(|error| Exit::Start { code: 74, message: format!("{} cannot be written: {error}", file.display()) })?;
    Ok(file)
}
