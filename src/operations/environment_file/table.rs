//! Reads the values of one table: right type, right form, or a mistake at its place.

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{
    findings::{Findings, hint},
    json::{json_of, remember_all},
};
use crate::oauth::scope::Scope;

/// The longest name of anything, in bytes: what an index of both databases and a log line bear well.
pub(super) const MAX_NAME: usize = 255;

/// A table of the file and its path. [`Table::finish`] refuses the keys that nobody asked for.
pub(super) struct Table<'a, 'd> {
    path: String,
    entries: &'a DeTable<'d>,
    known: Vec<&'static str>,
}

impl<'a, 'd> Table<'a, 'd> {
    pub(super) fn new(path: impl Into<String>, entries: &'a DeTable<'d>) -> Self {
        Self { path: path.into(), entries, known: Vec::new() }
    }

    /// The path of a value in this table.
    pub(super) fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// The path of the table itself.
    pub(super) fn own_path(&self) -> &str {
        &self.path
    }

    /// Refuses every key that was not read: a mistyped one would otherwise silently do nothing.
    pub(super) fn finish(self, findings: &mut Findings<'_>) {
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let path = self.path(name);
                findings.remember(&path, key.span().start);
                let hint = hint(name, self.known.iter().copied());
                findings.error(&path, format_args!("there is no such key{hint}"));
            }
        }
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Reports an absent value as a mistake of the block; the empty text then stands in for it.
    pub(super) fn required(&self, key: &str, value: Option<String>, findings: &mut Findings<'_>) -> String {
        if !self.has(key) {
            findings.error(&self.path(key), "is missing; add it to this block");
        }
        value.unwrap_or_default()
    }

    pub(super) fn text(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<String> {
        let value = self.value(key, findings)?;
        text_of(value, &self.path(key), findings)
    }

    /// A name for people: not empty, bounded, without control characters (they could forge log lines).
    pub(super) fn name(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<String> {
        let name = self.text(key, findings)?;
        if name.trim().is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            findings.error(
                &self.path(key),
                format_args!("must be 1 to {MAX_NAME} bytes long, without line breaks or other control characters"),
            );
        }
        Some(name)
    }

    /// A name on the wire (client id, audience): visible ASCII, as RFC 6749 App. A.1 has it, without spaces.
    pub(super) fn identifier(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<String> {
        let name = self.text(key, findings)?;
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            findings.error(
                &self.path(key),
                format_args!("must be 1 to {MAX_NAME} visible ASCII characters without spaces"),
            );
        }
        Some(name)
    }

    pub(super) fn uuid(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<String> {
        let text = self.text(key, findings)?;
        // Ids are compared byte by byte in URLs and tokens, so only one spelling of each is accepted.
        match uuid::Uuid::parse_str(&text) {
            Ok(id) if id.to_string() == text => {}
            Ok(id) => findings.error(&self.path(key), format_args!("write the UUID in its usual form: \"{id}\"")),
            Err(_) => findings.error(
                &self.path(key),
                "must be a UUID, such as \"6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b\"; leave it out to have one made",
            ),
        }
        Some(text)
    }

    /// `true` when absent.
    pub(super) fn enabled(&mut self, findings: &mut Findings<'_>) -> bool {
        self.flag("enabled", findings).unwrap_or(true)
    }

    pub(super) fn flag(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<bool> {
        match self.value(key, findings)? {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                findings.error(&self.path(key), format_args!("must be true or false, not {}", kind(other)));
                None
            }
        }
    }

    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        findings: &mut Findings<'_>,
    ) -> Option<i64> {
        let number = match self.value(key, findings)? {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (from, to) = range.into_inner();
            findings.error(&self.path(key), format_args!("must be a whole number from {from} to {to}"));
        }
        number
    }

    /// One of the words of an enum, by its serde names.
    pub(super) fn choice<T: Serialize + Copy>(
        &mut self,
        key: &'static str,
        options: &[T],
        findings: &mut Findings<'_>,
    ) -> Option<T> {
        let text = self.text(key, findings)?;
        choose(&text, options, &self.path(key), findings)
    }

    /// A list of words of an enum, by its serde names, each once.
    pub(super) fn choices<T: Serialize + Copy>(
        &mut self,
        key: &'static str,
        options: &[T],
        findings: &mut Findings<'_>,
    ) -> Vec<T> {
        let path = self.path(key);
        let texts = self.texts(key, findings);
        texts.iter().filter_map(|text| choose(text, options, &item_path(&path, text), findings)).collect()
    }

    /// A list of texts, each once; empty when absent.
    pub(super) fn texts(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Vec<String> {
        let path = self.path(key);
        self.value(key, findings).map(|value| texts_of(value, &path, findings)).unwrap_or_default()
    }

    pub(super) fn scope(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<Scope> {
        if !self.has(key) {
            self.known.push(key);
            return None;
        }
        let path = self.path(key);
        let mut tokens = self.texts(key, findings);
        tokens.retain(|token| match Scope::from_tokens([token]) {
            Ok(_) => true,
            Err(error) => {
                findings.error(&item_path(&path, token), format_args!("{error}; write one scope per item"));
                false
            }
        });
        Scope::from_tokens(tokens).ok()
    }

    pub(super) fn table(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<Table<'a, 'd>> {
        let path = self.path(key);
        match self.value(key, findings)? {
            DeValue::Table(entries) => Some(Table::new(path, entries)),
            other => {
                findings.error(&path, format_args!("must be a table, not {}", kind(other)));
                None
            }
        }
    }

    /// A table as JSON, to be held against rules that are not the file's own.
    pub(super) fn json(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<Value> {
        let path = self.path(key);
        let value = self.value(key, findings)?;
        remember_all(value, &path, findings);
        json_of(value, &path, findings)
    }

    /// A list of tables: `[[key]]`, or `key = [{ … }]`; empty when absent.
    pub(super) fn tables(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Vec<Table<'a, 'd>> {
        let path = self.path(key);
        let items = match self.value(key, findings) {
            None => return Vec::new(),
            Some(DeValue::Array(items)) => items,
            Some(other) => {
                let what = kind(other);
                findings
                    .error(&path, format_args!("must be a list of tables, not {what}; a block begins with [[{path}]]"));
                return Vec::new();
            }
        };
        let mut tables = Vec::new();
        for (item, value) in items.iter().enumerate() {
            let path = format!("{path}[{item}]");
            findings.remember(&path, value.span().start);
            let DeValue::Table(entries) = value.get_ref() else {
                // Without any block, so that positions in the result and in the file stay the same.
                findings.error(&path, format_args!("must be a table, not {}", kind(value.get_ref())));
                return Vec::new();
            };
            tables.push(Table::new(path, entries));
        }
        tables
    }

    /// All entries, with names of the file's own choosing.
    pub(super) fn entries(&self, findings: &mut Findings<'_>) -> Vec<(String, String, &'a DeValue<'d>)> {
        let mut entries = Vec::new();
        for (key, value) in self.entries {
            let path = join(&self.path, key.get_ref());
            findings.remember(&path, key.span().start);
            entries.push((key.get_ref().to_string(), path, value.get_ref()));
        }
        entries
    }

    fn value(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<&'a DeValue<'d>> {
        self.known.push(key);
        let value = self.entries.get(key)?;
        findings.remember(&self.path(key), value.span().start);
        Some(value.get_ref())
    }
}

pub(super) fn text_of(value: &DeValue<'_>, path: &str, findings: &mut Findings<'_>) -> Option<String> {
    if let DeValue::String(text) = value {
        return Some(text.to_string());
    }
    findings.error(path, format_args!("must be a text in quotation marks, not {}", kind(value)));
    None
}

pub(super) fn texts_of(value: &DeValue<'_>, path: &str, findings: &mut Findings<'_>) -> Vec<String> {
    let DeValue::Array(items) = value else {
        findings.error(path, format_args!("must be a list of texts such as [\"a\", \"b\"], not {}", kind(value)));
        return Vec::new();
    };
    let mut texts: Vec<String> = Vec::new();
    for value in items {
        let DeValue::String(text) = value.get_ref() else {
            findings.error_at(
                value.span().start,
                format!("an item must be a text in quotation marks, not {}", kind(value.get_ref())),
            );
            continue;
        };
        let path = item_path(path, text);
        findings.remember(&path, value.span().start);
        if texts.iter().any(|known| known == text) {
            findings.error(&path, format_args!("{text:?} is listed twice; remove one"));
        } else {
            texts.push(text.to_string());
        }
    }
    texts
}

/// The path of an item in a list of texts. It holds the text, so that a list can be filtered without losing its places.
pub(super) fn item_path(list: &str, text: &str) -> String {
    format!("{list}[{text}]")
}

fn choose<T: Serialize + Copy>(text: &str, options: &[T], path: &str, findings: &mut Findings<'_>) -> Option<T> {
    let name = |option: &T| serde_json::to_value(option).ok().and_then(|name| name.as_str().map(str::to_owned));
    let chosen = options.iter().find(|option| name(option).as_deref() == Some(text));
    if chosen.is_none() {
        let names: Vec<String> = options.iter().filter_map(name).map(|name| format!("\"{name}\"")).collect();
        findings.error(path, format_args!("must be one of {}", names.join(", ")));
    }
    chosen.copied()
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
