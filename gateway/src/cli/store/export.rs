//! `store export`: points of a card as line protocol, CSV or JSON lines, in the order they came. What is damaged is left
//! out and said so at the end. One page of points in memory.

mod lines;
pub(super) mod rows;
mod sheet;

use super::progress::Progress;
use super::span::{self, Moment};
use super::words::{self, count};
use super::{EXIT_CODES, Found, Place, Which, no_output};
use crate::cli::Exit;
use crate::privacy::is_kept_back;
use crate::store::{Names, Page, Record, Sink};
use clap::{Args, ValueEnum};
use facility_drivers::Clock;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Arguments of `store export`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway store export --out card.jsonl.gz\n  facility-gateway store export /media/card/facility-gateway --store outbox --unsent --out card.jsonl.gz\n  facility-gateway store export --store readings --format csv --device fz-01 --from -24h > fz-01.csv\n  facility-gateway store export --format lp --from 2026-11-01 --to 2026-11-08 --out week.lp.gz\n\nJSON lines are for `store import`, line protocol for a database, CSV for a spreadsheet.\nLine protocol and CSV hold what is forwarded; a missing value is in no line of line protocol.\nWhat was computed again has the time of the earlier issue there, as with revisions = \"over\" of a destination.\nDoors of single compartments and what people do at a locker are in none of them: they stay on the card.\n\n{EXIT_CODES}")
)]
pub struct ExportArgs {
    #[command(flatten)]
    place: Place,
    /// How to write
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    format: Format,
    /// First moment: RFC 3339, a date (UTC), milliseconds since 1970, or a time ago (-24h)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = span::parse)]
    from: Option<Moment>,
    /// First moment after the last
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = span::parse)]
    to: Option<Moment>,
    /// Only this device; may be given again
    #[arg(long, value_name = "ID")]
    device: Vec<String>,
    /// Only what the database has not been given yet
    #[arg(long)]
    unsent: bool,
    /// Write to this file instead of the standard output; compressed if it ends in .gz
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How points are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Line protocol, as the forwarder sends it
    Lp,
    /// A table with a header
    Csv,
    /// One JSON object per point, for `store import`
    Jsonl,
}

/// Which points are wanted.
struct Filter {
    span: RangeInclusive<i64>,
    devices: BTreeSet<String>,
    /// By number of the tag set, as far as it was asked.
    origins: Vec<bool>,
}

impl Filter {
    /// Decides about tag sets that are new.
    fn learn(&mut self, names: &Names) {
        for origin in names.origins.iter().skip(self.origins.len()) {
            let wanted = self.devices.is_empty() || words::device(&origin.tags).is_some_and(|device| self.devices.contains(&device));
            self.origins.push(wanted);
        }
    }

    /// What never leaves a gateway is not taken out of its card either.
    fn takes(&self, record: &Record, names: &Names) -> bool {
        let name = (names.origins.get(record.origin as usize), names.metrics.get(record.metric as usize));
        let is_kept_back = matches!(name, (Some(origin), Some(metric)) if is_kept_back(&origin.tags, metric));
        !is_kept_back && self.span.contains(&record.at_ms) && self.origins.get(record.origin as usize) == Some(&true)
    }
}

/// Where points are written to.
trait Writer {
    /// Takes the wanted points of a page; says where to read on.
    fn page(&mut self, page: &Page, filter: &Filter, out: &mut dyn Write) -> io::Result<u64>;
    /// Writes what is left; points written in all.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<u64>;
}

pub(super) fn export(args: &ExportArgs) -> Result<Exit, Exit> {
    let now_ms = Clock::system().now_ms();
    let span = span::between(args.from, args.to, now_ms);
    let mut found = args.place.open()?;
    let devices: BTreeSet<String> = args.device.iter().cloned().collect();
    known(&found, &devices)?;
    let mut out = Output::open(args.out.as_deref()).map_err(|error| no_output(&error))?;
    if args.format == Format::Csv {
        let names: Vec<_> = found.iter().map(|found| found.card.names()).collect();
        out.0.write_all(sheet::header(&sheet::keys(&names)).as_bytes()).map_err(|error| no_output(&error))?;
    }
    let keys = sheet::keys(&found.iter().map(|found| found.card.names()).collect::<Vec<_>>());
    let (both, mut is_whole) = (found.len() > 1, true);
    let mut progress = Progress::new(args.out.is_some());
    for found in &mut found {
        let mut filter = Filter { span: span.clone(), devices: devices.clone(), origins: Vec::new() };
        let mut writer: Box<dyn Writer> = match args.format {
            Format::Lp => Box::new(lines::Lines::new(if both { passed_on(found) } else { 0 })),
            Format::Csv => Box::new(sheet::Sheet::new(keys.clone())),
            Format::Jsonl => Box::new(rows::Rows::default()),
        };
        let from = if args.unsent { found.card.unsent().map_or(0, |cursor| cursor.next) } else { 0 };
        let (written, stopped_at) =
            write_store(found, from, &mut filter, &mut *writer, &mut out, &mut progress).map_err(|error| no_output(&error))?;
        progress.clear();
        tell(found, written, stopped_at, args.unsent);
        is_whole &= stopped_at.is_none();
    }
    out.finish().map_err(|error| no_output(&error))?;
    Ok(if is_whole { Exit::Done } else { Exit::Found(66) })
}

/// Events of the readings before this position are in the outbox.
fn passed_on(found: &Found) -> u64 {
    found.card.cursor(Sink::Aggregate).map_or(0, |cursor| cursor.next)
}

/// Writes what is wanted of a store. Says how many points, and where the card stopped answering, if it did.
fn write_store(
    found: &mut Found,
    from: u64,
    filter: &mut Filter,
    writer: &mut dyn Writer,
    out: &mut Output,
    progress: &mut Progress,
) -> io::Result<(u64, Option<u64>)> {
    let (card, name) = (&mut found.card, found.which.as_str());
    let (begin, end) = (from.max(card.start()), card.end());
    let (mut at, mut stopped_at) = (begin, None);
    while at < end {
        at = card.skip(at, &filter.span);
        let page = card.read(at);
        if page.next <= at {
            stopped_at = Some(at).filter(|at| *at < end);
            break;
        }
        filter.learn(&page.names);
        at = writer.page(&page, filter, &mut *out.0)?;
        progress.show(at.saturating_sub(begin), end.saturating_sub(begin), 0, &format!("{name}, points"));
    }
    Ok((writer.finish(&mut *out.0)?, stopped_at))
}

#[expect(clippy::print_stderr, reason = "the account of an export is for the person who started it")]
fn tell(found: &Found, written: u64, stopped_at: Option<u64>, unsent: bool) {
    let (card, name) = (&found.card, found.which.as_str());
    let damaged = match card.damaged() {
        0 => String::new(),
        damaged => format!("; {} are damaged and left out, `store verify` tells which", words::points(damaged)),
    };
    eprintln!("{name}: {} written{damaged}", words::points(written));
    if let Some(at) = stopped_at {
        eprintln!("{name}: the card does not answer at position {}: nothing behind it is written", count(at));
    }
    if unsent && found.which == Which::Readings && card.unsent().is_none() {
        eprintln!(
            "{name}: this gateway was not told to forward readings, or had not begun to: all are written; --store outbox leaves them out"
        );
    }
}

/// A device nobody has heard of is a slip of the pen.
fn known(found: &[Found], wanted: &BTreeSet<String>) -> Result<(), Exit> {
    let names: Vec<_> = found.iter().map(|found| found.card.names()).collect();
    let known: BTreeSet<String> =
        names.iter().flat_map(|names| names.origins.iter().filter_map(|origin| words::device(&origin.tags))).collect();
    let Some(unknown) = wanted.iter().find(|device| !known.contains(*device)) else { return Ok(()) };
    let some: Vec<&str> = known.iter().take(20).map(String::as_str).collect();
    Err(Exit::Start { code: 66, message: format!("there is no device {unknown:?} here; there are: {}", some.join(", ")) })
}

/// The file or the standard output.
struct Output(Box<dyn Finish>);

/// A writer with an end.
trait Finish: Write {
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Finish for BufWriter<File> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        // A stick may be pulled out right after the command has ended.
        self.into_inner()?.sync_all()
    }
}

impl Finish for GzEncoder<BufWriter<File>> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        GzEncoder::finish(*self)?.into_inner()?.sync_all()
    }
}

impl Finish for BufWriter<io::Stdout> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}

impl Output {
    fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self(Box::new(BufWriter::with_capacity(1 << 16, io::stdout())))) };
        let file = File::create(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(Self(match path.extension().is_some_and(|ext| ext == "gz") {
            true => Box::new(GzEncoder::new(file, Compression::new(4))),
            false => Box::new(file),
        }))
    }

    fn finish(self) -> io::Result<()> {
        self.0.finish()
    }
}
