//! Device models of a site's own: `profiles.d/*.toml` beside `gateway.toml`, one profile a file, named like it.
//!
//! A model of registers or JSON fields can only be read. One of serial frames could hold any bytes, those that open a door
//! too: such profiles ship with the gateway or not at all. Bounded by [`PROFILES_MAX`] and [`PROFILE_FILE_BYTES_MAX`].

use super::{listed, texts_of};
use crate::layer;
use crate::limits::{PROFILE_FILE_BYTES_MAX, PROFILES_MAX};
use crate::problem::{self, Problems};
use crate::profile::Profile;
use crate::profiles::{self, Known};
use crate::report::{Complaint, Report};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The site's own profiles beside a configuration file, by id. The configuration itself is not looked at.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn own_profiles(config: &Path) -> Result<Vec<Arc<Profile>>, Problems> {
    let mut faults = Vec::new();
    let texts = texts_of(&files(config, &mut faults), PROFILE_FILE_BYTES_MAX, &mut faults);
    let mut report = Report::new(texts);
    faults.into_iter().for_each(|fault| report.nowhere("", fault));
    let known = known(&mut report, 0);
    report.finish()?;
    Ok(known.own.into_values().flatten().collect())
}

/// Checks one file as if it lay in `profiles.d`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check_profile(path: &Path) -> Result<Arc<Profile>, Problems> {
    let mut report = one_text(path)?;
    let profile = profile(&mut report, 0);
    finish(report, profile)
}

/// Reads a spreadsheet of registers (see [`to_csv`](crate::profile::to_csv)).
///
/// # Errors
/// Everything that is wrong with it, with row and column; also an id that is embedded already.
pub fn import_csv(path: &Path) -> Result<Arc<Profile>, Problems> {
    let mut report = one_text(path)?;
    let text = report.texts.first().map(|text| text.body.clone()).unwrap_or_default();
    let read = profiles::from_sheet(&text);
    let profile = accepted(&mut report, 0, read).filter(|profile| is_new(&mut report, 0, 0..0, &profile.id)).map(Arc::new);
    finish(report, profile)
}

/// Files in `profiles.d` beside a configuration file.
pub(super) fn files(config: &Path, faults: &mut Vec<Complaint>) -> Vec<PathBuf> {
    let folder = config.parent().unwrap_or(Path::new("")).join("profiles.d");
    listed(&folder, PROFILES_MAX, "keep the profiles that devices of this site use", faults)
}

/// The profiles in the texts of a report from this one on.
pub(super) fn known(report: &mut Report, first: usize) -> Known {
    let mut known = Known::default();
    for file in first..report.texts.len() {
        let profile = profile(report, file);
        known.own.insert(stem(report, file), profile);
    }
    known
}

/// One text as a profile of the site's own, or complaints about it.
fn profile(report: &mut Report, file: usize) -> Option<Arc<Profile>> {
    let body = report.texts.get(file)?.body.clone();
    let before = report.errors();
    let table = layer::table_of(report, file, &body).filter(|_| report.errors() == before)?;
    if let Some((frame, _)) = table.get_key_value("frame") {
        let message = "a profile of serial frames cannot be added: a frame could open a door";
        let hint =
            "only the frame profiles that ship with the gateway are accepted, they ask and nothing else; ask for the board to be added";
        report.span(file, frame.span(), Complaint::new(problem::BAD_PROFILE, message).hint(hint));
        return None;
    }
    let profile = accepted(report, file, profiles::read(&body))?;
    let place = table.get("id").map_or(0..0, |id| id.span());
    let name = stem(report, file);
    if *profile.id != *name {
        let message = format!("profile `{}` is in a file named `{name}`", profile.id);
        let hint = format!("call the file {}.toml", profile.id);
        report.span(file, place, Complaint::new(problem::BAD_NAME, message).hint(hint));
        return None;
    }
    is_new(report, file, place, &profile.id).then(|| Arc::new(profile))
}

/// An id that the gateway has already would mean two things.
fn is_new(report: &mut Report, file: usize, place: Range<usize>, id: &str) -> bool {
    let is_new = profiles::builtin(id).is_none();
    if !is_new {
        let message = format!("profile `{id}` ships with the gateway");
        let hint = format!("choose another id, for example {id}-2, and name that in the device");
        report.span(file, place, Complaint::new(problem::DUPLICATE, message).hint(hint));
    }
    is_new
}

fn accepted(report: &mut Report, file: usize, read: Result<Profile, profiles::Faults>) -> Option<Profile> {
    let faults = match read {
        Ok(profile) => return Some(profile),
        Err(faults) => faults,
    };
    for fault in faults.0 {
        report.span(file, fault.span, Complaint::new(problem::BAD_PROFILE, fault.message));
    }
    None
}

fn stem(report: &Report, file: usize) -> String {
    let name = report.texts.get(file).map_or("", |text| text.name.as_str());
    Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn one_text(path: &Path) -> Result<Report, Problems> {
    let (mut faults, mut report) = (Vec::new(), Report::default());
    report.texts = texts_of(&[path.to_owned()], PROFILE_FILE_BYTES_MAX, &mut faults);
    faults.into_iter().for_each(|fault| report.nowhere("", fault));
    if report.has_errors() { Err(Problems(report.finish().unwrap_or_else(|problems| problems.0))) } else { Ok(report) }
}

fn finish(report: Report, profile: Option<Arc<Profile>>) -> Result<Arc<Profile>, Problems> {
    let warnings = report.finish()?;
    profile.ok_or(Problems(warnings))
}
