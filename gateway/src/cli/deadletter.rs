//! `deadletter`: messages that could not be decoded, and lines that the database refused. Works on the folder, beside a gateway
//! that runs and on the one of a stopped gateway; decodes nothing itself: `replay` hands a message to the gateway.

use super::Exit;
use super::say::{print, print_json};
use super::store::words::{count, plain, time};
use crate::forward::dead_letter;
use crate::letters::{self, Kept, Shelf, Waiting};
use crate::status::reason;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};

const EXIT_CODES: &str = "Exit codes: 0 well · 2 wrong usage · 65 a message that cannot be replayed · 66 nothing there to read · 74 the folder cannot be written";
/// What `show` calls the lines that the database refused.
const LINES: &str = "lines";

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum LetterCommand {
    /// List messages that could not be decoded 列出
    List(ListArgs),
    /// Show one of them, or the lines the database refused 查看
    Show(ShowArgs),
    /// Let the gateway decode messages again, with the profiles of today 重新解析
    Replay(SomeArgs),
    /// Remove messages 删除
    Drop(SomeArgs),
}

/// Where they are.
#[derive(Debug, Args)]
struct Folder {
    /// Data folder of the gateway 数据目录
    #[arg(long, value_name = "DIR", default_value = "/var/lib/facility-gateway")]
    dir: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `deadletter list`.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  facility-gateway deadletter list\n  facility-gateway deadletter list --json | jq '.messages[] | select(.device == \"gl-junmen-lk-01\")'\n\n{EXIT_CODES}"))]
pub struct ListArgs {
    #[command(flatten)]
    folder: Folder,
}

/// Arguments of `deadletter show`.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  facility-gateway deadletter show 20260901T000000Z-0000\n  facility-gateway deadletter show lines\n\nWhat a profile does not name, and what may be personal, was taken out before it was kept.\n\n{EXIT_CODES}"))]
pub struct ShowArgs {
    /// A message, by its name in the list; `lines` shows what the database refused
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    folder: Folder,
}

/// Arguments of `deadletter replay` and `deadletter drop`.
#[derive(Debug, Args)]
#[command(after_help = format!("Examples:\n  facility-gateway deadletter replay 20260901T000000Z-0000\n  facility-gateway deadletter replay --all\n  facility-gateway deadletter drop --all\n\nA message that was replayed is decoded by the running gateway within ten seconds, or at its next start, with the\nconfiguration it was started with. It leaves the list when its readings are durable; refused again it comes back with\nthe new reason. Only a message that was kept whole can be replayed.\n\n{EXIT_CODES}"))]
pub struct SomeArgs {
    /// Messages, by their names in the list
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All of them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    folder: Folder,
}

/// A letter in the list.
#[derive(Debug, Serialize)]
struct Row {
    id: String,
    waits_for_replay: bool,
    /// Not there if the file is damaged.
    #[serde(flatten)]
    letter: Option<Kept>,
}

/// Does what was asked for.
pub(super) fn act(command: &LetterCommand) -> Exit {
    let done = match command {
        LetterCommand::List(args) => list(args),
        LetterCommand::Show(args) => show(args),
        LetterCommand::Replay(args) => some(args, "replayed", replay),
        LetterCommand::Drop(args) => some(args, "dropped", remove),
    };
    done.unwrap_or_else(|exit| exit)
}

impl Folder {
    fn letters(&self) -> PathBuf {
        self.dir.join(letters::DIR)
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(&self.letters())
    }

    /// All letters, the oldest first, those that wait for the gateway last.
    fn rows(&self) -> Result<Vec<Row>, Exit> {
        let (shelf, mut rows) = (self.shelf(), Vec::new());
        if !self.dir.is_dir() {
            return Err(Exit::Start { code: 66, message: format!("{} is no folder: name the data folder with --dir", self.dir.display()) });
        }
        for waiting in [Waiting::Person, Waiting::Replay] {
            let ids = shelf.ids(waiting).map_err(|error| unreadable(&self.letters(), &error))?;
            // One that goes meanwhile has gone the right way.
            let row = |id: String| match shelf.read(waiting, &id) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                read => Some(Row { waits_for_replay: waiting == Waiting::Replay, letter: read.ok(), id }),
            };
            rows.extend(ids.into_iter().filter_map(row));
        }
        Ok(rows)
    }
}

fn list(args: &ListArgs) -> Result<Exit, Exit> {
    let rows = args.folder.rows()?;
    let lines = refused_lines(&args.folder.letters(), |_| Ok(()))?;
    if args.folder.json {
        let mut rows = serde_json::to_value(&rows).map_err(|error| Exit::Defect(error.to_string()))?;
        // The list is for finding one; bodies are for `show`.
        rows.as_array_mut().into_iter().flatten().filter_map(serde_json::Value::as_object_mut).for_each(|row| drop(row.remove("body")));
        print_json(&serde_json::json!({ "messages": rows, "refused_lines": lines }))?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for row in &rows {
        let Some(letter) = &row.letter else {
            let _ = writeln!(text, "{}  damaged", row.id);
            continue;
        };
        let state = match (row.waits_for_replay, letter.is_whole) {
            (true, _) => "waits for the gateway",
            (false, true) => "can be replayed",
            (false, false) => "not whole",
        };
        let (device, why) = (letter.device.as_deref().unwrap_or("?"), reason::of_label(&letter.reason));
        let _ = writeln!(text, "{}  {device}  {}  {why}  {} bytes, {state}", row.id, plain(&letter.topic), letter.bytes);
    }
    let _ = writeln!(text, "{} messages; {} lines refused by the destination", count(rows.len() as u64), count(lines));
    print(&text)?;
    Ok(Exit::Done)
}

fn show(args: &ShowArgs) -> Result<Exit, Exit> {
    let folder = &args.folder;
    if args.id == LINES {
        refused_lines(&folder.letters(), |line| print(&(plain(line) + "\n")))?;
        return Ok(Exit::Done);
    }
    let Some(row) = folder.rows()?.into_iter().find(|row| row.id == args.id) else { return Err(nothing(&args.id)) };
    if folder.json {
        print_json(&row)?;
        return Ok(Exit::Done);
    }
    let Some(letter) = &row.letter else { return Err(Exit::Start { code: 65, message: format!("{} is damaged; drop it", args.id) }) };
    let mut text = format!("received  {}\nbroker    {}\ntopic     {}\n", time(letter.at_ms), plain(&letter.broker), plain(&letter.topic));
    let _ = writeln!(text, "device    {}", letter.device.as_deref().unwrap_or("not known"));
    let fault = reason::fault(&letter.reason);
    let zh = fault.map_or("", |fault| reason::words(fault).1);
    let _ = writeln!(text, "refused   {} {zh} ({})", reason::of_label(&letter.reason), plain(&letter.reason));
    if let Some(fault) = fault {
        let _ = writeln!(text, "next      {}", reason::next(fault));
    }
    let whole = if letter.is_whole { "the whole message" } else { "parts were taken out: it cannot be replayed" };
    let _ = writeln!(text, "body      {} bytes; {whole}", letter.bytes);
    letter.body.lines().for_each(|line| text.push_str(&format!("  {}\n", plain(line))));
    print(&text)?;
    Ok(Exit::Done)
}

/// Does one thing to some letters or all; says what came of each, and ends with the worst.
fn some(args: &SomeArgs, done: &str, work: fn(&Shelf, &Row) -> Result<(), (u8, String)>) -> Result<Exit, Exit> {
    let (rows, shelf) = (args.folder.rows()?, args.folder.shelf());
    if let Some(id) = args.ids.iter().find(|id| !rows.iter().any(|row| row.id == **id)) {
        return Err(nothing(id));
    }
    let (mut text, mut worst, mut results) = (String::new(), 0, Vec::new());
    for row in rows.iter().filter(|row| args.all || args.ids.contains(&row.id)) {
        let (code, words) = match work(&shelf, row) {
            Ok(()) => (0, done.to_owned()),
            Err(failed) => failed,
        };
        worst = worst.max(code);
        let _ = writeln!(text, "{}  {words}", row.id);
        results.push(serde_json::json!({ "id": row.id, "done": code == 0, "words": words }));
    }
    if args.folder.json {
        print_json(&results)?
    } else {
        print(&text)?
    }
    Ok(if worst == 0 { Exit::Done } else { Exit::Found(worst) })
}

fn replay(shelf: &Shelf, row: &Row) -> Result<(), (u8, String)> {
    match &row.letter {
        _ if row.waits_for_replay => Ok(()),
        Some(letter) if letter.is_whole => shelf.to_replay(&row.id).map_err(|error| (74, error.to_string())),
        Some(_) => {
            Err((65, "cannot be replayed: parts were taken out of it before it was kept, for what they may say of persons".to_owned()))
        }
        None => Err((65, "cannot be replayed: it is damaged".to_owned())),
    }
}

fn remove(shelf: &Shelf, row: &Row) -> Result<(), (u8, String)> {
    let waiting = if row.waits_for_replay { Waiting::Replay } else { Waiting::Person };
    match shelf.remove(waiting, &row.id) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((74, error.to_string())),
        _ => Ok(()),
    }
}

/// Lines of the files that the forwarder keeps; says how many were refused: each has a comment with time and reason before it.
fn refused_lines(dir: &Path, mut take: impl FnMut(&str) -> Result<(), Exit>) -> Result<u64, Exit> {
    let mut refused = 0;
    for path in dead_letter::files(dir).map_err(|error| unreadable(dir, &error))? {
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&path, &error)),
        };
        for line in io::BufReader::new(file).lines() {
            let line = line.map_err(|error| unreadable(&path, &error))?;
            refused += u64::from(line.starts_with("# "));
            take(&line)?;
        }
    }
    Ok(refused)
}

fn unreadable(path: &Path, error: &io::Error) -> Exit {
    Exit::Start { code: 66, message: format!("{} cannot be read: {error}", path.display()) }
}

fn nothing(id: &str) -> Exit {
    Exit::Start { code: 66, message: format!("there is no message {id:?}; `deadletter list` names them") }
}

#[cfg(test)]
mod tests;
