//! Reads single settings: right type, right range, or an error that says what to write.

use std::{collections::BTreeMap, fmt::Write as _, net::IpAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use config::ValueKind;
use ipnet::IpNet;

use super::{error::SettingError, layers::Layers};
use crate::domain::{pasted::pasted, secret::Secret, web_url};

/// What a secret is replaced with where settings are shown.
pub(super) const SHOWN_SECRET: &str = "(set)";

/// Hands out settings one by one, gathers every error, and keeps what may be shown of each.
pub(super) struct Reader {
    layers: Layers,
    pub(super) errors: Vec<SettingError>,
    shown: BTreeMap<String, toml::Value>,
}

impl Reader {
    pub(super) fn new(layers: Layers, errors: Vec<SettingError>) -> Self {
        Self { layers, errors, shown: BTreeMap::new() }
    }

    /// Notes a mistake: what is wrong and what to do.
    pub(super) fn error(&mut self, key: &str, problem: impl Into<String>) {
        let source = self.layers.source(key);
        self.errors.push(SettingError { setting: key.to_owned(), source, problem: problem.into() });
    }

    /// Whether the operator gave the setting, so that it is more than the default.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.layers.is_given(key)
    }

    /// Shows this instead of what the layers say.
    pub(super) fn show(&mut self, key: &str, value: impl Into<toml::Value>) {
        self.shown.insert(key.to_owned(), value.into());
    }

    /// A text; empty when not set.
    pub(super) fn text(&mut self, key: &str) -> String {
        let text = self.unshown_text(key);
        self.show(key, text.clone());
        text
    }

    /// A text that may be absent.
    pub(super) fn optional(&mut self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    /// A path that may be absent.
    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.optional(key).map(PathBuf::from)
    }

    /// Reports a URL that libraries write in another way than `text` does.
    pub(super) fn check_spelling(&mut self, key: &str, text: &str) {
        if let Some(usual) = web_url::rewritten(text) {
            self.error(key, format!("must be written as \"{usual}\": that is what it means"));
        }
    }

    /// A secret that may be absent. One that comes from a variable is taken without the white space around it.
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        let text = self.unshown_text(key);
        let text = if self.layers.is_from_variable(key) { pasted(&text).to_owned() } else { text };
        self.show(key, if text.is_empty() { "" } else { SHOWN_SECRET });
        Some(text).filter(|text| !text.is_empty()).map(Secret::new)
    }

    /// The content of a file that holds a secret, without the spaces and line breaks around it.
    pub(super) fn secret_file(&mut self, key: &str) -> Option<Secret> {
        let path = self.path(key)?;
        match std::fs::read_to_string(&path) {
            Ok(text) if pasted(&text).is_empty() => {
                self.error(key, format!("the file {} is empty", path.display()));
                None
            }
            Ok(text) => Some(Secret::new(pasted(&text))),
            Err(error) => {
                self.error(key, format!("the file {} cannot be read: {error}", path.display()));
                None
            }
        }
    }

    /// A whole number within `range`. After an error: the lower end.
    pub(super) fn integer(&mut self, key: &str, range: RangeInclusive<i64>) -> i64 {
        let number = match self.layers.get(key) {
            ValueKind::I64(number) => Some(number),
            ValueKind::String(text) if self.layers.is_from_variable(key) => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) if range.contains(&number) => {
                self.show(key, number);
                number
            }
            _ => {
                self.error(key, format!("must be a whole number from {} to {}", range.start(), range.end()));
                *range.start()
            }
        }
    }

    /// A number that counts things.
    pub(super) fn count(&mut self, key: &str, range: RangeInclusive<i64>) -> usize {
        usize::try_from(self.integer(key, range)).unwrap_or_default()
    }

    /// A number of seconds.
    pub(super) fn seconds(&mut self, key: &str, range: RangeInclusive<i64>) -> Duration {
        Duration::from_secs(self.integer(key, range).unsigned_abs())
    }

    /// A number of milliseconds.
    pub(super) fn milliseconds(&mut self, key: &str, range: RangeInclusive<i64>) -> Duration {
        Duration::from_millis(self.integer(key, range).unsigned_abs())
    }

    /// `true` or `false`, and nothing that merely looks like it.
    pub(super) fn boolean(&mut self, key: &str) -> bool {
        let boolean = match self.layers.get(key) {
            ValueKind::Boolean(boolean) => Some(boolean),
            ValueKind::String(text) if self.layers.is_from_variable(key) => text.trim().parse().ok(),
            _ => None,
        };
        if boolean.is_none() {
            self.error(key, "must be true or false");
        }
        let boolean = boolean.unwrap_or_default();
        self.show(key, boolean);
        boolean
    }

    /// One of a few words. After an error: the fallback.
    pub(super) fn choice<T: Copy, const N: usize>(&mut self, key: &str, options: [(&str, T); N], fallback: T) -> T {
        let given = self.text(key);
        if let Some((_, value)) = options.iter().find(|(name, _)| *name == given) {
            return *value;
        }
        let names: Vec<String> = options.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        self.error(key, format!("must be one of {}", names.join(", ")));
        fallback
    }

    /// A list of texts; a variable separates them with commas.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        let items = match self.layers.get(key) {
            ValueKind::String(text) if self.layers.is_from_variable(key) => {
                Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            ValueKind::Array(values) => values
                .into_iter()
                .map(|value| match value.kind {
                    ValueKind::String(text) => Some(text),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>(),
            _ => None,
        };
        if items.is_none() {
            self.error(key, "must be a list of texts, such as [\"a\", \"b\"]");
        }
        let items = items.unwrap_or_default();
        self.show(key, items.clone());
        items
    }

    /// A list of networks; a single address is a network too.
    pub(super) fn networks(&mut self, key: &str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in self.list(key) {
            match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => networks.push(network),
                Err(_) => self.error(key, format!("{text:?} is not a network; write one as 10.0.0.0/8 or fd00::/8")),
            }
        }
        networks
    }

    /// What may be shown of all settings, as TOML.
    pub(super) fn shown(&self) -> String {
        let mut section = "";
        let mut text = String::new();
        let mut keys: Vec<(&str, &str, &toml::Value)> = self
            .shown
            .iter()
            .map(|(key, value)| key.rsplit_once('.').map_or(("", key.as_str(), value), |(s, name)| (s, name, value)))
            .collect();
        keys.sort_by_key(|(section, name, _)| (*section, *name));
        for (own_section, name, value) in keys {
            if own_section != section {
                let gap = if text.is_empty() { "" } else { "\n" };
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{gap}[{own_section}]");
                section = own_section;
            }
            let _ = writeln!(text, "{name} = {value}");
        }
        text
    }

    fn unshown_text(&mut self, key: &str) -> String {
        match self.layers.get(key) {
            ValueKind::String(text) => text,
            _ => {
                self.error(key, "must be a text: put it in quotation marks");
                String::new()
            }
        }
    }
}
