//! `forward`: how the destinations stand, and whether they take a line. Asks the running gateway over its status page, or
//! reads the stores of one that is stopped. Moves no position; an order to send history again is left as a file.

pub(super) mod probe;
mod replay;
mod status;

#[cfg(test)]
mod tests;

use super::say::{print, print_json, run};
use super::{Exit, check};
use clap::{Args, Subcommand};
use facility_config::Site;
use facility_config::site::Forward;
use std::path::{Path, PathBuf};

const CONFIG: &str = "/etc/facility-gateway/gateway.toml";
const EXIT_CODES: &str = "Exit codes: 0 every destination works · 1 one does not · 2 wrong usage · 69 no gateway answers and there is no store to read · 74 the output cannot be written · 78 configuration wrong";

/// What to find out about destinations.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum ForwardCommand {
    /// What each destination has, what waits for it, and what is wrong 查看转发状态
    Status(status::StatusArgs),
    /// Send one line to each destination and say in words what came back 测试写入
    Test(probe::TestArgs),
    /// Send again what was sent before, or left out 重发历史
    Replay(replay::ReplayArgs),
}

/// Which destinations, and for whom.
#[derive(Debug, Args)]
struct About {
    /// Only this destination
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Configuration
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print a list as JSON
    #[arg(long)]
    json: bool,
}

/// Does what was asked for.
pub(super) fn act(command: &ForwardCommand) -> Exit {
    let done = match command {
        ForwardCommand::Status(args) => run(status::status(args)),
        ForwardCommand::Test(args) => run(probe::test(args)),
        ForwardCommand::Replay(args) => args.act(),
    };
    done.unwrap_or_else(|exit| exit)
}

/// A valid configuration with at least one destination.
fn load(config: &Path) -> Result<Site, Exit> {
    let site = check::valid(config)?.site;
    if site.forward.is_empty() {
        let message = "no destination is configured: add a [forward.main] table with url, org and bucket".to_owned();
        return Err(Exit::Start { code: 78, message });
    }
    Ok(site)
}

/// The destination of that name, or all.
fn chosen<'s>(site: &'s Site, name: Option<&str>) -> Result<Vec<&'s Forward>, Exit> {
    let found: Vec<&Forward> = site.forward.iter().filter(|forward| name.is_none_or(|name| *forward.name == *name)).collect();
    if found.is_empty() {
        let known: Vec<&str> = site.forward.iter().map(|forward| &*forward.name).collect();
        return Err(super::say::usage(format!("there is no such destination; configured are: {}", known.join(", "))));
    }
    Ok(found)
}
