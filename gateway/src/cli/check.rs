//! `check`: every problem of a configuration at once. Passing means that `run` starts, but for credentials of systemd that are
//! not there to be looked at: a warning says which.

use super::say::tell_problems;
use super::{CheckArgs, Exit};
use facility_config::{Loaded, Problems};
use facility_drivers::Clock;
use std::fmt::Write as _;
use std::path::Path;

/// Reads a configuration with this process's environment, to log in nowhere: a shell has no credentials of systemd.
pub(super) fn load(path: &Path) -> Result<Loaded, Problems> {
    facility_config::look(path, &environment())
}

/// A configuration that is valid; its problems are told.
pub(super) fn valid(path: &Path) -> Result<Loaded, Exit> {
    load(path).map_err(|problems| {
        tell_problems(&problems);
        Exit::Config
    })
}

/// Reads a configuration to run the gateway with it.
pub(super) fn load_to_run(path: &Path) -> Result<Loaded, Problems> {
    facility_config::open(path, &environment())
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))).collect()
}

#[expect(clippy::print_stdout, reason = "printing is what this command is for")]
pub(super) fn check(args: &CheckArgs) -> Exit {
    let mut loaded = load(&args.config);
    if let Ok(loaded) = &mut loaded {
        // Only here is it known what day it is.
        let today = jiff::Timestamp::from_millisecond(Clock::system().now_ms()).unwrap_or_default();
        let today = jiff::tz::Offset::constant(8).to_datetime(today).date();
        loaded.warnings.extend(facility_config::calibration::warnings(&loaded.site, today));
    }
    match loaded {
        Ok(loaded) => {
            if args.json {
                println!("{}", Problems(loaded.warnings).to_json());
            } else {
                if !loaded.warnings.is_empty() {
                    tell_problems(&Problems(loaded.warnings));
                }
                println!("{}", summary(&loaded.site, &args.config));
                loaded.files.iter().for_each(|file| println!("  read {}", file.display()));
            }
            Exit::Done
        }
        Err(problems) => {
            if args.json {
                println!("{}", problems.to_json());
            } else {
                tell_problems(&problems);
            }
            Exit::Config
        }
    }
}

fn summary(site: &facility_config::Site, path: &Path) -> String {
    let devices = site.devices.len().saturating_sub(1);
    let goals: Vec<String> = site.forward.iter().map(facility_config::site::Forward::address).collect();
    let goal = if goals.is_empty() { "stay here (no [forward.NAME])".to_owned() } else { format!("go to {}", goals.join(", ")) };
    let mut text = format!(
        "{} is valid: gateway {}; devices: {devices}, brokers: {}, buses: {}; figures {goal}",
        path.display(),
        site.gateway.id,
        site.brokers.len(),
        site.buses.len()
    );
    for forward in site.forward.iter().filter(|forward| forward.metrics && !forward.short_windows) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {} gets no windows shorter than an hour (short_windows)", forward.name);
    }
    text
}
