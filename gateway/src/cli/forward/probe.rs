//! `forward test`: one harmless line to each destination, and what came back in words. Not through the store: what waits
//! there is not touched. A folder for files is looked at only, for the running gateway may be writing there.

use super::{About, EXIT_CODES, chosen, load, print, print_json};
use crate::cli::Exit;
use crate::cli::store::words::plain;
use crate::forward::http::{Writer, gzip};
use crate::forward::line::tags;
use crate::forward::outcome::Outcome;
use crate::forward::platform::Platform;
use clap::Args;
use facility_config::Site;
use facility_config::site::{self, Forward, Revisions, Target};
use facility_drivers::Clock;
use serde::Serialize;

/// Measurement of the line.
const MEASUREMENT: &str = "gateway_test";
const NO_CLOCK: &str =
    "not tried: the clock of this machine is not set, and a certificate cannot be checked before; check the time server (NTP)";
/// What makes its client id differ from that of the gateway, and of every other destination: their names have small letters.
const TEST_ID: &str = "-TEST";
/// What is said of a VictoriaMetrics that gets revised rows over the earlier ones.
const MIXES: &str =
    "it is a VictoriaMetrics, which mixes a row that late readings changed with the earlier one: set revisions = \"beside\"";
const ACKNOWLEDGED: &str = "the broker has acknowledged the message";

/// Arguments of `forward test`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway forward test\n  facility-gateway forward test --name main --config site.toml\n  facility-gateway forward test --json | jq -r '.[] | select(.ok | not) | .words'\n\nThe line is `{MEASUREMENT},gw_id=ID sent=1i`, with the time of now. Run it as the user of the gateway, who may read its secrets.\n\n{EXIT_CODES}")
)]
pub struct TestArgs {
    #[command(flatten)]
    about: About,
}

/// What became of the line.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) ok: bool,
    pub(super) words: String,
}

pub(super) async fn test(args: &TestArgs) -> Result<Exit, Exit> {
    let site = load(&args.about.config)?;
    let clock = Clock::system();
    let line = line(&site, &clock);
    let mut answers = Vec::new();
    for forward in chosen(&site, args.about.name.as_deref())? {
        let (ok, words) = ask(forward, &line, &clock).await;
        answers.push(Answer { name: forward.name.to_string(), address: forward.address(), ok, words });
    }
    if args.about.json {
        print_json(&answers)?;
    } else {
        print(&text(&answers))?;
    }
    Ok(if answers.iter().all(|answer| answer.ok) { Exit::Done } else { Exit::Found(1) })
}

/// The line that is sent.
pub(in crate::cli) fn line(site: &Site, clock: &Clock) -> String {
    format!("{MEASUREMENT},{} sent=1i {}\n", tags([("gw_id", &*site.gateway.id)]), clock.now_ms())
}

/// Whether a destination takes a line, and what it said.
pub(in crate::cli) async fn ask(forward: &Forward, line: &str, clock: &Clock) -> (bool, String) {
    match &forward.target {
        Target::Files(files) => match std::fs::read_dir(&files.dir) {
            Ok(entries) => (true, format!("the folder is there, with {} files; nothing was written", entries.count())),
            Err(error) => (false, format!("the folder cannot be read: {error}; is the stick there?")),
        },
        Target::Database(database) => match Writer::new(database) {
            Ok(writer) if writer.is_tls() && !clock.is_set() => (false, NO_CLOCK.to_owned()),
            Ok(mut writer) => {
                let (ok, words) = words(writer.send(gzip(line), clock.now_ms()).await);
                let mixes = ok && writer.is_victoria() && forward.metrics && forward.revisions == Revisions::Over;
                (ok, if mixes { format!("{words}; {MIXES}") } else { words })
            }
            Err(error) => (false, error.to_string()),
        },
        Target::Platform(platform) => match Platform::open(&as_another(platform)) {
            Ok(mut end) => match words(end.send(end.messages(line), clock).await) {
                (true, _) => (
                    true,
                    format!(
                        "{ACKNOWLEDGED}; if it speaks only MQTT 3.1.1 that does not mean that its access rules let it through: look for it there"
                    ),
                ),
                not_sent => of_another(platform, not_sent),
            },
            Err(error) => (false, error.to_string()),
        },
    }
}

/// Under a client id of its own: with that of the running gateway it would throw it out.
fn as_another(platform: &site::Platform) -> site::Platform {
    let mut other = platform.clone();
    other.broker.client_id.push_str(TEST_ID);
    other
}

/// What a refusal may mean that would not meet the gateway itself.
fn of_another(platform: &site::Platform, (ok, words): (bool, String)) -> (bool, String) {
    if ok || !platform.prescribed_id {
        return (ok, words);
    }
    let id = &platform.broker.client_id;
    let more = format!(
        "tried as `{id}{TEST_ID}`, for as `{id}` it would throw out a gateway that runs; a platform that admits only that one cannot be tried like this: see forward status"
    );
    (false, format!("{words}; {more}"))
}

fn words(outcome: Outcome) -> (bool, String) {
    match outcome {
        Outcome::Stored => (true, "the line is stored".to_owned()),
        Outcome::Retry { why, .. } => (false, format!("not stored; the gateway would try again: {why}")),
        Outcome::TooLarge { why } | Outcome::Refused { why } => (false, format!("refused: {why}")),
        Outcome::Partial { refused } => {
            let why = refused.into_iter().map(|one| one.why).next().unwrap_or_default();
            (false, format!("refused: {why}"))
        }
        Outcome::Hold { why, .. } => (false, format!("not stored; somebody has to act: {why}")),
    }
}

pub(super) fn text(answers: &[Answer]) -> String {
    let line = |answer: &Answer| {
        let mark = if answer.ok { "ok  正常" } else { "FAILED 失败" };
        format!("{}  {}  {mark}\n  {}\n", answer.name, plain(&answer.address), plain(&answer.words))
    };
    answers.iter().map(line).collect()
}
