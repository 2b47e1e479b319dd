//! `explain`: why there is no data of a device, hop by hop, in English and Chinese. Asks the running gateway and reads; without
//! one it says what configuration and store folder tell. Changes nothing.

mod chain;
mod deliver;
mod hop;
mod seen;
mod stopped;

#[cfg(test)]
mod tests;

use super::say::{print, print_json, run, usage};
use super::{Exit, check, remote};
use clap::Args;
use facility_config::{Kind, Point, Site};
use hop::Hop;
use seen::Seen;
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;

const CONFIG: &str = "/etc/facility-gateway/gateway.toml";
/// How far back windows are looked at, at least, ms.
const WINDOWS_MS_MIN: i64 = 3_600_000;
/// Exit code when a hop failed.
const FAILED: u8 = 1;

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  facility-gateway explain fz-ekc-01\n  facility-gateway explain lk-junmen-02 --config site.toml\n  facility-gateway explain fz-ekc-01 --json | jq -r '.hops[] | select(.verdict == \"failed\") | .en'\n\nThe hops: declared, link, heard, messages, values, stored, figures, forwarded, suppressed. What stands behind a hop that failed may fail because of it; the last lines name the first one.\n\nExit codes: 0 no hop failed · 1 a hop failed · 2 wrong usage · 74 the output cannot be written · 78 configuration wrong"
)]
pub struct ExplainArgs {
    /// Id of the device 设备编号
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Configuration of the gateway
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print the hops as JSON
    #[arg(long)]
    json: bool,
}

/// An answer of the gateway's history.
#[derive(Debug, Deserialize)]
struct History {
    samples: Vec<(i64, f64)>,
}

/// Does what was asked for.
pub(super) fn act(args: &ExplainArgs) -> Exit {
    run(explain(args)).unwrap_or_else(|exit| exit)
}

async fn explain(args: &ExplainArgs) -> Result<Exit, Exit> {
    let id = args.device.trim();
    if id.is_empty() {
        return Err(usage("name a device"));
    }
    let loaded = check::valid(&args.config)?;
    let hops = hops(&loaded.site, id).await;
    let (en, zh) = hop::verdict(&hops, id);
    if args.json {
        print_json(&json!({ "device": id, "hops": hops, "en": en, "zh": zh }))?;
    } else {
        print(&hop::text(&hops, id))?;
    }
    Ok(if hop::first_failed(&hops).is_some() { Exit::Found(FAILED) } else { Exit::Done })
}

async fn hops(site: &Site, id: &str) -> Vec<Hop> {
    let base = match site.api.listen.filter(|listen| listen.port() != 0) {
        Some(listen) => format!("http://{listen}"),
        None => return stopped::hops(site, id, "its status page is off or has no fixed port (api.listen)"),
    };
    let seen = remote::get(&format!("{base}/api/status")).await;
    let seen = seen.and_then(|body| serde_json::from_slice::<Seen>(&body).map_err(|error| format!("what answers is no gateway: {error}")));
    match seen {
        Err(why) => stopped::hops(site, id, &why),
        Ok(mut seen) => {
            seen.windows = windows(site, id, &base, seen.gateway.now_ms).await;
            chain::chain(&seen, site, id)
        }
    }
}

/// Coverage of the device's windows of the last hour, or of the last few if they are long.
async fn windows(site: &Site, id: &str, base: &str, now_ms: i64) -> Option<Vec<(i64, f64)>> {
    let device = chain::declared_device(site, id)?;
    let point = match device.kind {
        Kind::Locker => Point::Locker5mCoverage,
        Kind::Cabinet => Point::Cabinet5mCoverage,
        Kind::Vending => Point::Vending5mCoverage,
        Kind::Meter => Point::Energy5mCoverage,
        Kind::Gateway => return None,
    };
    let from_ms = now_ms.saturating_sub(WINDOWS_MS_MIN.max(6 * crate::aggregate::span_ms(site.window)));
    let body = remote::get(&format!("{base}/api/history?device={id}&point={point}&from={from_ms}")).await.ok()?;
    serde_json::from_slice::<History>(&body).ok().map(|history| history.samples)
}
