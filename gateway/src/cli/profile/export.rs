//! `profile export`: a model as a file to begin with.

use super::{EXIT_CODES, Site, advise, put};
use crate::cli::Exit;
use clap::Args;
use facility_config::profile::{Dialect, builtin_text, to_csv, to_toml};
use std::path::PathBuf;

/// Arguments of `profile export`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway profile export eastron-sdm120\n  facility-gateway profile export danfoss-ekc202d --csv --output ekc.csv\n\nThe CSV opens in Excel, WPS and LibreOffice; `profile import` reads it back. Rows beginning with # describe the model.\nAn apostrophe keeps a spreadsheet from making a number, a date or a formula of a text; it is taken off again.\n\n{EXIT_CODES}")
)]
pub struct ExportArgs {
    /// Which model; see `profile list`
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    site: Site,
    /// A table for a spreadsheet instead of TOML; for register maps
    #[arg(long)]
    csv: bool,
    /// Write to this file instead of the standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn export(args: &ExportArgs) -> Result<Exit, Exit> {
    let models = args.site.models();
    let (profile, builtin) = models.find(&args.id)?;
    let text = match (args.csv, &profile.dialect) {
        (true, dialect) => to_csv(profile).ok_or_else(|| {
            let message = format!("{} speaks {}; only a register map makes a table", profile.id, dialect.as_str());
            Exit::Start { code: 65, message }
        })?,
        // The text as it was written has comments.
        (false, _) if builtin => builtin_text(&profile.id).unwrap_or_default().to_owned(),
        (false, Dialect::Modbus(_)) => to_toml(profile),
        (false, _) => {
            let path = args.site.folder().join(format!("{}.toml", profile.id));
            return Err(Exit::Start { code: 65, message: format!("{} is TOML already: {}", profile.id, path.display()) });
        }
    };
    put(&text, args.output.as_deref())?;
    if builtin && args.output.is_some() {
        advise(&format!("{} ships with the gateway: a changed copy needs an id of its own.", profile.id));
    }
    Ok(models.end())
}
