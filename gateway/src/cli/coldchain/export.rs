//! `coldchain export`: the log of one device over some days, for an inspector. Says beside it whether the chain is whole.

use super::day::Extract;
use super::{EXIT_CODES, page, sheet, unreadable, verify::words};
use crate::cli::Exit;
use crate::cli::check::valid;
use crate::cli::say::{print, tell, usage};
use crate::cli::store::words::plain;
use crate::coldchain::record::{LOCAL, Month, Record};
use crate::coldchain::{files, verify};
use clap::{Args, ValueEnum};
use facility_config::{Device, Site};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Arguments of `coldchain export`.
#[derive(Debug, Args)]
#[command(after_help = format!(
    "Examples:\n  facility-gateway coldchain export --device fz-02 --from 2026-09-01 --to 2026-09-30 --format html --out fz-02.html\n  \
     facility-gateway coldchain export --device fz-02 --from 2026-09-01 --to 2026-09-30 > fz-02.csv\n\n\
     Days are local (UTC+8), the last one included. Of an hour that was computed again only the newest record is written;\n\
     an hour without a record stands there as missing. The page needs no network and prints on A4.\n\n{EXIT_CODES}"
))]
pub struct ExportArgs {
    /// Configuration; says where the log is and what the device is called
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
    /// The device
    #[arg(long, value_name = "ID")]
    device: String,
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// Last day
    #[arg(long, value_name = "DATE")]
    to: Date,
    /// How to write
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    format: Format,
    /// Write to this file instead of the standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for a spreadsheet, one row per hour
    Csv,
    /// A page to read and print, in Chinese and English
    Html,
}

pub(super) fn export(args: &ExportArgs) -> Result<Exit, Exit> {
    if args.to < args.from {
        return Err(usage(format!("--to {} is before --from {}", args.to, args.from)));
    }
    let site = valid(&args.config)?.site;
    let root = site.store.dir.join(files::DIR);
    let Some(device) = site.devices.iter().find(|device| *device.id == *args.device) else {
        return Err(Exit::Start {
            code: 66,
            message: format!("there is no device `{}` in {}", plain(&args.device), args.config.display()),
        });
    };
    let extract = extract(&site, device, &root, args.from, args.to).map_err(|error| unreadable(&root.join(&*device.id), &error))?;
    if extract.hours.is_empty() {
        return Err(Exit::Start { code: 66, message: format!("nothing is recorded of `{}` from {} to {}", device.id, args.from, args.to) });
    }
    let text = match args.format {
        Format::Csv => sheet::csv(&extract),
        Format::Html => page::html(&extract),
    };
    match &args.out {
        None => print(&text)?,
        Some(path) => std::fs::write(path, text)
            .map_err(|error| Exit::Start { code: 74, message: format!("{} cannot be written: {error}", path.display()) })?,
    }
    tell(words(&extract.verdict).trim_end());
    Ok(if extract.verdict.is_whole() { Exit::Done } else { Exit::Found(65) })
}

/// What is recorded of a device over some days.
pub(super) fn extract<'a>(site: &'a Site, device: &'a Device, root: &Path, from: Date, to: Date) -> io::Result<Extract<'a>> {
    let verdict = verify::verify(root, &device.id, None)?;
    let ms = |day: Date| LOCAL.to_timestamp(day.at(0, 0, 0, 0)).map_or(i64::MAX, jiff::Timestamp::as_millisecond);
    let span_ms = ms(from)..to.tomorrow().map_or(i64::MAX, ms);
    let (dir, mut hours) = (root.join(&*device.id), BTreeMap::new());
    for month in files::months(&dir)?.into_iter().filter(|month| *month >= Month::of(span_ms.start)) {
        files::lines(&files::path(&dir, month), |_, line| {
            let record = std::str::from_utf8(line).ok().and_then(|line| Record::parse(line.trim_end()));
            // The newest of an hour stands last.
            if let Some(Record::Hour(hour) | Record::Revision(hour)) = record
                && span_ms.contains(&hour.hour_ms)
            {
                hours.insert(hour.hour_ms, *hour);
            }
        })?;
    }
    Ok(Extract { site, device, from, to, hours, verdict })
}
