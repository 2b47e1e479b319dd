//! `coldchain`: the log of every hour of every cabinet, for somebody who has to vouch for it. Only reads, beside a gateway
//! that runs, on a copied folder, or on a card.

mod day;
mod export;
mod page;
mod sheet;
mod svg;
mod verify;

use super::Exit;
use clap::Subcommand;
use std::io;
use std::path::Path;

const EXIT_CODES: &str = "Exit codes: 0 whole · 2 wrong usage · 65 the chain is broken · 66 nothing there to read · 74 the output cannot be written · 78 the configuration has problems";

/// What to do with the cold-chain log.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum ColdChainCommand {
    /// Check that nobody has changed, removed or moved a record 校验冷链记录
    Verify(verify::VerifyArgs),
    /// Write the log of a device for an inspector, as a spreadsheet or a page to print 导出冷链记录
    Export(export::ExportArgs),
}

/// Does what was asked for.
pub(super) fn act(command: &ColdChainCommand) -> Exit {
    let done = match command {
        ColdChainCommand::Verify(args) => verify::verify(args),
        ColdChainCommand::Export(args) => export::export(args),
    };
    done.unwrap_or_else(|exit| exit)
}

fn unreadable(path: &Path, error: &io::Error) -> Exit {
    let next = match error.kind() {
        io::ErrorKind::NotFound => "; the log begins with the first hour that is over, for devices with a cold-chain class",
        _ => "",
    };
    Exit::Start { code: 66, message: format!("{} cannot be read: {error}{next}", path.display()) }
}

#[cfg(test)]
mod tests;
