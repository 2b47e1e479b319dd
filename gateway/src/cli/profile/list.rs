//! `profile list`: one line for every device model.

use super::table::{Table, shortened};
use super::{EXIT_CODES, Site, put};
use crate::cli::Exit;
use clap::Args;
use facility_config::Profile;
use serde::Serialize;

/// Characters of the origin in the list; `profile show` has all of it.
const ORIGIN_CHARS_MAX: usize = 60;

/// Arguments of `profile list`.
#[derive(Debug, Args)]
#[command(
    after_help = format!("Examples:\n  facility-gateway profile list\n  facility-gateway profile list --config site.toml\n  facility-gateway profile list --json | jq -r '.[] | select(.kind == \"meter\").id'\n\n{EXIT_CODES}")
)]
pub struct ListArgs {
    #[command(flatten)]
    site: Site,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// One model, as JSON shows it.
#[derive(Serialize)]
struct Row<'p> {
    id: &'p str,
    kind: &'static str,
    maker: &'p str,
    model: &'p str,
    dialect: &'static str,
    points: usize,
    builtin: bool,
    interval_s: u64,
    origin: &'p str,
}

impl<'p> Row<'p> {
    fn of(profile: &'p Profile, builtin: bool) -> Self {
        Self {
            id: &profile.id,
            kind: profile.kind.as_str(),
            maker: &profile.maker,
            model: &profile.model,
            dialect: profile.dialect.as_str(),
            points: profile.dialect.point_count(),
            builtin,
            interval_s: profile.interval.as_secs(),
            origin: &profile.origin,
        }
    }
}

pub(super) fn list(args: &ListArgs) -> Result<Exit, Exit> {
    let models = args.site.models();
    let rows: Vec<Row<'_>> = models.known.iter().map(|(profile, builtin)| Row::of(profile, *builtin)).collect();
    let text = if args.json { serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n" } else { table(&rows) };
    put(&text, None)?;
    Ok(models.end())
}

fn table(rows: &[Row<'_>]) -> String {
    let mut table = Table::new(&["ID", "KIND", "MAKER", "MODEL", "SPEAKS", "POINTS", "FROM", "ORIGIN"]);
    for row in rows {
        table.row(vec![
            row.id.to_owned(),
            row.kind.to_owned(),
            row.maker.to_owned(),
            row.model.to_owned(),
            row.dialect.to_owned(),
            row.points.to_string(),
            if row.builtin { "" } else { "profiles.d" }.to_owned(),
            shortened(row.origin, ORIGIN_CHARS_MAX),
        ]);
    }
    table.render("")
}
