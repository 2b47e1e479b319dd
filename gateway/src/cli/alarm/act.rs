//! Commands to the running gateway: each is left as a file in its data folder, and what became of it is waited for.

use super::{CONFIG, EXIT_CODES, print};
use crate::cli::Exit;
use crate::cli::check::valid;
use crate::cli::say::{UNAVAILABLE, usage};
use crate::cli::store::words::time;
use crate::operator::{DIR, Fate, PAUSE_MS_MAX, Refusal, Spool, What, Wish};
use clap::Args;
use facility_config::Site;
use facility_drivers::Clock;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for the gateway: it looks every second, and what it does is durable a second later.
const PATIENCE_MS: i64 = 20_000;
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Who says it, why, and to which gateway.
#[derive(Debug, Args)]
struct Saying {
    /// Who you are; kept in the gateway's log, not forwarded 操作人
    #[arg(long, value_name = "NAME", env = "SUDO_USER")]
    by: Option<String>,
    /// Why, in words; kept like the name 备注
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Configuration
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

/// An alarm.
#[derive(Debug, Args)]
struct Which {
    /// Id of the device 设备编号
    #[arg(value_name = "DEVICE")]
    device: String,
    /// Name of the rule, as `alarm list` has it 报警规则
    #[arg(value_name = "RULE")]
    rule: String,
    /// Only this lane, compartment, probe, phase or link (broker_NAME, bus_NAME)
    #[arg(long, value_name = "PART")]
    part: Option<String>,
}

/// Arguments of `alarm ack`.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  facility-gateway alarm ack gl-junmen-fz-01 frozen_high\n  facility-gateway alarm ack gl-junmen-fz-01 frozen_high --by lin --note \"technician is on the way\"\n\n{EXIT_CODES}"))]
pub struct AckArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    saying: Saying,
}

/// Arguments of `alarm shelve`.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  facility-gateway alarm shelve gl-junmen-fz-01 door_open --for 2h\n\nThe longest time is seven days.\n\n{EXIT_CODES}"))]
pub struct ShelveArgs {
    #[command(flatten)]
    which: Which,
    /// For how long: 30m, 2h, 3d 时长
    #[arg(long = "for", value_name = "TIME", value_parser = parse_pause)]
    span: Duration,
    #[command(flatten)]
    saying: Saying,
}

/// Arguments of `alarm unshelve`.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  facility-gateway alarm unshelve gl-junmen-fz-01 door_open\n\n{EXIT_CODES}"))]
pub struct UnshelveArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    saying: Saying,
}

/// Arguments of `alarm maintenance`.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  facility-gateway alarm maintenance gl-junmen-fz-01 --for 4h --note \"compressor is changed\"\n  facility-gateway alarm maintenance gl-junmen-fz-01 --end\n\nThe longest time is seven days.\n\n{EXIT_CODES}"))]
pub struct MaintenanceArgs {
    /// Id of the device 设备编号
    #[arg(value_name = "DEVICE")]
    device: String,
    /// For how long: 30m, 2h, 3d 时长
    #[arg(long = "for", value_name = "TIME", value_parser = parse_pause, required_unless_present = "end", conflicts_with = "end")]
    span: Option<Duration>,
    /// The work is done 结束维护
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    saying: Saying,
}

impl AckArgs {
    pub(super) fn act(&self) -> Result<Exit, Exit> {
        self.saying.leave(self.which.wish(What::Acknowledge), None)
    }
}

impl ShelveArgs {
    pub(super) fn act(&self) -> Result<Exit, Exit> {
        self.saying.leave(self.which.wish(What::Shelve), Some(self.span))
    }
}

impl UnshelveArgs {
    pub(super) fn act(&self) -> Result<Exit, Exit> {
        self.saying.leave(self.which.wish(What::Unshelve), None)
    }
}

impl MaintenanceArgs {
    pub(super) fn act(&self) -> Result<Exit, Exit> {
        self.saying.leave(wish(What::Maintenance, &self.device), self.span)
    }
}

impl Which {
    fn wish(&self, what: What) -> Wish {
        Wish { rule: Some(self.rule.clone()), part: self.part.clone(), ..wish(what, &self.device) }
    }
}

fn wish(what: What, device: &str) -> Wish {
    Wish { what, device: device.to_owned(), rule: None, part: None, until_ms: None, by: String::new(), note: None }
}

impl Saying {
    /// Leaves a command for the gateway and says what became of it.
    fn leave(&self, mut wish: Wish, span: Option<Duration>) -> Result<Exit, Exit> {
        let (site, clock) = (valid(&self.config)?.site, Clock::system());
        wish.by = self.by.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned());
        wish.note.clone_from(&self.note);
        wish.until_ms = span.map(|span| clock.now_ms().saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)));
        look_over(&wish, &site, clock.now_ms())?;
        let spool = Spool::new(&site.store.dir.join(DIR));
        let failed = |error: io::Error| no_folder(&site.store.dir, &error);
        let id = spool.put(&wish, clock.now_ms()).map_err(failed)?;
        match wait(&spool, &id, &clock).map_err(failed)? {
            Fate::Done => print(&(done(&wish) + "\n")).map(|()| Exit::Done),
            Fate::Refused(why) => Err(refused(why)),
            Fate::Taken => Err(Exit::Start {
                code: UNAVAILABLE,
                message: "the gateway has taken it, but it is not on its disk yet: it is done as soon as the store can write, and `alarm list` shows it".to_owned(),
            }),
            Fate::Waiting => Err(Exit::Start {
                code: UNAVAILABLE,
                message: format!(
                    "the gateway did not look at it, so it was taken back and will not be done. Is the gateway running with the data folder {}?",
                    site.store.dir.display()
                ),
            }),
        }
    }
}

/// What this configuration already says against it. The running gateway decides by its own.
fn look_over(wish: &Wish, site: &Site, now_ms: i64) -> Result<(), Exit> {
    let is_command = serde_json::to_vec(wish).ok().and_then(|text| Wish::parse(&text)).is_some();
    if !is_command {
        return Err(usage("--by takes up to 64 characters, --note up to 200, both without control characters"));
    }
    match wish.command(site, now_ms) {
        Ok(_) => Ok(()),
        Err(Refusal::UnknownDevice) => {
            let ids: Vec<&str> = wish.about(site).map(|(_, device)| &*device.id).take(10).collect();
            Err(usage(format!("there is no device {:?}; declared are {} …", wish.device, ids.join(", "))))
        }
        Err(Refusal::UnknownRule) => {
            let device = site.indexed().find(|(_, device)| *device.id == *wish.device);
            let rules: Vec<&str> = device.into_iter().flat_map(|(_, device)| &device.rules).map(|rule| rule.kind.as_str()).collect();
            Err(usage(format!("{} is judged by {}", wish.device, rules.join(", "))))
        }
        Err(why) => Err(refused(why)),
    }
}

/// Waits until the gateway has done a command. What it does not take in time is taken back: nobody waits for it any more.
fn wait(spool: &Spool, id: &str, clock: &Clock) -> io::Result<Fate> {
    let deadline_ms = clock.mono_ms().saturating_add(PATIENCE_MS);
    loop {
        match spool.fate(id)? {
            Fate::Waiting | Fate::Taken if clock.mono_ms() < deadline_ms => std::thread::sleep(LOOK_EVERY),
            Fate::Waiting => return if spool.take_back(id)? { Ok(Fate::Waiting) } else { spool.fate(id) },
            fate => return Ok(fate),
        }
    }
}

fn done(wish: &Wish) -> String {
    let (device, rule) = (&wish.device, wish.rule.as_deref().unwrap_or_default());
    match (wish.what, wish.until_ms.map(time)) {
        (What::Acknowledge, _) => format!("{device} {rule}: acknowledged 已确认"),
        (What::Shelve, until) => format!("{device} {rule}: shelved until {} 已搁置", until.unwrap_or_default()),
        (What::Unshelve, _) => format!("{device} {rule}: told again 已取消搁置"),
        (What::Maintenance, Some(until)) => format!("{device}: under maintenance until {until} 维护中"),
        (What::Maintenance, None) => format!("{device}: maintenance has ended 维护已结束"),
    }
}

fn refused(why: Refusal) -> Exit {
    let [en, zh] = why.words();
    Exit::Start { code: 65, message: format!("{en} ({zh})") }
}

fn no_folder(dir: &Path, error: &io::Error) -> Exit {
    let folder = dir.join(DIR);
    let next = match error.kind() {
        io::ErrorKind::NotFound => "a gateway makes it when it starts",
        io::ErrorKind::PermissionDenied => "use the gateway's own user, or sudo",
        _ => "see the disk",
    };
    Exit::Start { code: 74, message: format!("{} cannot be used: {error}; {next}", folder.display()) }
}

/// `30m`, `2h`, `3d`.
pub(super) fn parse_pause(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no time; write 30m, 2h or 3d"))?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return Err(format!("{unit:?} is no unit of time; write m, h or d")),
    };
    let span = Duration::from_secs(number.saturating_mul(minutes * 60));
    if span.is_zero() || span.as_millis() > PAUSE_MS_MAX.unsigned_abs().into() {
        return Err("between 1m and 7d".into());
    }
    Ok(span)
}
