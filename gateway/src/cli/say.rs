//! How commands speak: what was asked for on the standard output, everything else beside it.

use super::Exit;
use super::store::no_output;
use facility_config::Problems;
use std::future::Future;
use std::io::{IsTerminal as _, Write as _};

/// A device, a whole line or the gateway itself does not answer.
pub(super) const UNAVAILABLE: u8 = 69;

/// Does something that waits.
pub(super) fn run(work: impl Future<Output = Result<Exit, Exit>>) -> Result<Exit, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Exit::Defect(error.to_string()))?;
    runtime.block_on(work)
}

/// Writes to the standard output.
pub(super) fn print(text: &str) -> Result<(), Exit> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| no_output(&error))
}

/// Says something beside the output.
#[expect(clippy::print_stderr, reason = "for the person who started the command")]
pub(super) fn tell(text: &str) {
    eprintln!("{text}");
}

/// Tells the problems of files, in colour for a person who wants some.
pub(super) fn tell_problems(problems: &Problems) {
    tell(&problems.render(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()));
}

/// Writes a value as JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Exit> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Exit::Defect(error.to_string()))?;
    print(&(text + "\n"))
}

/// The command was used wrongly in a way that its grammar cannot see.
pub(super) fn usage(message: impl Into<String>) -> Exit {
    Exit::Start { code: 2, message: message.into() }
}
