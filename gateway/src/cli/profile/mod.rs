//! `profile`: the device models this gateway knows, and the making of another one. Reads files and prints; what is written
//! goes to the standard output or to the one file that is named.

mod author;
mod dialect;
mod export;
mod list;
mod shapes;
mod show;
pub(in crate::cli) mod table;

use super::Exit;
use super::say::tell_problems;
use clap::{Args, Subcommand};
use facility_config::profile::{builtin, builtin_ids};
use facility_config::{Profile, nearest, own_profiles};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const EXIT_CODES: &str = "Exit codes: 0 well · 65 the file has problems, or this profile has no such form · 66 no such profile or file · 74 the output cannot be written · 78 a file in profiles.d has problems";

/// What to do with device models.
#[derive(Debug, Subcommand)]
#[command(
    after_help = format!("A model of your own 自定义型号:\n  1. facility-gateway profile export eastron-sdm120 --csv --output own-meter.csv\n  2. edit it in a spreadsheet; give it an id of its own (#id) 在表格中修改，并换一个编号\n  3. facility-gateway profile import own-meter.csv --output /etc/facility-gateway/profiles.d/own-meter.toml\n  4. name it in a device: profile = \"own-meter\"; facility-gateway check\n\n{EXIT_CODES}")
)]
pub enum ProfileCommand {
    /// Every device model: built in, and in profiles.d 列出全部型号
    List(list::ListArgs),
    /// Registers or fields of a model, its quirks and defaults 查看型号
    Show(show::ShowArgs),
    /// Write a model as TOML, or as CSV for a spreadsheet 导出
    Export(export::ExportArgs),
    /// Make a model out of a spreadsheet 从表格导入
    Import(author::ImportArgs),
    /// Check a model you wrote and print every problem at once 检查型号文件
    Check(author::CheckArgs),
}

/// Where a site's own models are.
#[derive(Debug, Clone, Args)]
pub struct Site {
    /// Configuration; models of the site's own are in `profiles.d` beside it
    #[arg(long, short, value_name = "FILE", default_value = "/etc/facility-gateway/gateway.toml")]
    config: PathBuf,
}

/// Models in the order of their names, and whether each is built in.
struct Models {
    known: Vec<(Arc<Profile>, bool)>,
    /// Files in `profiles.d` that cannot be used were told.
    is_whole: bool,
}

impl Site {
    fn folder(&self) -> PathBuf {
        self.config.with_file_name("profiles.d")
    }

    fn models(&self) -> Models {
        let mut known: Vec<(Arc<Profile>, bool)> = builtin_ids().filter_map(builtin).map(|profile| (profile, true)).collect();
        let own = own_profiles(&self.config);
        let is_whole = own.is_ok();
        match own {
            Ok(own) => known.extend(own.into_iter().map(|profile| (profile, false))),
            Err(problems) => tell_problems(&problems),
        }
        known.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        Models { known, is_whole }
    }
}

impl Models {
    /// The model of that id, and whether it is built in.
    fn find(&self, id: &str) -> Result<(&Profile, bool), Exit> {
        if let Some((profile, builtin)) = self.known.iter().find(|(profile, _)| &*profile.id == id) {
            return Ok((profile, *builtin));
        }
        let ids = self.known.iter().map(|(profile, _)| &*profile.id);
        let near = nearest(id, ids).map_or_else(|| "`profile list` names them all".to_owned(), |near| format!("did you mean `{near}`?"));
        let code = if self.is_whole { 66 } else { 78 };
        Err(Exit::Start { code, message: format!("there is no profile {id:?}; {near}") })
    }

    /// How a command ends that did its work.
    fn end(&self) -> Exit {
        if self.is_whole { Exit::Done } else { Exit::Found(78) }
    }
}

/// What to do next, beside an output that may go into a file.
#[expect(clippy::print_stderr, reason = "advice must not get into what is written")]
fn advise(text: &str) {
    eprintln!("{text}");
}

/// Writes a text to a file, or to the standard output.
fn put(text: &str, path: Option<&Path>) -> Result<(), Exit> {
    let written = match path {
        Some(path) => std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display())),
        None => match std::io::stdout().write_all(text.as_bytes()) {
            // The reader had enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Err(Exit::Done),
            written => written.map_err(|error| error.to_string()),
        },
    };
    written.map_err(|error| Exit::Start { code: 74, message: format!("the output cannot be written: {error}") })
}

/// Does what was asked for.
pub(super) fn act(command: &ProfileCommand) -> Exit {
    let done = match command {
        ProfileCommand::List(args) => list::list(args),
        ProfileCommand::Show(args) => show::show(args),
        ProfileCommand::Export(args) => export::export(args),
        ProfileCommand::Import(args) => author::import(args),
        ProfileCommand::Check(args) => author::check(args),
    };
    done.unwrap_or_else(|exit| exit)
}

#[cfg(test)]
mod tests;
