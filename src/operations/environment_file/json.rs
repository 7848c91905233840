//! Values of the file as JSON.

use serde_json::{Map, Value};
use toml::de::DeValue;

use super::{findings::Findings, table::join};

/// Remembers where everything within a value stands.
pub(super) fn remember_all(value: &DeValue<'_>, path: &str, findings: &mut Findings<'_>) {
    match value {
        DeValue::Table(entries) => {
            for (key, value) in entries {
                let path = join(path, key.get_ref());
                findings.remember(&path, value.span().start);
                remember_all(value.get_ref(), &path, findings);
            }
        }
        DeValue::Array(items) => {
            for (position, value) in items.iter().enumerate() {
                let path = format!("{path}[{position}]");
                findings.remember(&path, value.span().start);
                remember_all(value.get_ref(), &path, findings);
            }
        }
        _ => {}
    }
}

/// A value as JSON, for claims.
pub(super) fn json_of(value: &DeValue<'_>, path: &str, findings: &mut Findings<'_>) -> Option<Value> {
    let json = match value {
        DeValue::Array(items) => return items.iter().map(|item| json_of(item.get_ref(), path, findings)).collect(),
        DeValue::Table(entries) => {
            let mut members = Map::new();
            for (key, value) in entries {
                members.insert(key.get_ref().to_string(), json_of(value.get_ref(), path, findings)?);
            }
            return Some(Value::Object(members));
        }
        DeValue::String(text) => Some(Value::from(text.as_ref())),
        DeValue::Boolean(boolean) => Some(Value::from(*boolean)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::from),
        DeValue::Float(number) => number.as_str().parse().ok().and_then(serde_json::Number::from_f64).map(Value::from),
        DeValue::Datetime(_) => None,
    };
    if json.is_none() {
        findings.error(path, "has a date or a number that JSON cannot hold; write it as a text");
    }
    json
}
