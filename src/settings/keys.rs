//! `[keys]`: how private keys are protected and public ones published.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Database, reader::Reader};
use crate::{domain::signing_key::NODE_DELAY, jose::master_key::MasterKey};

/// The file that a master key made here is kept in, beside the database file.
const MADE_KEY_FILE: &str = "master.key";

/// How private keys are protected and public ones published.
#[derive(Clone)]
pub struct Keys {
    /// Where the key that encrypts the private keys comes from.
    pub master_key: MasterKeySource,
    /// The one before it, under which the database may still be sealed.
    pub previous_master_key: Option<MasterKey>,
    /// How long others may keep the public keys.
    pub jwks_max_age: Duration,
    /// How old a signing key gets before the next one is made; `None`: nothing rotates by itself. Not shorter than a rotation
    /// takes.
    pub rotation_interval: Option<Duration>,
    /// How long before a client secret expires its use is warned of; `None`: never.
    pub secret_expiry_warning: Option<Duration>,
}

/// Where the master key comes from.
#[derive(Clone)]
pub enum MasterKeySource {
    /// It was given, as a value or in a file.
    Given(MasterKey),
    /// It is in this file, and is made there (mode 0600) at the first start: only for the embedded database, whose file
    /// stands beside it.
    KeptAt(PathBuf),
}

impl Keys {
    pub(super) fn read(reader: &mut Reader, database: &Database) -> Self {
        let master_key = read_master_key(reader, database);
        let previous_master_key = read_previous(reader, &master_key);
        let jwks_max_age = reader.seconds("keys.jwks_max_age", 0..=86_400);
        let rotation_interval = read_interval(reader, jwks_max_age);
        let warning = reader.seconds("keys.secret_expiry_warning", 0..=31_536_000);
        let secret_expiry_warning = Some(warning).filter(|warning| !warning.is_zero());
        Self { master_key, previous_master_key, jwks_max_age, rotation_interval, secret_expiry_warning }
    }
}

/// A rotation takes as long as a new key is published before it signs, and the next one begins no sooner than it ends: a shorter
/// interval is shown as what it comes to.
fn read_interval(reader: &mut Reader, jwks_max_age: Duration) -> Option<Duration> {
    let setting = "keys.rotation_interval";
    let interval = reader.seconds(setting, 0..=315_360_000);
    if interval.is_zero() {
        return None;
    }
    let in_effect = interval.max(jwks_max_age + Duration::from_secs(NODE_DELAY.unsigned_abs()));
    reader.show(setting, i64::try_from(in_effect.as_secs()).unwrap_or(i64::MAX));
    Some(in_effect)
}

/// A key that is given as a value or in a file, and the setting that gives it; whether either is set at all, if it is no key.
fn read_given(reader: &mut Reader, value: &str, file: &str) -> Result<(MasterKey, String), bool> {
    let given = reader.secret(value);
    let file_is_set = reader.path(file).is_some();
    let from_file = reader.secret_file(file);
    if given.is_some() && file_is_set {
        reader.error(file, format!("is set together with {value}; keep one of them"));
    }
    let setting = if given.is_some() { value } else { file };
    let Some(text) = given.or(from_file) else { return Err(file_is_set) };
    let key = MasterKey::from_base64(text.reveal()).map_err(|_| {
        reader.error(setting, "must be 32 bytes in base64; make one with `openssl rand -base64 32`");
        true
    })?;
    Ok((key, setting.to_owned()))
}

fn read_master_key(reader: &mut Reader, database: &Database) -> MasterKeySource {
    match read_given(reader, "keys.master_key", "keys.master_key_file") {
        Ok((master_key, _)) => return MasterKeySource::Given(master_key),
        Err(false) if database.sqlite_file().is_none() => reader.error(
            "keys.master_key",
            "must be set (or keys.master_key_file) with this database; make one with `openssl rand -base64 32` and give \
             all nodes the same",
        ),
        Err(_) => {}
    }
    MasterKeySource::KeptAt(Path::new(database.sqlite_file().unwrap_or_default()).with_file_name(MADE_KEY_FILE))
}

fn read_previous(reader: &mut Reader, master_key: &MasterKeySource) -> Option<MasterKey> {
    let given = read_given(reader, "keys.previous_master_key", "keys.previous_master_key_file");
    let (previous, setting) = given.ok()?;
    if matches!(master_key, MasterKeySource::Given(current) if current.is_same(&previous)) {
        reader.error(&setting, "is the same key as keys.master_key, which is to be the new one");
    }
    Some(previous)
}
