//! Holds what somebody wrote against the schema of the types, to say all that is wrong at once and where. (Deserializing would stop at
//! the first mistake.) It knows the keywords that the types here make use of.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

use super::{Mistake, mistake};
use crate::domain::suggestion::nearest;

/// Every mistake in `value` that the schema of `T` shows.
pub(super) fn check<T: JsonSchema>(value: &Value) -> Vec<Mistake> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut found = Vec::new();
    look(schema.as_value(), value, "", &mut found);
    found
}

fn look(schema: &Value, value: &Value, path: &str, found: &mut Vec<Mistake>) {
    if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
        // What may be left out: its own schema, or `null`.
        if !value.is_null() {
            options.iter().filter(|option| !is_of(option, "null")).for_each(|option| look(option, value, path, found));
        }
        return;
    }
    if value.is_null() && is_of(schema, "null") {
        return;
    }
    if let Some(words) = words(schema) {
        if !words.contains(value) {
            let words: Vec<String> = words.iter().map(Value::to_string).collect();
            found.push(mistake(path, format_args!("must be one of {}", words.join(", "))));
        }
        return;
    }
    match value {
        Value::Object(members) if is_of(schema, "object") => look_at_members(schema, members, path, found),
        Value::Array(items) if is_of(schema, "array") => look_at_items(schema, items, path, found),
        Value::String(text) if is_of(schema, "string") => look_at_text(schema, text, path, found),
        Value::Number(number) if is_of(schema, "integer") => {
            let (from, to) = (bound(schema, "minimum"), bound(schema, "maximum"));
            if !number.as_i64().is_some_and(|number| from <= number && number <= to) {
                found.push(mistake(path, format_args!("must be a whole number from {from} to {to}")));
            }
        }
        Value::Bool(_) if is_of(schema, "boolean") => {}
        _ => found.push(mistake(path, format_args!("must be {}", kind(schema)))),
    }
}

fn look_at_members(schema: &Value, members: &Map<String, Value>, path: &str, found: &mut Vec<Mistake>) {
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    // Older names are shown in the description only: they have been replaced by now.
    let is_older = |property: &Value| property.get("deprecated") == Some(&Value::Bool(true));
    for (name, property) in properties.iter().filter(|(_, property)| !is_older(property)) {
        match members.get(name) {
            Some(value) => look(property, value, &join(path, name), found),
            None if is_required(schema, name) => found.push(mistake(join(path, name), "is missing")),
            None => {}
        }
    }
    for name in members.keys().filter(|name| properties.get(*name).is_none_or(is_older)) {
        let known = properties.keys().filter(|name| !members.contains_key(*name)).map(String::as_str);
        let hint = nearest(name, known).map(|name| format!(" (the nearest one is \"{name}\")")).unwrap_or_default();
        found.push(mistake(join(path, name), format_args!("is not known{hint}")));
    }
}

fn look_at_items(schema: &Value, items: &[Value], path: &str, found: &mut Vec<Mistake>) {
    let most = length(schema, "maxItems").unwrap_or(usize::MAX);
    if items.len() > most {
        found.push(mistake(path, format_args!("may have {most} items at most")));
    }
    let Some(item) = schema.get("items") else { return };
    for (position, value) in items.iter().enumerate().take(most) {
        look(item, value, &format!("{path}[{position}]"), found);
    }
}

fn look_at_text(schema: &Value, text: &str, path: &str, found: &mut Vec<Mistake>) {
    let (from, to) = (length(schema, "minLength").unwrap_or(0), length(schema, "maxLength").unwrap_or(usize::MAX));
    if !(from..=to).contains(&text.chars().count()) {
        found.push(mistake(path, format_args!("must have {from} to {to} characters")));
    }
}

/// Whether the schema lets values of that type through.
fn is_of(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(names)) => names.iter().any(|known| known == name),
        Some(known) => known == name,
        None => false,
    }
}

/// The values that there are, where they are listed: with a text for each (`oneOf`) or without.
fn words(schema: &Value) -> Option<Vec<Value>> {
    let listed = schema.get("enum").and_then(Value::as_array).cloned();
    let described = || schema.get("oneOf")?.as_array()?.iter().map(|option| option.get("const").cloned()).collect();
    listed.or_else(described)
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|known| known == name))
}

fn bound(schema: &Value, name: &str) -> i64 {
    let absent = if name == "minimum" { i64::MIN } else { i64::MAX };
    schema.get(name).and_then(Value::as_i64).unwrap_or(absent)
}

fn length(schema: &Value, name: &str) -> Option<usize> {
    schema.get(name)?.as_u64()?.try_into().ok()
}

fn kind(schema: &Value) -> &'static str {
    match () {
        () if is_of(schema, "object") => "an object",
        () if is_of(schema, "array") => "a list",
        () if is_of(schema, "string") => "a text",
        () if is_of(schema, "integer") => "a whole number",
        () => "true or false",
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
