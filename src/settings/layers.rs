//! The three layers of settings: built-in defaults, the file, environment variables.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use config::{Config, File, FileFormat, Map, Source, Value, ValueKind};

use super::error::SettingError;
use crate::domain::suggestion::nearest;

/// The defaults, and at the same time the list of all settings.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");
/// Every variable that begins like this must name a setting.
const PREFIX: &str = "TESSERA__";
/// The variable that Rust programs take their log filter from.
const RUST_LOG: &str = "RUST_LOG";
const LOG_LEVEL: &str = "log.level";

/// All layers on top of each other, and which layer each setting comes from.
pub(super) struct Layers {
    merged: Config,
    /// Settings named by the file.
    in_file: BTreeSet<String>,
    file: String,
    /// Setting to the variable that gives it.
    variables: BTreeMap<String, String>,
}

impl Layers {
    /// Reads all layers. Mistakes go to `errors`; the layers are then what could be read.
    pub(super) fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        errors: &mut Vec<SettingError>,
    ) -> Self {
        let known = known_keys();
        let file_name = file.map(|path| path.display().to_string()).unwrap_or_default();
        let file_layer = file.map(|path| read_file(path, &file_name, &known, errors)).unwrap_or_default();
        let variables = read_variables(environment, &known, errors);

        let in_file = leaves(&file_layer).into_iter().collect();
        // Only keys that exist are handed on: a stray `server = 3` would otherwise replace the whole section.
        let values =
            variables.iter().map(|(key, (_, value))| (variable_name(key), value.clone())).collect::<Map<_, _>>();
        let merged = Config::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .add_source(KnownValues(file_layer))
            .add_source(config::Environment::with_prefix("TESSERA").separator("__").source(Some(values)))
            .build()
            .unwrap_or_else(|error| {
                errors.push(problem("settings", "all layers", error.to_string()));
                Config::default()
            });
        let variables = variables.into_iter().map(|(key, (variable, _))| (key, variable)).collect();
        Self { merged, in_file, file: file_name, variables }
    }

    /// The value of a setting after all layers.
    pub(super) fn get(&self, key: &str) -> ValueKind {
        self.merged.get::<Value>(key).map(|value| value.kind).unwrap_or(ValueKind::Nil)
    }

    /// Whether the value comes from a variable, where every value is a text.
    pub(super) fn is_from_variable(&self, key: &str) -> bool {
        self.variables.contains_key(key)
    }

    /// Whether the operator gave the setting, so that it is more than the default.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.is_from_variable(key) || self.in_file.contains(key)
    }

    /// The layer that a setting comes from, for people.
    pub(super) fn source(&self, key: &str) -> String {
        match self.variables.get(key) {
            Some(variable) => variable.clone(),
            None if self.in_file.contains(key) => self.file.clone(),
            None => "default".to_owned(),
        }
    }
}

/// A layer that has been read already.
#[derive(Debug, Clone)]
struct KnownValues(Map<String, Value>);

impl Source for KnownValues {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// Every setting there is: the keys of `config/default.toml`.
pub(super) fn known_keys() -> Vec<String> {
    let defaults = File::from_str(DEFAULTS, FileFormat::Toml).collect().unwrap_or_default();
    leaves(&defaults)
}

/// The variable that a setting can be given with.
pub(super) fn variable_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn read_file(path: &Path, name: &str, known: &[String], errors: &mut Vec<SettingError>) -> Map<String, Value> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            errors.push(problem(
                name,
                "--config",
                format!("cannot be read: {error}; check the path and its permissions"),
            ));
            return Map::new();
        }
    };
    let (_, mistakes) = toml::de::DeTable::parse_recoverable(&text);
    if !mistakes.is_empty() {
        // Only position and message: the usual form quotes the line, which may hold the master key.
        errors.extend(mistakes.iter().map(|mistake| {
            let before = mistake.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            problem(name, &format!("line {line}"), format!("is not valid TOML: {}", mistake.message()))
        }));
        return Map::new();
    }
    match File::from_str(&text, FileFormat::Toml).collect() {
        Ok(values) if values.contains_key("environment") => {
            let message = "is an environment file, not a settings file; give it to `tessera apply`";
            errors.push(problem(name, "--config", message.to_owned()));
            Map::new()
        }
        Ok(mut values) => {
            keep_known(&mut values, "", name, known, errors);
            values
        }
        Err(error) => {
            errors.push(problem(name, "--config", error.to_string()));
            Map::new()
        }
    }
}

/// Reports and removes everything that is not a setting.
fn keep_known(
    values: &mut Map<String, Value>,
    prefix: &str,
    file: &str,
    known: &[String],
    errors: &mut Vec<SettingError>,
) {
    values.retain(|name, value| {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        if known.contains(&key) {
            return true;
        }
        let is_section = known.iter().any(|other| other.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.')));
        match &mut value.kind {
            ValueKind::Table(inner) if is_section => keep_known(inner, &key, file, known, errors),
            _ if is_section => {
                errors.push(problem(
                    &key,
                    file,
                    format!("is a section, not a setting; write its settings below [{key}]"),
                ));
                return false;
            }
            _ => {
                let hint = hint(&key, known.iter().map(String::as_str));
                errors.push(problem(&key, file, format!("there is no such setting{hint}")));
                return false;
            }
        }
        true
    });
}

/// Setting to the name and value of its variable.
fn read_variables(
    environment: impl Iterator<Item = (String, String)>,
    known: &[String],
    errors: &mut Vec<SettingError>,
) -> BTreeMap<String, (String, String)> {
    let keys: BTreeMap<String, &String> = known.iter().map(|key| (variable_name(key), key)).collect();
    let mut variables = BTreeMap::new();
    let mut rust_log = None;
    for (name, value) in environment {
        if name == RUST_LOG {
            rust_log = Some((name, value)).filter(|(_, value)| !value.is_empty());
        } else if name.starts_with(PREFIX) {
            match keys.get(&name) {
                // Compose files and unit files pass on variables that nobody has set as empty ones.
                Some(_) if value.is_empty() => {}
                Some(key) => {
                    variables.insert((*key).clone(), (name, value));
                }
                None => {
                    let hint = hint(&name, keys.keys().map(String::as_str));
                    errors.push(problem(&name, "environment variable", format!("there is no such setting{hint}")));
                }
            }
        }
    }
    if let Some(rust_log) = rust_log {
        variables.entry(LOG_LEVEL.to_owned()).or_insert(rust_log);
    }
    variables
}

/// The known setting that was perhaps meant, to be put behind the message.
fn hint<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map(|name| format!("; the nearest one is {name}")).unwrap_or_default()
}

/// The dotted paths of all values that are not tables, in no particular order.
fn leaves(values: &Map<String, Value>) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in values {
        match &value.kind {
            ValueKind::Table(inner) => keys.extend(leaves(inner).into_iter().map(|key| format!("{name}.{key}"))),
            _ => keys.push(name.clone()),
        }
    }
    keys
}

fn problem(setting: &str, source: &str, problem: String) -> SettingError {
    SettingError { setting: setting.to_owned(), source: source.to_owned(), problem }
}
