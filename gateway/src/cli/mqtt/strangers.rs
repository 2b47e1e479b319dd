//! `mqtt strangers`: devices that were heard and are not declared, from the running gateway, or as a stopped one left them.

use super::{CONFIG, EXIT_CODES, print, print_json, tell};
use crate::cli::check::valid;
use crate::cli::store::words::{count, plain, time};
use crate::cli::{Exit, remote};
use crate::status::StrangerInfo;
use crate::strangers as kept;
use clap::Args;
use facility_config::Site;
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `mqtt strangers`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway mqtt strangers\n  facility-gateway mqtt strangers --json | jq -r '.[].id'\n\nOnly devices that speak on a topic of a model in use are known; of what they send, places and types are kept, no values.\n\n{EXIT_CODES}")
)]
pub struct StrangersArgs {
    /// Configuration
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// The part of a status snapshot that is needed here.
#[derive(Deserialize)]
struct Snapshot {
    strangers: Vec<StrangerInfo>,
}

pub(super) async fn strangers(args: &StrangersArgs) -> Result<Exit, Exit> {
    let site = valid(&args.config)?.site;
    let found = find(&site).await;
    if args.json {
        print_json(&found)?;
    } else {
        print(&text(&found))?;
    }
    Ok(Exit::Done)
}

/// The strangers of a site: as the running gateway knows them, or as the last one left them.
pub(super) async fn find(site: &Site) -> Vec<StrangerInfo> {
    if let Ok(listen) = remote::address(site)
        && let Ok(body) = remote::get(&format!("http://{listen}/api/status")).await
        && let Ok(snapshot) = serde_json::from_slice::<Snapshot>(&body)
    {
        // It may run with the configuration of yesterday.
        let is_strange = |one: &StrangerInfo| {
            let one = kept::Known::from([(one.broker.clone(), vec![one.stranger.clone()])]);
            !kept::still_strange(site, one).is_empty()
        };
        return snapshot.strangers.into_iter().filter(is_strange).collect();
    }
    tell("the gateway does not answer: this is what it had heard when it last ran");
    let known = kept::still_strange(site, kept::read(&site.store.dir));
    known.into_iter().flat_map(|(broker, all)| all.into_iter().map(move |one| StrangerInfo::new(&broker, one))).collect()
}

fn text(found: &[StrangerInfo]) -> String {
    if found.is_empty() {
        return "no unknown devices\n".to_owned();
    }
    let mut text = String::new();
    for StrangerInfo { broker, stranger, adopt } in found {
        let _ = writeln!(text, "{}  looks like {}", plain(&stranger.id), stranger.profile);
        let _ = writeln!(text, "  topic     {} on {broker}", plain(&stranger.topic));
        let (first, last) = (time(stranger.first_ms), time(stranger.last_ms));
        let _ = writeln!(text, "  heard     {first} to {last}, {} messages", count(stranger.messages));
        for (at, place) in stranger.shape.iter().enumerate() {
            let _ = writeln!(text, "  {}{}", if at == 0 { "sends     " } else { "          " }, plain(place));
        }
        let _ = writeln!(text, "  to declare it: {}", plain(adopt));
    }
    text
}
