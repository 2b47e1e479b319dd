//! `mqtt`: what devices on a broker send, in the hands of a technician. Listens through the running gateway, or decodes a
//! file; never connects to a broker itself and never publishes.

mod adopt;
mod explain;
mod line;
mod lone;
mod strangers;
mod tail;

#[cfg(test)]
mod tests;

use super::Exit;
use super::check::valid;
use super::say::{print, print_json, run, tell, usage};
use clap::Subcommand;
use facility_config::Site;
use std::path::Path;

const CONFIG: &str = "/etc/facility-gateway/gateway.toml";
const EXIT_CODES: &str = "Exit codes: 0 well · 2 wrong usage · 65 a message that is refused · 66 nothing there to read · 69 the gateway does not answer · 74 the output cannot be written · 78 configuration wrong";

/// What to do with messages.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum MqttCommand {
    /// Watch messages as they are decoded, with the reason for every drop 实时查看报文
    Tail(tail::TailArgs),
    /// Explain what a message becomes, step by step 解析报文
    Explain(explain::ExplainArgs),
    /// List devices that were heard and are not declared 未登记设备
    Strangers(strangers::StrangersArgs),
    /// Declare a device that was heard 登记设备
    Adopt(adopt::AdoptArgs),
}

/// Does what was asked for.
pub(super) fn act(command: &MqttCommand) -> Exit {
    let done = match command {
        MqttCommand::Tail(args) => run(tail::tail(args)),
        MqttCommand::Explain(args) => explain::explain(args),
        MqttCommand::Strangers(args) => run(strangers::strangers(args)),
        MqttCommand::Adopt(args) => run(adopt::adopt(args)),
    };
    done.unwrap_or_else(|exit| exit)
}

/// A configuration with at least one broker.
fn load_with_brokers(config: &Path) -> Result<Site, Exit> {
    let site = valid(config)?.site;
    if site.brokers.is_empty() { Err(usage(format!("{} declares no broker", config.display()))) } else { Ok(site) }
}
