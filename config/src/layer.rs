//! One file as a layer for the `config` crate: values checked against the table of keys, places remembered.
//!
//! Only well-typed values of known keys get into a layer, so that the crate's own lenient conversions never have
//! anything to convert. Everything else becomes a problem here, all of a file at once.

use crate::keys::{self, IfAbsent, Key, Node, Type};
use crate::problem;
use crate::report::{Complaint, Report, Spot, join};
use config::{ConfigError, Map, Source, Value, ValueKind};
use std::borrow::Cow;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Longest text value, bytes.
const TEXT_BYTES_MAX: usize = 256;
/// What the sample configuration has where a site must decide.
pub(crate) const PLACEHOLDER: &str = "CHANGE_ME";
/// Syntax errors told of one file; a file of another kind would have thousands.
const SYNTAX_ERRORS_MAX: usize = 20;

/// Values of one origin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer(pub(crate) Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Reads one text of the report. `None` if it is no TOML.
pub(crate) fn from_text(report: &mut Report, file: usize) -> Option<Layer> {
    let body = report.texts.get(file)?.body.clone();
    let table = table_of(report, file, &body)?;
    Some(Layer(File { report, file }.table(&table, keys::ROOT, "")))
}

/// The text of a file as a table, its errors reported. `None` if it is no TOML.
pub(crate) fn table_of<'t>(report: &mut Report, file: usize, body: &'t str) -> Option<DeTable<'t>> {
    let (table, errors) = DeTable::parse_recoverable(body);
    // A key given twice is no TOML either, but the rest of the file can be read.
    let readable = errors.iter().all(|error| error.message().starts_with("duplicate key"));
    for error in errors.iter().take(SYNTAX_ERRORS_MAX) {
        report.span(file, error.span().unwrap_or(0..0), syntax(error.message()));
    }
    readable.then(|| table.into_inner())
}

fn syntax(message: &str) -> Complaint {
    match message {
        "duplicate key" => Complaint::new(problem::DUPLICATE, "this name is given twice in one table")
            .hint("keep one of the two; two devices need two ids"),
        _ => Complaint::new(problem::SYNTAX, format!("not valid TOML: {message}")),
    }
}

/// A value as a file or a variable gives it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'v> {
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(&'v str),
}

struct File<'r> {
    report: &'r mut Report,
    file: usize,
}

impl File<'_> {
    fn table(&mut self, table: &DeTable<'_>, keys: &'static [Key], path: &str) -> Map<String, Value> {
        let mut layer = Map::new();
        for (name, value) in table {
            let path = join(path, name.get_ref());
            let replaced = self.remember(&path, name.span(), value.span());
            let Some(key) = keys::find(keys, name.get_ref()) else {
                self.report.stranger(&path, unknown(&path, name.get_ref(), keys));
                continue;
            };
            self.warn_declared_twice(&path, replaced);
            if let Some(value) = self.node(key.node, value.get_ref(), &path, key.doc) {
                layer.insert(key.name.to_owned(), value);
            }
        }
        layer
    }

    fn named(&mut self, table: &DeTable<'_>, keys: &'static [Key], path: &str) -> Map<String, Value> {
        let mut layer = Map::new();
        let is_setting = |name: &str, value: &DeValue<'_>| !matches!(value, DeValue::Table(_)) && keys::find(keys, name).is_some();
        let settings = table.iter().filter(|(name, value)| is_setting(name.get_ref(), value.get_ref()));
        if let Some((name, value)) = settings.min_by_key(|(name, _)| name.span().start) {
            let message = format!("`{path}` holds tables with names, and this is a setting of one of them");
            self.remember(&join(path, name.get_ref()), name.span(), value.span());
            let complaint = Complaint::new(problem::WRONG_TYPE, message);
            self.report.stranger(
                &join(path, name.get_ref()),
                complaint.hint(format!("write `[{path}.main]` instead of `[{path}]`; any name will do")),
            );
            return layer;
        }
        for (name, value) in table {
            let path = join(path, name.get_ref());
            self.remember(&path, name.span(), value.span());
            if let Some(value) = self.node(Node::Table(keys), value.get_ref(), &path, "") {
                layer.insert(name.get_ref().to_string(), value);
            }
        }
        layer
    }

    /// A value that is none is told what its setting is for, unless there is something better to say.
    fn node(&mut self, node: Node, value: &DeValue<'_>, path: &str, purpose: &str) -> Option<Value> {
        let kind = match (node, value) {
            (Node::Table(keys), DeValue::Table(table)) => Ok(self.table(table, keys, path).into()),
            (Node::Named(keys), DeValue::Table(table)) => Ok(self.named(table, keys, path).into()),
            (Node::Table(_), _) => Err(wrong_type(path, "a table", value).hint(format!("write `[{path}]` and its settings below"))),
            (Node::Named(_), _) => Err(wrong_type(path, "tables with names", value).hint(format!("write `[{path}.NAME]`"))),
            (Node::Value(ty), value) => {
                scalar(value).ok_or_else(|| wrong_type(path, expected(ty), value)).and_then(|value| typed(path, ty, &value))
            }
        };
        match kind {
            Ok(kind) => Some(Value::new(None, kind)),
            Err(complaint) => {
                let is_told = complaint.hint.is_some() || purpose.is_empty();
                self.report.value(path, if is_told { complaint } else { complaint.hint(purpose) });
                None
            }
        }
    }

    fn remember(&mut self, path: &str, key: Range<usize>, value: Range<usize>) -> Option<Spot> {
        self.report.remember(path, Spot::File { file: self.file, key, value })
    }

    /// Fragments may add to a device, but when two of them say what it is, one of them was probably copied.
    fn warn_declared_twice(&mut self, path: &str, replaced: Option<Spot>) {
        let Some(Spot::File { file, .. }) = replaced else { return };
        if let (true, Some(id)) = (file != self.file, path.strip_prefix("device.").and_then(|rest| rest.strip_suffix(".profile"))) {
            let first = self.report.texts.get(file).map_or("", |text| text.name.as_str());
            let message = format!("device `{id}` is declared in {first} too; both are merged, the later file wins");
            self.report.key(path, Complaint::new(problem::DECLARED_TWICE, message).hint("give the second device an id of its own"));
        }
    }
}

/// Complains about a key that no table has.
pub(crate) fn unknown(path: &str, name: &str, keys: &[Key]) -> Complaint {
    let files = || keys.iter().map(|key| key.name).filter(|name| matches!(*name, "password_file" | "token_file"));
    if let (true, Some(file)) = (crate::text::is_secret_name(name), files().next()) {
        return Complaint::new(problem::LITERAL_SECRET, format!("`{path}` would put a secret into the configuration"))
            .hint(format!("put it into a file of mode 0600 and name that: `{file} = \"/etc/facility-gateway/…\"`"));
    }
    let hint = match keys::nearest(name, keys.iter().map(|key| key.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")),
    };
    Complaint::new(problem::UNKNOWN_KEY, format!("unknown setting `{path}`")).hint(hint)
}

/// A value of a type, or what is wrong with it.
pub(crate) fn typed(path: &str, ty: Type, value: &Scalar<'_>) -> Result<ValueKind, Complaint> {
    match (ty, value) {
        (Type::Int(low, high), Scalar::Int(value)) if (low..=high).contains(value) => Ok(ValueKind::I64(*value)),
        (Type::Int(low, high), Scalar::Int(value)) => Err(out_of_range(path, &low, &high, value)),
        (Type::Float(low, high), Scalar::Int(value)) => typed(path, Type::Float(low, high), &Scalar::Float(*value as f64)),
        (Type::Float(low, high), Scalar::Float(value)) if (low..=high).contains(value) => Ok(ValueKind::Float(*value)),
        (Type::Float(low, high), Scalar::Float(value)) => Err(out_of_range(path, &low, &high, value)),
        (Type::Bool, Scalar::Bool(value)) => Ok(ValueKind::Boolean(*value)),
        (Type::Text, Scalar::Text(value)) => text(path, value),
        (Type::Word(words), Scalar::Text(value)) if words.contains(value) => Ok(ValueKind::String((*value).to_owned())),
        (Type::Word(words), Scalar::Text(value)) => Err(no_such_word(path, value, words)),
        (ty, found) => {
            let complaint = Complaint::new(problem::WRONG_TYPE, format!("`{path}` must be {}, not {}", expected(ty), found.describe()));
            Err(match (ty, found) {
                (Type::Text | Type::Word(_), _) => complaint.hint("put the value in quotes"),
                (_, Scalar::Text(_)) => complaint.hint("write the value without quotes"),
                _ => complaint,
            })
        }
    }
}

fn text(path: &str, value: &str) -> Result<ValueKind, Complaint> {
    if value.starts_with(PLACEHOLDER) {
        return Err(Complaint::new(problem::PLACEHOLDER, format!("`{path}` still has the placeholder of the sample configuration"))
            .hint("every site decides this itself; write its own value here"));
    }
    if value.trim().is_empty() || value.len() > TEXT_BYTES_MAX || value.chars().any(char::is_control) {
        let rule = format!("`{path}` must be 1 to {TEXT_BYTES_MAX} bytes of text without control characters");
        return Err(Complaint::new(problem::OUT_OF_RANGE, rule).hint("leave the setting out to get its default"));
    }
    Ok(ValueKind::String(value.to_owned()))
}

fn no_such_word(path: &str, value: &str, words: &[&str]) -> Complaint {
    let complaint = Complaint::new(problem::NOT_A_CHOICE, format!("`{path}` must be one of: {}", words.join(", ")));
    match keys::nearest(value, words.iter().copied()) {
        Some(near) => complaint.hint(format!("did you mean \"{near}\"?")),
        None => complaint,
    }
}

fn out_of_range(path: &str, low: &dyn std::fmt::Display, high: &dyn std::fmt::Display, value: &dyn std::fmt::Display) -> Complaint {
    Complaint::new(problem::OUT_OF_RANGE, format!("`{path}` must be between {low} and {high}, not {value}"))
}

fn wrong_type(path: &str, expected: &str, found: &DeValue<'_>) -> Complaint {
    let found = match found {
        DeValue::Table(_) => "a table",
        DeValue::Array(_) => "a list",
        DeValue::Datetime(_) => "a date",
        DeValue::Integer(_) => "a number that is too large",
        found => scalar(found).map_or("a number that is too large", |scalar| scalar.describe()),
    };
    Complaint::new(problem::WRONG_TYPE, format!("`{path}` must be {expected}, not {found}"))
}

fn scalar<'v>(value: &'v DeValue<'_>) -> Option<Scalar<'v>> {
    match value {
        DeValue::String(text) => Some(Scalar::Text(Cow::as_ref(text))),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Scalar::Int),
        DeValue::Float(number) => number.as_str().parse().ok().filter(|number: &f64| number.is_finite()).map(Scalar::Float),
        DeValue::Boolean(value) => Some(Scalar::Bool(*value)),
        _ => None,
    }
}

impl Scalar<'_> {
    fn describe(&self) -> &'static str {
        match self {
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number with a fraction",
            Self::Bool(_) => "true or false",
            Self::Text(_) => "text",
        }
    }
}

/// Words for what a type takes.
pub(crate) fn expected(ty: Type) -> &'static str {
    match ty {
        Type::Int(..) => "a whole number",
        Type::Float(..) => "a number",
        Type::Bool => "true or false",
        Type::Text => "text",
        Type::Word(_) => "a word",
    }
}

/// Defaults for every table that is there, and a complaint about every required setting that is not.
pub(crate) fn defaults(report: &mut Report, merged: &Map<String, Value>, keys: &[Key], path: &str) -> Layer {
    let mut layer = Map::new();
    for key in keys {
        let path = join(path, key.name);
        let below = merged.get(key.name).and_then(as_table);
        let kind: Option<ValueKind> = match (key.node, key.default, below) {
            (Node::Table(keys), IfAbsent::Table, None) => Some(defaults(report, &Map::new(), keys, &path).0.into()),
            (Node::Table(keys), _, Some(table)) => Some(defaults(report, table, keys, &path).0.into()),
            (Node::Named(_), _, None) => Some(Map::<String, Value>::new().into()),
            (Node::Named(keys), _, Some(tables)) => {
                let named = tables.iter().filter_map(|(name, value)| Some((name, as_table(value)?)));
                Some(
                    named
                        .map(|(name, table)| (name.clone(), table_value(defaults(report, table, keys, &join(&path, name)))))
                        .collect::<Map<_, _>>()
                        .into(),
                )
            }
            (Node::Value(_), IfAbsent::Int(value), _) => Some(ValueKind::I64(value)),
            (Node::Value(_), IfAbsent::Bool(value), _) => Some(ValueKind::Boolean(value)),
            (Node::Value(_), IfAbsent::Text(value), _) => Some(ValueKind::String(value.to_owned())),
            (Node::Value(_), IfAbsent::Required, _) => {
                if !merged.contains_key(key.name) && !report.is_bad(&path) {
                    report.key(&path, Complaint::new(problem::MISSING, format!("`{path}` is missing")).hint(key.doc));
                }
                None
            }
            _ => None,
        };
        if let Some(kind) = kind {
            layer.insert(key.name.to_owned(), Value::new(None, kind));
        }
    }
    Layer(layer)
}

fn table_value(layer: Layer) -> Value {
    Value::new(None, layer.0)
}

fn as_table(value: &Value) -> Option<&Map<String, Value>> {
    match &value.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    }
}
