//! Secrets that a block gives: in the file, in a variable, in another file or as a hash. No message quotes one.

use super::{Sources, findings::Findings, table::Table};
use crate::domain::{
    pasted::pasted,
    secret::{MIN_GIVEN_LENGTH, Secret, SecretHash},
};

/// The texts of the keys that a secret can be given with, as they stand in the block.
pub(super) struct Given {
    /// The key of the secret itself; the others are called after it.
    pub(super) key: &'static str,
    /// The secret itself.
    pub(super) value: Option<String>,
    /// `…_env`: the name of a variable.
    pub(super) variable: Option<String>,
    /// `…_file`: the name of a file.
    pub(super) file: Option<String>,
    /// `…_sha256`: its hash.
    pub(super) sha256: Option<String>,
}

impl Given {
    /// The hash of the secret, wherever it comes from.
    pub(super) fn hash(
        self,
        table: &Table<'_, '_>,
        sources: &Sources<'_>,
        findings: &mut Findings<'_>,
    ) -> Option<SecretHash> {
        let (path, digits) = (table.path(&format!("{}_sha256", self.key)), self.sha256.clone());
        let secret = self.secret(table, sources, findings);
        let Some(digits) = digits else { return secret.map(|secret| secret.hash()) };
        let hash = SecretHash::from_hex(&digits);
        if hash.is_none() {
            findings.error(&path, "must be 64 hexadecimal digits: `printf %s SECRET | sha256sum`");
        }
        hash
    }

    /// The secret in clear text, for what must be able to use it.
    pub(super) fn secret(
        self,
        table: &Table<'_, '_>,
        sources: &Sources<'_>,
        findings: &mut Findings<'_>,
    ) -> Option<Secret> {
        let key = self.key;
        let (path, text) = self.text(table, sources, findings)?;
        check(key, &path, text, findings)
    }

    /// The same for a secret that others made: how good it is is their business.
    pub(super) fn secret_of_others(
        self,
        table: &Table<'_, '_>,
        sources: &Sources<'_>,
        findings: &mut Findings<'_>,
    ) -> Option<Secret> {
        let (path, text) = self.text(table, sources, findings)?;
        if text.is_empty() {
            findings.error(&path, "must not be empty");
        }
        Some(Secret::new(text))
    }

    /// The text, and the path of the key that gave it.
    fn text(
        self,
        table: &Table<'_, '_>,
        sources: &Sources<'_>,
        findings: &mut Findings<'_>,
    ) -> Option<(String, String)> {
        let key = self.key;
        let keys = [key.to_owned(), format!("{key}_env"), format!("{key}_file"), format!("{key}_sha256")];
        let given: Vec<&String> = keys.iter().filter(|key| table.has(key)).collect();
        if let [first, second, ..] = given.as_slice() {
            findings.error(&table.path(second), format_args!("is set together with {first}; keep one of them"));
            return None;
        }
        let path = table.path(given.first()?);
        let variable = self.variable.and_then(|name| from_variable(&path, &name, sources, findings));
        let file = self.file.and_then(|name| from_file(&path, &name, sources, findings));
        let text = self.value.or(variable).or(file)?;
        Some((path, text))
    }
}

fn from_variable(path: &str, name: &str, sources: &Sources<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let text = (sources.variable)(name).map(|text| pasted(&text).to_owned()).filter(|text| !text.is_empty());
    if text.is_none() {
        findings.error(path, format_args!("the environment variable {name} is not set; set it first"));
    }
    text
}

fn from_file(path: &str, name: &str, sources: &Sources<'_>, findings: &mut Findings<'_>) -> Option<String> {
    let file = sources.directory.join(name);
    match std::fs::read_to_string(&file) {
        // Editors and `echo` end a file with a line break that is not part of the secret, and some begin it with a mark.
        Ok(text) => Some(pasted(&text).to_owned()),
        Err(error) => {
            findings.error(path, format_args!("the file {} cannot be read: {error}", file.display()));
            None
        }
    }
}

/// Stored hashes are fast ones, which only suits secrets that nobody can guess; nor must a signature be guessable.
fn check(what: &str, path: &str, text: String, findings: &mut Findings<'_>) -> Option<Secret> {
    let length = text.chars().count();
    let secret = Secret::new(text);
    if length < MIN_GIVEN_LENGTH {
        findings.error(
            path,
            format_args!(
                "the {what} has {length} characters; use {MIN_GIVEN_LENGTH} or more random ones: `openssl rand -hex 32`"
            ),
        );
        return None;
    }
    if secret.is_mistyped() {
        findings.error(
            path,
            format_args!("the {what} begins with tsk_ but its checksum is wrong: it was mistyped or cut off"),
        );
        return None;
    }
    Some(secret)
}
