//! `mqtt tail`: messages as the running gateway decodes them. Shows what a profile names; of everything else the place, its
//! type and the reason it was dropped.

use super::{CONFIG, EXIT_CODES, line, load_with_brokers, print, tell, usage};
use crate::api::Line;
use crate::cli::{Exit, parse_span, remote, run};
use clap::Args;
use facility_config::limits::READINGS_PER_MESSAGE_MAX;
use std::path::PathBuf;
use std::time::Duration;

/// Longest line: every place of the largest message, a few hundred bytes each.
const LINE_BYTES_MAX: usize = READINGS_PER_MESSAGE_MAX * 1024;
const ADVICE: &str = "Without one, decode a file: facility-gateway mqtt explain TOPIC FILE.";

/// Arguments of `mqtt tail`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway mqtt tail\n  facility-gateway mqtt tail --device gl-junmen-lk-01\n  facility-gateway mqtt tail --drops --for 5m\n  facility-gateway mqtt tail --json | jq 'select(.refused)'\n\nThe running gateway is asked for what it decodes; nothing is subscribed to. A value is shown only where the profile\nnames its field. Ends with ctrl-c.\n\n{EXIT_CODES}")
)]
pub struct TailArgs {
    /// Configuration of the running gateway
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Only this broker 消息服务器
    #[arg(long, value_name = "NAME")]
    broker: Option<String>,
    /// Only this device 设备
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only messages of which something is dropped 仅显示有丢弃的报文
    #[arg(long)]
    drops: bool,
    /// One JSON object for each message
    #[arg(long)]
    json: bool,
    /// How long to watch (30s, 2m); without it until ctrl-c
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span)]
    span: Option<Duration>,
}

pub(super) async fn tail(args: &TailArgs) -> Result<Exit, Exit> {
    let site = load_with_brokers(&args.config)?;
    let listen = remote::address(&site)?;
    let wanted = |name: &str| args.broker.as_deref().is_none_or(|broker| broker == name);
    let names: Vec<&str> = site.brokers.iter().map(|broker| &*broker.name).filter(|name| wanted(name)).collect();
    if names.is_empty() {
        let known: Vec<&str> = site.brokers.iter().map(|broker| &*broker.name).collect();
        return Err(usage(format!("there is no such broker; declared are: {}", known.join(", "))));
    }
    if let Some(id) = args.device.as_deref().filter(|id| !site.devices.iter().any(|device| &*device.id == *id)) {
        return Err(usage(format!("there is no device {id:?} in {}", args.config.display())));
    }
    tell(&format!("watching {} through {listen}; ctrl-c ends", names.join(", ")));
    let watched = names.iter().map(|name| watch(format!("http://{listen}/api/mqtt/{name}/tail"), args));
    let over = async {
        match args.span {
            Some(span) => tokio::time::sleep(span).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = futures_util::future::try_join_all(watched) => {
            ended?;
            tell("the gateway ended it");
        }
        () = run::terminated() => {}
        () = over => {}
    }
    Ok(Exit::Done)
}

async fn watch(url: String, args: &TailArgs) -> Result<(), Exit> {
    remote::lines(&url, LINE_BYTES_MAX, ADVICE, |text| {
        if let Some(missed) = remote::missed(text) {
            tell(&format!("{missed} messages were missed"));
        }
        let Ok(message) = serde_json::from_str::<Line>(text) else { return Ok(()) };
        let is_wanted = args.device.is_none() || message.device == args.device;
        if !is_wanted || args.drops && !message.drops() {
            return Ok(());
        }
        print(&(if args.json { text.to_owned() } else { line::text(&message) } + "\n"))
    })
    .await
}
