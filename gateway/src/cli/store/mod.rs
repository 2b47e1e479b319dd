//! `store`: what is on a card, whether it is whole, and the way out of it and into another one. Looking never writes, so
//! it works on a card that is mounted read-only and beside a gateway that runs.

mod export;
mod import;
mod inspect;
pub(in crate::cli) mod progress;
pub(in crate::cli) mod span;
mod verify;
pub(in crate::cli) mod words;

use super::Exit;
use crate::store::card::{Card, CardError};
use crate::store::{OpenError, Sink};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 well · 65 damage found, or input that cannot be used · 66 nothing there to read · 74 the output cannot be written · 75 in use by a running gateway · 78 written by a later version";

/// What to do with stored data.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum StoreCommand {
    /// Say what a card holds: points, times, devices, readers 查看
    Inspect(inspect::InspectArgs),
    /// Read everything and report every damaged part with what it held 校验
    Verify(verify::VerifyArgs),
    /// Write points as line protocol, CSV or JSON lines 导出
    Export(export::ExportArgs),
    /// Put what was exported among the data that is forwarded, or send it to a database 导入
    Import(import::ImportArgs),
}

/// Which data.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Data folder of a gateway, or one of the two stores in it 数据目录
    #[arg(value_name = "DIR", default_value = "/var/lib/facility-gateway")]
    dir: PathBuf,
    /// Only this store of a data folder
    #[arg(long, value_name = "NAME")]
    store: Option<Which>,
}

/// One of the two stores of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// What devices said
    Readings,
    /// Figures, alarms and events on their way to the database
    Outbox,
}

/// A store that was found.
struct Found {
    which: Which,
    dir: PathBuf,
    card: Card,
}

impl Which {
    fn as_str(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Outbox => "outbox",
        }
    }
}

impl Place {
    /// Opens the stores there are.
    fn open(&self) -> Result<Vec<Found>, Exit> {
        if Card::is_store(&self.dir) {
            let card = Card::open(&self.dir).map_err(no_card)?;
            // Only readings are folded.
            let which = if card.cursor(Sink::Aggregate).is_some() { Which::Readings } else { Which::Outbox };
            return Ok(vec![Found { which, dir: self.dir.clone(), card }]);
        }
        let mut found = Vec::new();
        for which in [Which::Readings, Which::Outbox] {
            let dir = self.dir.join(which.as_str());
            if self.store.is_none_or(|wanted| wanted == which) && Card::is_store(&dir) {
                found.push(Found { which, card: Card::open(&dir).map_err(no_card)?, dir });
            }
        }
        if found.is_empty() {
            let path = self.store.map_or_else(|| self.dir.clone(), |which| self.dir.join(which.as_str()));
            return Err(no_card(CardError::Nothing { path }));
        }
        Ok(found)
    }
}

fn no_card(error: CardError) -> Exit {
    let code = match &error {
        CardError::Nothing { .. } | CardError::Open(OpenError::Unwritable { .. } | OpenError::Disk { .. }) => 66,
        CardError::Older { .. } | CardError::Open(_) => 78,
    };
    Exit::Start { code, message: error.to_string() }
}

/// The output is gone: nothing is wrong if its reader had enough.
pub(in crate::cli) fn no_output(error: &std::io::Error) -> Exit {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Exit::Done,
        _ => Exit::Start { code: 74, message: format!("the output cannot be written: {error}") },
    }
}

/// Does what was asked for.
pub(super) fn act(command: &StoreCommand) -> Exit {
    let done = match command {
        StoreCommand::Inspect(args) => inspect::inspect(args),
        StoreCommand::Verify(args) => verify::verify(args),
        StoreCommand::Export(args) => export::export(args),
        StoreCommand::Import(args) => import::import(args),
    };
    done.unwrap_or_else(|exit| exit)
}

#[cfg(test)]
mod tests;
