//! The `facility-gateway` binary: parse, then act.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    facility_gateway::cli::Cli::parse().act()
}
