//! `alarm`: what stands, and what an operator does about it. Asks the running gateway over its status page, and leaves
//! commands as files in its data folder; changes no device and no configuration.

mod act;
mod list;

#[cfg(test)]
mod tests;

use super::Exit;
use super::say::{print, print_json, run};
use clap::Subcommand;

const CONFIG: &str = "/etc/facility-gateway/gateway.toml";
const EXIT_CODES: &str = "Exit codes: 0 done · 2 wrong usage · 65 the gateway refuses it · 69 the gateway does not answer · 74 the data folder or the output cannot be used · 78 configuration wrong";

/// What to do about alarms.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum AlarmCommand {
    /// List alarms that stand 查看当前报警
    List(list::ListArgs),
    /// Say that somebody has seen an alarm: it is not told again 确认报警
    Ack(act::AckArgs),
    /// Do not tell an alarm for some time 搁置报警
    Shelve(act::ShelveArgs),
    /// Tell an alarm again that was shelved 取消搁置
    Unshelve(act::UnshelveArgs),
    /// Tell no alarm of a device while somebody works at it 维护模式
    Maintenance(act::MaintenanceArgs),
}

/// Does what was asked for.
pub(super) fn act(command: &AlarmCommand) -> Exit {
    let done = match command {
        AlarmCommand::List(args) => run(list::list(args)),
        AlarmCommand::Ack(args) => args.act(),
        AlarmCommand::Shelve(args) => args.act(),
        AlarmCommand::Unshelve(args) => args.act(),
        AlarmCommand::Maintenance(args) => args.act(),
    };
    done.unwrap_or_else(|exit| exit)
}
