//! `mqtt adopt`: a device that was heard becomes one of the configuration, as a file of its own in `conf.d`.
//!
//! Never overwrites, and leaves nothing behind that does not check: the whole configuration is looked at with the new file in
//! a copy before the file is made.

use super::strangers::find;
use super::{CONFIG, EXIT_CODES, print, tell, usage};
use crate::cli::Exit;
use crate::cli::check::{load, valid};
use crate::status::StrangerInfo;
use clap::Args;
use facility_config::Site;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Folder of fragments beside the configuration.
const FRAGMENTS: &str = "conf.d";

/// Arguments of `mqtt adopt`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway mqtt adopt cs-jinzhou-vm-04\n  facility-gateway mqtt adopt 1520164 --as cs-jinzhou-vm-04 --name '金洲小区 售卖机 4 号'\n  facility-gateway mqtt adopt VM04 --profile vending-awish --dry-run\n\nWrites conf.d/DEVICE_ID.toml beside the configuration; never overwrites a file, and leaves none that does not check.\nThe gateway takes it up when it is started again.\n\n{EXIT_CODES}")
)]
pub struct AdoptArgs {
    /// Name the device was heard under; see `mqtt strangers`
    #[arg(value_name = "ID")]
    id: String,
    /// Id it gets here: small letters, digits and `-` [default: made of ID] 设备编号
    #[arg(long = "as", value_name = "DEVICE_ID")]
    device: Option<String>,
    /// Model, if it is another than it looks like 型号
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Name for people 名称
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Broker, if the name was heard on several
    #[arg(long, value_name = "NAME")]
    broker: Option<String>,
    /// Print the file and check it, but do not write it
    #[arg(long)]
    dry_run: bool,
    /// Configuration
    #[arg(long, short, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

pub(super) async fn adopt(args: &AdoptArgs) -> Result<Exit, Exit> {
    let site = valid(&args.config)?.site;
    if let Some(broker) = args.broker.as_ref().filter(|broker| !site.brokers.iter().any(|one| *one.name == ***broker)) {
        return Err(usage(format!("there is no broker {broker:?} in {}", args.config.display())));
    }
    let stranger = chosen(args, find(&site).await)?;
    let device = device_id(args, &site)?;
    let text = fragment(args, &stranger, &device);
    let path = args.config.with_file_name(FRAGMENTS).join(format!("{device}.toml"));
    if path.exists() {
        return Err(usage(format!("{} is there already; it is not overwritten", path.display())));
    }
    check_with(&args.config, &device, &text)?;
    if args.dry_run {
        print(&format!("{text}# would be {}\n", path.display()))?;
        return Ok(Exit::Done);
    }
    write(&path, &text).map_err(|error| Exit::Start { code: 74, message: format!("{} cannot be written: {error}", path.display()) })?;
    print(&format!(
        "{text}# written to {}\nNext: systemctl restart facility-gateway; then facility-gateway mqtt tail --device {device}\n",
        path.display()
    ))?;
    Ok(Exit::Done)
}

/// The one stranger that is meant.
fn chosen(args: &AdoptArgs, mut found: Vec<StrangerInfo>) -> Result<StrangerInfo, Exit> {
    found.retain(|one| *one.stranger.id == *args.id && args.broker.as_ref().is_none_or(|broker| *broker == one.broker));
    match (found.len(), found.pop()) {
        (1, Some(one)) => Ok(one),
        (0, _) | (_, None) => Err(Exit::Start {
            code: 66,
            message: format!("{:?} was not heard, or is declared already; `facility-gateway mqtt strangers` lists who was", args.id),
        }),
        _ => Err(usage(format!("{:?} was heard on several brokers: say which with --broker", args.id))),
    }
}

/// The id it gets: as asked for, or its own in small letters.
pub(super) fn own_id(id: &str) -> String {
    let letters = id.chars().map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' });
    letters.collect::<String>().trim_matches('-').to_owned()
}

fn device_id(args: &AdoptArgs, site: &Site) -> Result<String, Exit> {
    let device = args.device.clone().unwrap_or_else(|| own_id(&args.id));
    let is_id = (3..=64).contains(&device.len())
        && !device.starts_with('-')
        && device.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_id {
        return Err(usage(format!("{device:?} is no device id (3 to 64 of a-z, 0-9 and -): give one with --as")));
    }
    if site.devices.iter().any(|one| *one.id == *device) {
        return Err(usage(format!("a device {device} is declared already: give another id with --as")));
    }
    Ok(device)
}

/// The file.
fn fragment(args: &AdoptArgs, StrangerInfo { broker, stranger, .. }: &StrangerInfo, device: &str) -> String {
    let profile = args.profile.as_deref().unwrap_or(&stranger.profile);
    let mut text = format!("# Heard on broker {broker} before it was declared.\n[device.{device}]\n");
    text += &format!("profile = {}\nmqtt = {}\n", quoted(profile), quoted(broker));
    if *stranger.id != *device {
        text += &format!("topic_id = {}\n", quoted(&stranger.id));
    }
    if let Some(name) = &args.name {
        text += &format!("name = {}\n", quoted(name));
    }
    text
}

/// A TOML string. JSON's escapes are TOML's too, all but the deletion character, which JSON leaves as it is.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// Checks the configuration with the new file in a copy: a folder of links to all that is beside it.
fn check_with(config: &Path, device: &str, text: &str) -> Result<(), Exit> {
    let failed = |error: io::Error| Exit::Start { code: 74, message: format!("no copy of the configuration to check: {error}") };
    let copy = tempfile::tempdir().map_err(failed)?;
    let name = config.file_name().unwrap_or_default();
    let mirror = || -> io::Result<()> {
        let base = fs::canonicalize(config.parent().filter(|base| *base != Path::new("")).unwrap_or(Path::new(".")))?;
        linked(&base, copy.path())?;
        let fragments = copy.path().join(FRAGMENTS);
        fs::create_dir(&fragments)?;
        if base.join(FRAGMENTS).is_dir() {
            linked(&base.join(FRAGMENTS), &fragments)?;
        }
        fs::write(fragments.join(format!("{device}.toml")), text)
    };
    mirror().map_err(failed)?;
    // The file that a problem is in is not there, or not yet: it is named as it will be.
    let (copied, real) = (copy.path().display().to_string(), config.with_file_name("").display().to_string());
    load(&copy.path().join(name)).map(drop).map_err(|problems| {
        tell(&problems.render(false).replace(&format!("{copied}/"), &real));
        Exit::Config
    })
}

/// Links everything of a folder into another one, the fragments left out.
fn linked(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != FRAGMENTS {
            symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| drop(fs::remove_file(path)))
}
