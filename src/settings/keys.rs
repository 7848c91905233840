//! `[keys]`: how private keys are protected and public ones published.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Database, reader::Reader};
use crate::jose::master_key::MasterKey;

/// The file that a master key made here is kept in, beside the database file.
const MADE_KEY_FILE: &str = "master.key";

/// How private keys are protected and public ones published.
#[derive(Clone)]
pub struct Keys {
    /// Where the key that encrypts the private keys comes from.
    pub master_key: MasterKeySource,
    /// How long others may keep the public keys.
    pub jwks_max_age: Duration,
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
        Self { master_key, jwks_max_age: reader.seconds("keys.jwks_max_age", 0..=86_400) }
    }
}

fn read_master_key(reader: &mut Reader, database: &Database) -> MasterKeySource {
    let (value, file) = ("keys.master_key", "keys.master_key_file");
    let given = reader.secret(value);
    let file_is_set = reader.path(file).is_some();
    let from_file = reader.secret_file(file);
    if given.is_some() && file_is_set {
        reader.error(file, "is set together with keys.master_key; keep one of them");
    }
    let key = if given.is_some() { value } else { file };
    if let Some(text) = given.or(from_file) {
        match MasterKey::from_base64(text.reveal()) {
            Ok(master_key) => return MasterKeySource::Given(master_key),
            Err(_) => reader.error(key, "must be 32 bytes in base64; make one with `openssl rand -base64 32`"),
        }
    } else if !file_is_set && database.sqlite_file().is_none() {
        reader.error(
            value,
            "must be set (or keys.master_key_file) with this database; make one with `openssl rand -base64 32` and give \
             all nodes the same",
        );
    }
    MasterKeySource::KeptAt(Path::new(database.sqlite_file().unwrap_or_default()).with_file_name(MADE_KEY_FILE))
}
