//! `modbus trace`: the frames of a line as they pass, in words. Listens only: on a port of its own to what another master
//! asks, or through the running gateway to what that asks.

mod passive;
mod remote;
mod sink;

use super::EXIT_CODES;
use super::line::LineArgs;
use crate::cli::{Exit, run};
use clap::Args;
use facility_drivers::modbus::trace::Head;
use sink::Sink;
use std::path::PathBuf;

/// Arguments of `modbus trace`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway modbus trace --config site.toml kitchen\n  facility-gateway modbus trace --config site.toml --bus kitchen --record kitchen.jsonl\n  facility-gateway modbus trace --port /dev/ttyUSB1 --baud 9600 --parity even\n\nWith a configuration the running gateway is asked for what it hears. With --port an adapter of its own listens to the\nline of another master, and never sends. Ends with ctrl-c.\n\n{EXIT_CODES}")
)]
pub struct TraceArgs {
    /// Bus of the configuration
    #[arg(value_name = "BUS", conflicts_with_all = ["bus", "port", "tcp", "rtu_over_tcp"])]
    name: Option<String>,
    #[command(flatten)]
    line: LineArgs,
    /// Also write the frames to this file, for `modbus replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print the lines of a recording
    #[arg(long)]
    json: bool,
}

pub(super) async fn trace(args: &TraceArgs) -> Result<Exit, Exit> {
    let line = LineArgs { bus: args.line.bus.clone().or_else(|| args.name.clone()), ..args.line.clone() };
    let found = line.find(None)?;
    let head = Head { bus: found.bus.name.clone(), framing: found.bus.framing };
    let mut sink = Sink::open(&head, args.record.as_deref(), args.json)?;
    let watched = async {
        match &found.site {
            Some(site) => remote::watch(site, &found.bus, &mut sink).await,
            None => passive::watch(&found.bus, &mut sink).await,
        }
    };
    let ended = tokio::select! {
        ended = watched => ended,
        () = run::terminated() => Ok(()),
    };
    sink.end()?;
    ended.map(|()| Exit::Done)
}
