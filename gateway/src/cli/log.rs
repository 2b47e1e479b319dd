//! Where log lines go. Set up once per process by the command that needs it.

use std::fs::File;
use std::sync::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Where log lines go.
pub(super) enum Place {
    /// Beside the command's own output; what systemd collects.
    Stderr,
    /// A file, when the screen belongs to something else.
    File(File),
}

/// Libraries that would show at `trace` what travels through them, passwords and payloads: never more than this of them,
/// whatever is asked for.
const DISCREET: [&str; 4] = ["tungstenite=info", "async_tungstenite=info", "ws_stream_tungstenite=info", "hyper=info"];

/// Starts logging. A filter that cannot be read falls back to `info` and says so.
pub(super) fn start(filter: &str, json: bool, place: Place) {
    let (parsed, problem) = parse(filter);
    // journald stamps lines itself.
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    let builder = tracing_subscriber::fmt().with_env_filter(parsed);
    let started = match (place, json) {
        (Place::Stderr, true) => builder.json().with_writer(std::io::stderr).try_init(),
        (Place::Stderr, false) if under_systemd => builder.without_time().with_ansi(false).with_writer(std::io::stderr).try_init(),
        (Place::Stderr, false) => {
            builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).with_writer(std::io::stderr).try_init()
        }
        (Place::File(file), true) => builder.json().with_writer(Mutex::new(file)).try_init(),
        (Place::File(file), false) => builder.with_ansi(false).with_writer(Mutex::new(file)).try_init(),
    };
    if let Some(error) = problem {
        tracing::warn!(filter, %error, "this log filter cannot be read; logging at info");
    }
    if started.is_err() {
        tracing::debug!("logging was set up before");
    }
}

fn parse(filter: &str) -> (EnvFilter, Option<ParseError>) {
    let (parsed, problem) = match EnvFilter::try_new(filter) {
        Ok(parsed) => (parsed, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let discreet = DISCREET.iter().filter_map(|directive| directive.parse().ok());
    (discreet.fold(parsed, EnvFilter::add_directive), problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_travels_is_never_logged_whatever_is_asked_for() {
        for filter in ["trace", "info,tungstenite=trace", "tungstenite=trace", "no such level=9", "debug,hyper=trace"] {
            let (parsed, problem) = parse(filter);
            let shown = format!(",{parsed},");
            for directive in DISCREET {
                assert!(shown.contains(&format!(",{directive},")), "{filter}: {shown}");
            }
            assert!(!shown.contains("tungstenite=trace") && !shown.contains("hyper=trace"), "{filter}: {shown}");
            assert_eq!(problem.is_some(), filter.starts_with("no"), "{filter}");
        }
    }
}
