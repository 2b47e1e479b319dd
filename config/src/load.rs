//! From files and environment to a checked [`Site`]. Only this file and the one below it read files of the configuration.
//!
//! Layers, later ones win: defaults, `gateway.toml`, `conf.d/*.toml` beside it in name order, environment variables.
//! Tables merge key by key. Bounded by [`CONFIG_FILE_BYTES_MAX`] and [`CONFIG_FILES_MAX`]. Device models of the site's own
//! come from `profiles.d/*.toml` beside it.

mod own;

pub use own::{check_profile, import_csv, own_profiles};

use crate::check;
use crate::keys;
use crate::layer::{self, Layer};
use crate::limits::{CONFIG_FILE_BYTES_MAX, CONFIG_FILES_MAX, PROFILE_FILE_BYTES_MAX};
use crate::problem::{self, Problem, Problems};
use crate::profiles::Known;
use crate::raw::Raw;
use crate::report::{Complaint, Report};
use crate::secret::Ground;
use crate::site::Site;
use crate::text::Text;
use crate::variables;
use config::{Config, ConfigError, Map, Source, Value};
use ring::digest::{Context, SHA256};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A configuration that is valid.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub site: Site,
    /// The files it was read from, in the order of reading; profiles of the site's own last.
    pub files: Vec<PathBuf>,
    /// SHA-256 of all that was read, variables included, in hexadecimal: another one is another configuration.
    pub sha256: String,
    /// What is allowed but should be looked at. `Problems(warnings).render(…)` shows it.
    pub warnings: Vec<Problem>,
}

/// Reads `gateway.toml`, the fragments in `conf.d` and the profiles in `profiles.d` beside it, and the environment variables
/// `GW__SECTION__KEY`.
///
/// `env` is the environment to use, normally all of the process's; `CREDENTIALS_DIRECTORY` is taken from it too.
///
/// # Errors
/// Everything that is wrong, all at once: unreadable files, syntax, unknown settings, types, bounds, references.
pub fn open(path: &Path, env: &[(String, String)]) -> Result<Loaded, Problems> {
    read(path, env, true)
}

/// The same for whoever logs in nowhere: where systemd gave no credentials (a shell), a `credential:NAME` is a warning, and the
/// file it stands for is absent from the site.
///
/// # Errors
/// As [`open`].
pub fn look(path: &Path, env: &[(String, String)]) -> Result<Loaded, Problems> {
    read(path, env, false)
}

fn read(path: &Path, env: &[(String, String)], needs_credentials: bool) -> Result<Loaded, Problems> {
    let base = path.parent().unwrap_or(Path::new(""));
    let ground = Ground::new(base, env, needs_credentials);
    let mut faults = Vec::new();
    let mut files = vec![path.to_owned()];
    files.append(&mut listed(&base.join("conf.d"), CONFIG_FILES_MAX, "put several devices into one file", &mut faults));
    let mut texts = texts_of(&files, CONFIG_FILE_BYTES_MAX, &mut faults);
    let layers = texts.len();
    let mut own = own::files(path, &mut faults);
    texts.append(&mut texts_of(&own, PROFILE_FILE_BYTES_MAX, &mut faults));
    files.append(&mut own);
    let sha256 = sha256(&texts, env);
    let mut report = Report::new(texts);
    let unreadable = !faults.is_empty();
    faults.into_iter().for_each(|fault| report.nowhere("", fault));
    let known = own::known(&mut report, layers);
    let (site, warnings) = assemble(report, layers, &known, env, &ground, unreadable)?;
    Ok(Loaded { site, files, sha256, warnings })
}

fn sha256(texts: &[Text], env: &[(String, String)]) -> String {
    let mut variables: Vec<_> = env.iter().filter(|(name, _)| name.starts_with(variables::PREFIX)).collect();
    variables.sort_unstable();
    let files = texts.iter().map(|text| [&*text.name, &*text.body]);
    let mut sum = Context::new(&SHA256);
    for part in files.chain(variables.into_iter().map(|(name, value)| [&**name, &**value])).flatten() {
        sum.update(&(part.len() as u64).to_le_bytes());
        sum.update(part.as_bytes());
    }
    sum.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks one text in the same way, without other files and without environment variables. `name` stands for the file
/// in problems. Relative paths of secrets start at the working directory; the files they name are looked at.
///
/// # Errors
/// Everything that is wrong, all at once.
pub fn from_toml(name: &str, text: &str) -> Result<Site, Problems> {
    let ground = Ground::new(Path::new(""), &[], true);
    assemble(Report::new(vec![Text::new(name, text)]), 1, &Known::default(), &[], &ground, false).map(|(site, _)| site)
}

/// A file that was read.
pub(crate) struct Seen {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mode: u32,
}

/// Reads a regular file of at most so many bytes, with its permissions.
pub(crate) fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Seen> {
    use std::os::unix::fs::PermissionsExt;
    // Looked at before it is opened: opening a named pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = std::fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is larger than {bytes_max} bytes")));
    }
    Ok(Seen { bytes, mode })
}

/// The files of a folder in the order of reading; a folder that is not there has none.
fn listed(folder: &Path, files_max: usize, remedy: &str, faults: &mut Vec<Complaint>) -> Vec<PathBuf> {
    let entries: io::Result<Vec<PathBuf>> =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    let mut files = match entries {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            faults.push(unreadable(folder, &error.to_string()));
            Vec::new()
        }
    };
    let hidden = |file: &Path| file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml") && !hidden(file));
    files.sort_unstable();
    if files.len() > files_max {
        let message = format!("{} has {} files; {files_max} are read", folder.display(), files.len());
        faults.push(Complaint::new(problem::TOO_MANY, message).hint(remedy));
        files.clear();
    }
    files
}

fn texts_of(files: &[PathBuf], bytes_max: u64, faults: &mut Vec<Complaint>) -> Vec<Text> {
    let read = |file: &PathBuf| read_text(file, bytes_max).map_err(|fault| faults.push(fault)).ok();
    files.iter().filter_map(read).collect()
}

fn read_text(path: &Path, bytes_max: u64) -> Result<Text, Complaint> {
    let seen = read_bounded(path, bytes_max).map_err(|error| unreadable(path, &error.to_string()))?;
    match String::from_utf8(seen.bytes) {
        Ok(body) => Ok(Text::new(&path.display().to_string(), &body)),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
            Err(unreadable(path, &format!("line {line} is not UTF-8")).hint("save the file as UTF-8 (not GBK, not UTF-16) and check again"))
        }
    }
}

fn unreadable(path: &Path, fault: &str) -> Complaint {
    Complaint::new(problem::UNREADABLE, format!("{} can not be read: {fault}", path.display()))
        .hint("name the file with --config, and let the user of the gateway read it")
}

/// The first so many texts to a site. With a file missing only what the other files say themselves is judged.
fn assemble(
    mut report: Report,
    layers: usize,
    known: &Known,
    env: &[(String, String)],
    ground: &Ground,
    incomplete: bool,
) -> Result<(Site, Vec<Problem>), Problems> {
    let layers: Vec<Option<Layer>> = (0..layers).map(|file| layer::from_text(&mut report, file)).collect();
    if incomplete || layers.iter().any(Option::is_none) {
        return finish(report, None);
    }
    match merge(&mut report, layers.into_iter().flatten(), env) {
        Ok(raw) => {
            let site = check::site(&raw, ground, known, &mut report);
            finish(report, site)
        }
        Err(error) => {
            report.nowhere("", Complaint::new(problem::INTERNAL, error));
            finish(report, None)
        }
    }
}

/// Lets the `config` crate lay one layer over the other, defaults at the bottom.
fn merge(report: &mut Report, files: impl Iterator<Item = Layer>, env: &[(String, String)]) -> Result<Raw, String> {
    let told = |error: ConfigError| error.to_string();
    let declared = files.fold(Config::builder(), |builder, layer| builder.add_source(layer)).build().map_err(told)?;
    let written: Map<String, Value> = declared.collect().map_err(told)?;
    let variables = variables::from_env(report, env, &written);
    let merged = Config::builder().add_source(declared).add_source(variables).build().map_err(told)?;
    let written = merged.collect().map_err(told)?;
    let defaults = layer::defaults(report, &written, keys::ROOT, "");
    let all = Config::builder().add_source(defaults).add_source(merged).build().map_err(told)?;
    serde_path_to_error::deserialize(all).map_err(|error| error.to_string())
}

fn finish(report: Report, site: Option<Site>) -> Result<(Site, Vec<Problem>), Problems> {
    let warnings = report.finish()?;
    match site {
        Some(site) => Ok((site, warnings)),
        None => Err(Problems(warnings)),
    }
}
