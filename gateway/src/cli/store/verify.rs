//! `store verify`: reads everything, and says of every damaged place what it held and whether anybody had it before.

use super::progress::Progress;
use super::words::{bytes, count, device, plain, points, time};
use super::{EXIT_CODES, Found, Place, no_output};
use crate::cli::Exit;
use crate::store::card::check::{Damage, Sum, Taken, What};
use clap::Args;
use serde::Serialize;
use std::io::Write as _;

/// Arguments of `store verify`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway store verify\n  facility-gateway store verify /media/card/facility-gateway\n  facility-gateway store verify --json | jq '.[].sum.lost'\n\n{EXIT_CODES}")
)]
pub struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// Print the result as JSON, times in milliseconds since 1970.
    #[arg(long)]
    json: bool,
}

/// One store, as JSON shows it.
#[derive(Serialize)]
struct Row {
    store: &'static str,
    dir: String,
    sum: Sum,
    damage: Vec<Damage>,
}

pub(super) fn verify(args: &VerifyArgs) -> Result<Exit, Exit> {
    let (mut rows, mut well) = (Vec::new(), true);
    for found in args.place.open()? {
        let (name, dir) = (found.which.as_str(), found.dir.display().to_string());
        let mut say = |damage: &Damage| if args.json { Ok(()) } else { print(&format!("{}\n", words(name, damage))) };
        let (sum, damage) = check(found, &mut say)?;
        well &= damage.is_empty();
        if args.json {
            rows.push(Row { store: name, dir, sum, damage });
        } else {
            print(&summary(name, &sum))?;
        }
    }
    if args.json {
        print(&serde_json::to_string_pretty(&rows).map_or_else(|_| String::new(), |text| text + "\n"))?;
    }
    Ok(if well { Exit::Done } else { Exit::Found(65) })
}

fn print(text: &str) -> Result<(), Exit> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| no_output(&error))
}

fn check(mut found: Found, say: &mut impl FnMut(&Damage) -> Result<(), Exit>) -> Result<(Sum, Vec<Damage>), Exit> {
    let mut progress = Progress::new(true);
    let mut check = found.card.check();
    let (blocks, total) = check.total();
    let mut all = Vec::new();
    while let Some(damage) = check.step() {
        let sum = check.sum();
        progress.show(sum.bytes, total, sum.bytes, &format!("{}, block {} of {blocks}, bytes", found.which.as_str(), sum.blocks));
        if !damage.is_empty() {
            progress.clear();
            damage.iter().try_for_each(&mut *say)?;
            all.extend(damage);
        }
    }
    progress.clear();
    Ok((check.sum(), all))
}

/// One line about one place.
fn words(store: &str, damage: &Damage) -> String {
    let place = match damage.file.as_str() {
        "" => format!("{store}: no file holds them"),
        file if damage.bytes == 0 => format!("{store}/{}", plain(file)),
        file => format!("{store}/{} at byte {}, {}", plain(file), count(damage.offset), bytes(damage.bytes)),
    };
    let cause = if damage.unreadable { " (the medium does not give it)" } else { "" };
    if !damage.what.loses_points() {
        return format!("NOTE {place}{cause}: {}", harmless(damage.what));
    }
    let what = match damage.what {
        What::Block => "a whole block",
        What::Chunk => "one device in a block",
        What::Frame => "a commit in the ring",
        What::Names => "names lost in both places",
        _ => "missing",
    };
    let whose = damage.tags.as_deref().map_or_else(String::new, |tags| {
        let device = device(tags).map_or_else(String::new, |device| format!(" of device {}", plain(&device)));
        format!("{device} ({})", plain(tags))
    });
    let when = match (damage.from_ms, damage.to_ms) {
        (Some(from), Some(to)) => format!(", recorded between {} and {}", time(from), time(to)),
        (Some(from), None) => format!(", recorded after {}", time(from)),
        (None, Some(to)) => format!(", recorded before {}", time(to)),
        (None, None) => String::new(),
    };
    let values = damage.at_ms.map_or_else(String::new, |(from, to)| format!(", times of the block {} to {}", time(from), time(to)));
    let taken = match damage.taken {
        Taken::All => "every reader had taken them before",
        Taken::Some => "some of them were not taken yet",
        Taken::None => "not taken by every reader yet",
    };
    let lost = points(damage.points);
    let span = format!("positions {} to {}", count(damage.first), count(damage.end.saturating_sub(1)));
    format!("LOST {place}{cause}: {what}: {lost}{whose}, {span}{values}{when}; {taken}")
}

fn harmless(what: What) -> &'static str {
    match what {
        What::HeaderCopy => "one copy of a block's header; the other is good, nothing is lost",
        What::HeadCopy => "one copy of a block's head; the other is good, nothing is lost",
        What::FrameCopy => "a commit in the ring whose points are in a block, or whose names stand elsewhere; nothing is lost",
        What::CursorCopy => "one copy of a reader's position; the other is good, nothing is lost",
        What::Cursor => "the position of a reader: no point is lost, all points held are delivered again",
        What::Format => "FORMAT; the data beside it is used, and it is made anew",
        What::Foreign => "holds no block; it was left out",
        What::Block | What::Chunk | What::Frame | What::Names | What::Missing => "points are lost",
    }
}

fn summary(store: &str, sum: &Sum) -> String {
    let read = format!("{} blocks and {} frames read, {}", count(sum.blocks as u64), count(sum.frames as u64), bytes(sum.bytes));
    let lost = match (sum.lost, sum.lost_unread) {
        (0, _) => "none is lost".to_owned(),
        (lost, 0) => format!("{} are lost, all of them after every reader had taken them", points(lost)),
        (lost, unread) => format!("{} are lost, {} of them possibly before every reader had taken them", points(lost), count(unread)),
    };
    let copies = match sum.copies {
        0 => String::new(),
        copies => format!("; damage that cost nothing: {copies} (see NOTE); copy the card soon"),
    };
    let rest = if sum.lost > 0 { " Everything else can be read and exported." } else { "" };
    format!("{store}: {read}: {} are good, {lost}{copies}.{rest}\n", points(sum.points))
}
