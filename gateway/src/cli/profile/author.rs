//! `profile import` and `profile check`: for somebody who writes a model.

use super::{EXIT_CODES, advise, put};
use crate::cli::Exit;
use crate::cli::say::tell_problems;
use clap::Args;
use facility_config::profile::to_toml;
use facility_config::{Problems, Profile, check_profile, import_csv};
use std::path::{Path, PathBuf};

/// Arguments of `profile import`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway profile import own-meter.csv --output own-meter.toml\n  facility-gateway profile export eastron-sdm120 --csv | sed s/eastron-sdm120/own-meter/ > own-meter.csv\n\n{EXIT_CODES}")
)]
pub struct ImportArgs {
    /// Spreadsheet as CSV (UTF-8; comma, semicolon or tab), as `profile export --csv` writes it
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Write to this file instead of the standard output
    #[arg(long, short, value_name = "FILE.toml")]
    output: Option<PathBuf>,
}

/// Arguments of `profile check`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway profile check own-meter.toml\n  facility-gateway profile check own-meter.csv\n  facility-gateway profile check own-meter.toml --json | jq '.[].message'\n\n{EXIT_CODES}")
)]
pub struct CheckArgs {
    /// Model as TOML, or as CSV
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the problems as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn import(args: &ImportArgs) -> Result<Exit, Exit> {
    let profile = import_csv(&args.file).map_err(|problems| {
        tell_problems(&problems);
        unusable(&args.file)
    })?;
    put(&to_toml(&profile), args.output.as_deref())?;
    advise(&next(&profile));
    Ok(Exit::Done)
}

#[expect(clippy::print_stdout, reason = "printing is what this command is for")]
pub(super) fn check(args: &CheckArgs) -> Result<Exit, Exit> {
    let is_csv = args.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let checked = if is_csv { import_csv(&args.file) } else { check_profile(&args.file) };
    match (checked, args.json) {
        (Ok(_), true) => println!("{}", Problems(Vec::new()).to_json()),
        (Ok(profile), false) => {
            println!("{} is valid: {}, {} points", args.file.display(), profile.title(), profile.dialect.point_count());
            println!("{}", next(&profile));
        }
        (Err(problems), json) => {
            if json {
                println!("{}", problems.to_json());
            } else {
                tell_problems(&problems);
            }
            return Err(unusable(&args.file));
        }
    }
    Ok(Exit::Done)
}

/// The problems have been told; the number says whether there was a file.
fn unusable(file: &Path) -> Exit {
    Exit::Found(if file.is_file() { 65 } else { 66 })
}

fn next(profile: &Profile) -> String {
    let id = &profile.id;
    format!(
        "Next: put it into profiles.d beside gateway.toml as {id}.toml, name it in a device (profile = \"{id}\"), then `facility-gateway check`."
    )
}
