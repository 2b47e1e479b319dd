//! `privacy`: what a configuration can ever store or send, for somebody who has to answer for it. Reads the configuration
//! and prints; contacts nobody.

mod audit;
mod fields;
mod words;

use super::Exit;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 listed · 74 the output cannot be written · 78 the configuration has problems";

/// What to find out about personal data.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum PrivacyCommand {
    /// List every field that this configuration can ever store or send, and where to 隐私审计
    Audit(AuditArgs),
}

/// Arguments of `privacy audit`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway privacy audit\n  facility-gateway privacy audit --config site.toml > audit.txt\n  facility-gateway privacy audit --json | jq -r '.models[].fields[] | select(.sent != \"never\") | .series' | sort -u\n\nThe list is made from the configuration, the device models it names and the table of series, nothing else.\n\n{EXIT_CODES}")
)]
pub struct AuditArgs {
    /// Configuration; `conf.d/*.toml` beside it is merged in
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// Does what was asked for.
pub(super) fn act(command: &PrivacyCommand) -> Exit {
    let PrivacyCommand::Audit(args) = command;
    let loaded = match super::check::valid(&args.config) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let audit = audit::Audit::of(&loaded.site);
    let text = if args.json { words::json(&audit) } else { words::text(&audit) };
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader had enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Exit::Start { code: 74, message: format!("the output cannot be written: {error}") }
        }
        _ => Exit::Done,
    }
}

#[cfg(test)]
mod tests;
