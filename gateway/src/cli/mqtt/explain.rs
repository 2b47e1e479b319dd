//! `mqtt explain`: what one message becomes, step by step, without a gateway and without a broker.

use super::{CONFIG, EXIT_CODES, line, load_with_brokers, lone, print, print_json, usage};
use crate::api::{Became, Line};
use crate::cli::Exit;
use crate::cli::say::tell_problems;
use crate::cli::store::words::{plain, time};
use crate::status::reason;
use clap::Args;
use facility_config::limits::MQTT_PACKET_BYTES_MAX;
use facility_config::profile::{builtin, builtin_ids};
use facility_config::{Profile, Site, nearest, own_profiles};
use facility_drivers::decode::message::{Arrival, Explained, MessageDecoder};
use facility_drivers::mqtt::Told;
use facility_drivers::{Batch, Clock, Fault, Subject};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Input that cannot be used.
const REFUSED: u8 = 65;

/// Arguments of `mqtt explain`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway mqtt explain scf/v1/gl-junmen/locker/lk-01/telemetry message.json\n  mosquitto_sub -t 'topic/#' -C 1 | facility-gateway mqtt explain /server/app - --profile vending-awish\n  facility-gateway mqtt explain TOPIC FILE --json | jq '.message.steps[] | select(.fate == \"dropped\")'\n\nWith --profile no configuration is needed: the device is the one that the topic names.\n\n{EXIT_CODES}")
)]
pub struct ExplainArgs {
    /// Topic it came on 主题
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// Its body; `-` is the standard input 报文文件
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Configuration that declares the device [default: /etc/facility-gateway/gateway.toml]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Decode as a device of this model, declared or not 型号
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
    /// As if the broker had kept it for new subscribers
    #[arg(long)]
    retained: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A message that was decoded, and by whose rules.
struct Decoded {
    site: Site,
    batch: Batch,
    explained: Explained,
}

pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Exit> {
    let payload = read(&args.file)?;
    let arrival = Arrival { topic: &args.topic, payload: &payload, retained: args.retained, now_ms: Clock::system().now_ms() };
    let config = args.config.as_deref().unwrap_or(Path::new(CONFIG));
    let decoded = match &args.profile {
        Some(id) => as_model(model(id, config)?, &arrival)?,
        None => as_declared(load_with_brokers(config)?, &arrival),
    };
    let refused = decoded.batch.refused;
    let devices: Vec<_> = decoded.site.devices.iter().map(|device| (device.id.clone(), device.kind)).collect();
    let Decoded { batch, explained, .. } = decoded;
    let told =
        Told { at_ms: arrival.now_ms, topic: arrival.topic.into(), bytes: payload.len(), qos: 1, retained: args.retained, explained };
    let message = Line::of(&told, &devices);
    let broken = (refused == Some(Fault::Undecodable)).then(|| where_broken(&payload)).flatten();
    if args.json {
        print_json(&json!({ "message": message, "batch": sum(&batch), "where": broken, "next": refused.map(reason::next) }))?;
    } else {
        print(&text(&message, &batch, broken.as_deref()))?;
    }
    Ok(if refused.is_some() { Exit::Found(REFUSED) } else { Exit::Done })
}

/// By the first broker whose devices know the message; otherwise by the last one, which says why it does not.
fn as_declared(site: Site, arrival: &Arrival<'_>) -> Decoded {
    let explain = |broker| MessageDecoder::new(&site, broker).explain(arrival);
    let mut last = explain(0);
    for broker in 1..site.brokers.len() {
        if last.0.refused != Some(Fault::UnknownDevice) {
            break;
        }
        last = explain(broker);
    }
    let (batch, explained) = last;
    Decoded { site, batch, explained }
}

/// As a device of a model. On a topic that devices share the message itself says who it is of, and is then asked once more.
fn as_model(profile: Arc<Profile>, arrival: &Arrival<'_>) -> Result<Decoded, Exit> {
    let no_mqtt = || usage(format!("{} speaks no MQTT", profile.id));
    if let Some(topics) = lone::other_topics(&profile, arrival.topic) {
        return Err(usage(format!("{:?} is no topic of {}, which speaks on {}", arrival.topic, profile.id, topics.join(", "))));
    }
    let site = lone::site(profile.clone(), arrival.topic, None).ok_or_else(no_mqtt)?;
    let mut decoder = MessageDecoder::new(&site, 0);
    let (batch, explained) = decoder.explain(arrival);
    let stranger = decoder.heard().and_then(|heard| heard.strangers.into_iter().next());
    let Some(stranger) = stranger.filter(|_| batch.refused == Some(Fault::UnknownDevice)) else {
        return Ok(Decoded { site, batch, explained });
    };
    let site = lone::site(profile.clone(), arrival.topic, Some(&stranger.id)).ok_or_else(no_mqtt)?;
    let (batch, explained) = MessageDecoder::new(&site, 0).explain(arrival);
    Ok(Decoded { site, batch, explained })
}

fn model(id: &str, config: &Path) -> Result<Arc<Profile>, Exit> {
    let own = own_profiles(config).unwrap_or_else(|problems| {
        tell_problems(&problems);
        Vec::new()
    });
    if let Some(profile) = own.iter().find(|profile| &*profile.id == id).cloned().or_else(|| builtin(id)) {
        return Ok(profile);
    }
    let mut ids: Vec<&str> = builtin_ids().collect();
    ids.extend(own.iter().map(|profile| &*profile.id));
    let near = nearest(id, ids);
    let near = near.map_or_else(|| "`facility-gateway profile list` names them all".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(Exit::Start { code: 66, message: format!("there is no profile {id:?}; {near}") })
}

/// As much as a broker could send.
fn read(path: &Path) -> Result<Vec<u8>, Exit> {
    let mut bytes = Vec::new();
    let most = MQTT_PACKET_BYTES_MAX as u64 + 1;
    let done = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    done.map_err(|error| Exit::Start { code: 66, message: format!("{}: {error}", path.display()) })?;
    if bytes.len() as u64 == most {
        return Err(Exit::Start { code: REFUSED, message: format!("{}: larger than an MQTT packet may be", path.display()) });
    }
    Ok(bytes)
}

/// The batch in short: its readings stand among the steps.
fn sum(batch: &Batch) -> serde_json::Value {
    let mut dropped: BTreeMap<&str, u64> = BTreeMap::new();
    for fault in &batch.faults {
        *dropped.entry(fault.label()).or_default() += 1;
    }
    json!({ "subject": subject(batch.subject), "device_ms": batch.device_ms, "seq": batch.seq, "readings": batch.readings.len(), "dropped": dropped })
}

fn subject(subject: Subject) -> &'static str {
    match subject {
        Subject::Telemetry => "telemetry",
        Subject::Event => "event",
        Subject::Health => "status",
        Subject::Metric => "metric",
    }
}

/// Where a body that should be JSON is none: line, column and what is wrong there, without what stands there.
fn where_broken(payload: &[u8]) -> Option<String> {
    let is_json = payload.trim_ascii_start().starts_with(b"{") || payload.trim_ascii_start().starts_with(b"[");
    let read = serde_json::from_slice::<serde_json::Value>(payload);
    read.err().filter(|_| is_json).map(|error| error.to_string())
}

fn text(message: &Line, batch: &Batch, broken: Option<&str>) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "topic    {}", plain(&message.topic));
    match (&message.device, &message.profile, &message.template) {
        (Some(device), Some(profile), Some(template)) => {
            let _ = writeln!(text, "route    {device}, profile {profile}, by {template}");
        }
        _ => text.push_str("route    none\n"),
    }
    let format = if message.format.is_empty() { "not known" } else { &message.format };
    let _ = writeln!(text, "format   {format}, {} bytes, {} unpacked", message.bytes, message.unpacked_bytes);
    let width = message.steps.iter().map(|step| step.place.chars().count()).max().unwrap_or(0).min(48);
    for step in &message.steps {
        let _ = writeln!(text, "  {:width$}  {:<9}  {}", plain(&step.place), plain(&step.found), fate(&step.became));
    }
    if let Some(fault) = batch.refused {
        let (en, zh) = reason::words(fault);
        let _ = writeln!(text, "refused  {en} {zh} ({})", fault.label());
        if let Some(broken) = broken {
            let _ = writeln!(text, "where    {}", plain(broken));
        }
        let _ = writeln!(text, "next     {}", reason::next(fault));
        return text;
    }
    let at = batch.device_ms.map_or_else(|| "without a time of its own".to_owned(), |ms| format!("of {}", time(ms)));
    let (readings, dropped) = (batch.readings.len(), batch.faults.iter().filter(|fault| !fault.keeps_reading()).count());
    let _ = writeln!(text, "becomes  {} {at}: readings {readings}, values dropped {dropped}", subject(batch.subject));
    text
}

fn fate(became: &Became) -> String {
    match became {
        Became::Reading { .. } => line::reading(became).unwrap_or_default(),
        Became::Withheld { point, part } => format!("{point}[{}] not kept: it would tell which household it was", plain(part)),
        Became::Used { what } => format!("used as {what}"),
        Became::Ignored => "known to the profile and not wanted".to_owned(),
        Became::Dropped { reason: label } => format!("DROPPED: {} ({label})", reason::of_label(label)),
    }
}
