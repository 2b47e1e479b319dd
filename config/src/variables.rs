//! Environment variables `GW__SECTION__KEY` as the last layer.
//!
//! A variable names exactly one key of the table; one that names none is an error, never ignored. Its text becomes the
//! type that the key has: nothing is guessed, so a serial number `007` stays what it is. A table with a name
//! (`GW__DEVICE__LK_0001__INTERVAL_S`) must be declared in a file; `-` and `_` are the same there, and so is case.

use crate::keys::{self, Key, Node, Type};
use crate::layer::{Layer, Scalar, expected, typed, unknown};
use crate::problem;
use crate::report::{Complaint, Report, Spot, join};
use config::{Map, Value, ValueKind};

pub(crate) const PREFIX: &str = "GW__";

/// Reads every variable that is meant for the gateway. `declared` is what the files say.
pub(crate) fn from_env(report: &mut Report, env: &[(String, String)], declared: &Map<String, Value>) -> Layer {
    let mut layer = Layer::default();
    for (variable, text) in env {
        let Some(rest) = variable.strip_prefix(PREFIX) else {
            warn_near_miss(report, variable);
            continue;
        };
        match find(rest, declared) {
            Ok((path, ty)) => {
                let joined = path.iter().fold(String::new(), |path, name| join(&path, name));
                report.remember(&joined, Spot::Variable(variable.clone()));
                match parse(&joined, ty, text) {
                    Ok(value) => insert(&mut layer.0, &path, value),
                    Err(complaint) => report.value(&joined, complaint),
                }
            }
            Err((path, complaint)) => {
                let message = format!("{variable}: {}", complaint.message);
                report.nowhere(&path, Complaint { message, ..complaint });
            }
        }
    }
    layer
}

/// `GW_MQTT__LOCAL__URL` is a slip of the hand that would be ignored without a word.
fn warn_near_miss(report: &mut Report, variable: &str) {
    if variable.strip_prefix("GW_").is_some_and(|rest| rest.contains("__")) {
        let message = format!("environment variable {variable} is ignored: it does not begin with {PREFIX}");
        report.nowhere("", Complaint::new(problem::LOOKS_LIKE_SETTING, message).hint("write two underscores behind GW"));
    }
}

/// The key a variable names, as path and type.
fn find(rest: &str, declared: &Map<String, Value>) -> Result<(Vec<String>, Type), (String, Complaint)> {
    let segments: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
    let mut path: Vec<String> = Vec::new();
    let mut keys: &'static [Key] = keys::ROOT;
    let mut files = Some(declared);
    let mut segments = segments.iter();
    while let Some(segment) = segments.next() {
        let joined = path.iter().fold(String::new(), |path, name| join(&path, name));
        let here = join(&joined, segment);
        let key = keys::find(keys, segment).ok_or_else(|| (here.clone(), unknown_variable(&here, segment, keys)))?;
        path.push(key.name.to_owned());
        files = files.and_then(|table| below(table, key.name));
        match key.node {
            Node::Value(ty) if segments.len() == 0 => return Ok((path, ty)),
            Node::Value(_) => break,
            Node::Table(below) => keys = below,
            Node::Named(below_name) => {
                let Some(segment) = segments.next() else { break };
                let name = declared_name(segment, files).map_err(|complaint| (join(&here, segment), complaint))?;
                files = files.and_then(|table| below(table, &name));
                path.push(name);
                keys = below_name;
            }
        }
    }
    let joined = path.iter().fold(String::new(), |path, name| join(&path, name));
    Err((
        joined,
        Complaint::new(problem::UNKNOWN_VARIABLE, "names no single setting").hint("write GW__SECTION__KEY, or GW__SECTION__NAME__KEY"),
    ))
}

fn unknown_variable(path: &str, name: &str, keys: &[Key]) -> Complaint {
    let complaint = unknown(path, name, keys);
    let code = if complaint.code == problem::UNKNOWN_KEY { problem::UNKNOWN_VARIABLE } else { complaint.code };
    Complaint { code, ..complaint }
}

/// The declared name that a segment stands for.
fn declared_name(segment: &str, files: Option<&Map<String, Value>>) -> Result<String, Complaint> {
    let names = || files.into_iter().flat_map(|table| table.keys().map(String::as_str));
    let mut meant = names().filter(|name| name.to_lowercase().replace('-', "_") == segment.replace('-', "_"));
    match (meant.next(), meant.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        (Some(one), Some(other)) => {
            Err(Complaint::new(problem::UNKNOWN_VARIABLE, format!("`{segment}` may be `{one}` or `{other}`"))
                .hint("set it in a file instead"))
        }
        (None, _) => {
            let complaint = Complaint::new(problem::UNKNOWN_VARIABLE, format!("no file declares `{segment}`"));
            Err(match keys::nearest(segment, names()) {
                Some(near) => complaint.hint(format!("did you mean `{near}`?")),
                None => complaint.hint("a variable changes what a file declares; declare it there first"),
            })
        }
    }
}

/// The text as the type of its key. The text itself is never part of a message: it may be a secret.
fn parse(path: &str, ty: Type, text: &str) -> Result<ValueKind, Complaint> {
    let value = match ty {
        Type::Int(..) => text.parse().ok().map(Scalar::Int),
        Type::Float(..) => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Scalar::Float),
        Type::Bool => text.parse().ok().map(Scalar::Bool),
        Type::Text | Type::Word(_) => Some(Scalar::Text(text)),
    };
    let value = value.ok_or_else(|| Complaint::new(problem::WRONG_TYPE, format!("`{path}` must be {}", expected(ty))))?;
    typed(path, ty, &value)
}

fn below<'m>(table: &'m Map<String, Value>, name: &str) -> Option<&'m Map<String, Value>> {
    match &table.get(name)?.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    }
}

fn insert(table: &mut Map<String, Value>, path: &[String], value: ValueKind) {
    let Some((name, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(name.clone(), Value::new(None, value));
        return;
    }
    let entry = table.entry(name.clone()).or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
    if let ValueKind::Table(below) = &mut entry.kind {
        insert(below, rest, value);
    }
}
