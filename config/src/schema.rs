//! JSON Schema of the configuration, for completion and checks in an editor (`#:schema` in Even Better TOML).
//!
//! Made from the table of keys, so it cannot know more or less than the gateway does.

use crate::keys::{self, IfAbsent, Key, Node, Type};
use serde_json::{Map, Value, json};

/// The schema as text, indented, with a line feed at its end.
#[must_use]
pub fn json_schema() -> String {
    let mut schema = table(keys::ROOT);
    if let Value::Object(object) = &mut schema {
        object.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
        object.insert("title".into(), json!("facility-gateway configuration"));
        object.insert("definitions".into(), json!({ "rules": object_of(keys::RULES) }));
    }
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Nothing is required here: a fragment in `conf.d` need not repeat what another file has.
fn table(keys: &[Key]) -> Value {
    // The alarm rules stand in seven places: written out once. A reference may have no word beside it, hence the list.
    if keys.iter().map(|key| key.name).eq(keys::RULES.iter().map(|key| key.name)) {
        return json!({ "allOf": [{ "$ref": "#/definitions/rules" }] });
    }
    object_of(keys)
}

fn object_of(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn property(key: &Key) -> Value {
    let mut property = match key.node {
        Node::Value(ty) => value(ty),
        Node::Table(keys) => table(keys),
        Node::Named(keys) => json!({ "type": "object", "additionalProperties": table(keys) }),
    };
    if let Value::Object(object) = &mut property {
        let doc = match key.default {
            IfAbsent::Derived(words) => format!("{} Default: {words}.", key.doc),
            IfAbsent::Required => format!("{} Required.", key.doc),
            _ => key.doc.to_owned(),
        };
        object.insert("description".into(), json!(doc));
        match key.default {
            IfAbsent::Int(value) => object.insert("default".into(), json!(value)),
            IfAbsent::Bool(value) => object.insert("default".into(), json!(value)),
            IfAbsent::Text(value) => object.insert("default".into(), json!(value)),
            _ => None,
        };
    }
    property
}

fn value(ty: Type) -> Value {
    match ty {
        Type::Int(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Type::Float(low, high) => json!({ "type": "number", "minimum": low, "maximum": high }),
        Type::Bool => json!({ "type": "boolean" }),
        Type::Text => json!({ "type": "string", "minLength": 1 }),
        Type::Word(words) => json!({ "enum": words }),
    }
}
