//! `modbus replay`: what `modbus trace --record` heard, answered once more.

use super::serve::ServeArgs;
use super::{EXIT_CODES, print};
use crate::cli::{Exit, run};
use clap::Args;
use facility_drivers::modbus::trace::Recording;
use facility_drivers::sim::modbus::{Replay, Tempo};
use std::path::{Path, PathBuf};

/// A day of a busy line is less.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Arguments of `modbus replay`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway modbus replay kitchen.jsonl --pty /tmp/line1\n  facility-gateway modbus replay hall.jsonl --tcp 127.0.0.1:5020 --at-once\n\nA question gets the answers it got then, in their order; one that was not recorded gets none.\n\n{EXIT_CODES}")
)]
pub struct ReplayArgs {
    /// What `modbus trace --record` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: ServeArgs,
    /// Answer without the delays of then
    #[arg(long)]
    at_once: bool,
}

pub(super) async fn replay(args: &ReplayArgs) -> Result<Exit, Exit> {
    let recording = read(&args.file)?;
    let framing = args.place.framing();
    if let Some(head) = recording.head.as_ref().filter(|head| head.framing != framing) {
        let message = format!("{} was recorded on a line of other frames ({:?}): serve it as it was", args.file.display(), head.framing);
        return Err(Exit::Start { code: 2, message });
    }
    let tempo = if args.at_once { Tempo::AtOnce } else { Tempo::Recorded };
    let replay = Replay::new(&recording, framing, tempo);
    let (_serving, words) = args.place.serve(replay.clone()).await?;
    print(&format!("{} pieces of {}: read with {words}\nctrl-c ends\n", recording.wires.len(), args.file.display()))?;
    run::terminated().await;
    match replay.unknown() {
        0 => {}
        unknown => super::tell(&format!("{unknown} questions were not in the recording")),
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Recording, Exit> {
    let wrong = |code: u8, why: String| Exit::Start { code, message: format!("{}: {why}", path.display()) };
    let size = std::fs::metadata(path).map_err(|error| wrong(66, error.to_string()))?.len();
    if size > BYTES_MAX {
        return Err(wrong(65, "too large".into()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(66, error.to_string()))?;
    Recording::parse(&text).map_err(|error| wrong(65, error))
}
