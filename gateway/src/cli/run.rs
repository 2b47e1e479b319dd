//! `run`: the gateway until it is told to stop.

use super::{Exit, RunArgs, check};
use crate::app::{App, BuildError, End};
use crate::edition;
use facility_drivers::Clock;
use std::io::IsTerminal;
use tokio::signal::unix::{SignalKind, signal};

#[expect(clippy::print_stderr, reason = "configuration problems are for the person at the terminal or in the journal")]
pub(super) fn run(args: &RunArgs) -> Exit {
    let loaded = match check::load_to_run(&args.config) {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("{}", problems.render(std::io::stderr().is_terminal()));
            return Exit::Config;
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!(code = warning.code, key = warning.key, "{}", warning.message);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Exit::Defect(format!("no runtime: {error}")),
    };
    let (dir, sha256) = (loaded.site.store.dir.clone(), loaded.sha256);
    runtime.block_on(async {
        let app = match App::build(loaded.site, Clock::system()) {
            Ok(app) => app,
            Err(error) => return start_failed(error),
        };
        edition::note(&dir, &sha256);
        match app.run(terminated()).await {
            End::Stopped => Exit::Done,
            End::NotStarted(message) => Exit::Start { code: 78, message },
            End::Fatal(fatal) => Exit::Defect(format!("GW-T002 {} ended; the log says why", fatal.task)),
        }
    })
}

/// Why a valid configuration does not start, with the exit code that scripts and systemd act on.
pub(super) fn start_failed(error: BuildError) -> Exit {
    Exit::Start { code: error.exit_code(), message: error.to_string() }
}

/// SIGTERM or ctrl-c.
pub(super) async fn terminated() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        // Without signal handlers the default action ends the process; what is acknowledged is on flash.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
