//! `doctor`: what keeps this gateway from working, in one list: configuration, clock, data folder, brokers, buses, destinations;
//! for each what was found and what to do next.
//!
//! Disturbs no gateway that runs: that one is asked over its status page how its brokers and buses are; no serial port is opened,
//! at no broker of devices is logged in. To each destination goes one harmless line, as `forward test` sends it, but
//! to a platform that prescribes a client id, which the running gateway has.

mod here;
mod reach;

#[cfg(test)]
mod tests;

use super::say::{print, print_json, run};
use super::store::words::plain;
use super::{Exit, check, remote};
use clap::Args;
use facility_config::Site;
use facility_config::site::Target;
use facility_drivers::Clock;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

const EXIT_CODES: &str =
    "Exit codes: 0 nothing is broken · 1 something is · 2 wrong usage · 74 the output cannot be written · 78 configuration wrong";

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway doctor\n  facility-gateway doctor --config site.toml\n  facility-gateway doctor --json | jq -r '.[] | select(.state != \"ok\") | [.what, .found, .next] | @tsv'\n\nRun it as the user of the gateway, who may read its secrets: sudo -u facility-gateway facility-gateway doctor\n\n{EXIT_CODES}")
)]
pub struct DoctorArgs {
    /// Configuration
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    what: String,
    state: State,
    found: String,
    /// What to do; nothing if all is well.
    next: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Ok, found: found.into(), next: None }
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Warning, found: found.into(), next: Some(next.into()) }
    }

    fn fail(what: impl Into<String>, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { state: State::Fail, ..Self::warning(what, found, next) }
    }
}

/// Looks at everything and tells it.
pub(super) fn act(args: &DoctorArgs) -> Exit {
    run(examine(args)).unwrap_or_else(|exit| exit)
}

async fn examine(args: &DoctorArgs) -> Result<Exit, Exit> {
    let (findings, is_valid) = match check::load(&args.config) {
        Ok(loaded) => {
            let mut findings = vec![here::configuration(&loaded, &args.config)];
            findings.extend(look(&loaded.site, &Clock::system()).await);
            (findings, true)
        }
        Err(problems) => {
            let next = format!("facility-gateway check --config {}", args.config.display());
            (vec![Finding::fail("configuration 配置", problems.render(false), next)], false)
        }
    };
    if args.json {
        print_json(&findings)?;
    } else {
        print(&text(&findings))?;
    }
    Ok(match findings.iter().any(|finding| finding.state == State::Fail) {
        _ if !is_valid => Exit::Config,
        true => Exit::Found(1),
        false => Exit::Done,
    })
}

async fn look(site: &Site, clock: &Clock) -> Vec<Finding> {
    let mut findings = vec![here::clock(clock), here::data(site)];
    let running = remote::snapshot(site).await;
    findings.push(here::gateway(running.as_ref().map(|_| ()).map_err(String::as_str)));
    let links = running.ok().map(|status| status["links"].clone());
    for broker in &site.brokers {
        findings.push(match &links {
            Some(links) => here::link(links, "broker", &format!("broker 服务器 {}", broker.name), &broker.name),
            None => reach::broker(broker).await,
        });
    }
    for bus in &site.buses {
        findings.push(match &links {
            Some(links) => here::link(links, "bus", &format!("bus 总线 {}", bus.name), &bus.name),
            None => reach::bus(bus).await,
        });
    }
    if site.forward.is_empty() {
        let next = "add a [forward.NAME] table; until then everything is kept here";
        findings.push(Finding::warning("destinations 转发目标", "none is configured", next));
    }
    for forward in &site.forward {
        findings.push(match (&links, &forward.target) {
            // Under another client id than the one it is bound to a platform need not let anybody in.
            (Some(links), Target::Platform(platform)) if platform.prescribed_id => {
                here::link(links, "database", &format!("destination 转发目标 {}", forward.name), &forward.name)
            }
            _ => reach::destination(site, forward, clock).await,
        });
    }
    findings
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { what, state, found, next } in findings {
        let mark = match state {
            State::Ok => "ok   正常",
            State::Warning => "warn 注意",
            State::Fail => "FAIL 故障",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark}  {what}");
        for line in found.trim_end().lines() {
            let _ = writeln!(text, "           {}", plain(line));
        }
        if let Some(next) = next {
            let _ = writeln!(text, "         → {}", plain(next));
        }
    }
    text
}
