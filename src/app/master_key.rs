//! Where the master key comes from.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use super::StartError;
use crate::{
    domain::random::Random,
    jose::{error::JoseError, master_key::MasterKey},
    operations::keys::anything_sealed,
    settings::{Keys, MasterKeySource},
    store::Store,
};

/// Makes sure that no master key is made beside a database that was sealed with another one: it would open nothing, and with it in
/// place the one that is needed would look wrong when it is brought back.
///
/// # Errors
/// The key is kept in a file that is not there, and the database holds what was sealed; or the database fails.
pub fn check_master_key(keys: &Keys, store: &Store) -> Result<(), StartError> {
    match &keys.master_key {
        MasterKeySource::KeptAt(path) if is_missing(path) && store.read(anything_sealed)? => {
            let cause = "the file is missing, and the database was sealed with the key that it held; bring it back from the \
                         backup, or give the key as keys.master_key";
            Err(failed(path, cause))
        }
        _ => Ok(()),
    }
}

/// The master key: as given, or kept beside the embedded database, where it is made at the first use; and the one before it, if
/// the settings have one.
///
/// # Errors
/// Its file cannot be read or made.
pub fn master_key(keys: &Keys, random: &dyn Random) -> Result<MasterKey, StartError> {
    with_previous(keys, |path| {
        let key = generate(path, random)?;
        match keep(path, &key) {
            Ok(()) => Ok(key),
            // Another process was faster; its key is the one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_master_key(path),
            Err(error) => Err(failed(path, error)),
        }
    })
}

/// The same for what only looks: where there is none yet, one that is kept nowhere. Nothing may be stored that is sealed under it.
///
/// # Errors
/// Its file cannot be read.
pub fn passing_master_key(keys: &Keys, random: &dyn Random) -> Result<MasterKey, StartError> {
    with_previous(keys, |path| generate(path, random))
}

fn with_previous(
    keys: &Keys,
    make: impl FnOnce(&Path) -> Result<MasterKey, StartError>,
) -> Result<MasterKey, StartError> {
    let current = match &keys.master_key {
        MasterKeySource::Given(key) => key.clone(),
        MasterKeySource::KeptAt(path) if is_missing(path) => make(path)?,
        MasterKeySource::KeptAt(path) => read_master_key(path)?,
    };
    Ok(match &keys.previous_master_key {
        Some(previous) => current.with_previous(previous.clone()),
        None => current,
    })
}

fn is_missing(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn generate(path: &Path, random: &dyn Random) -> Result<MasterKey, StartError> {
    MasterKey::generate(random).map_err(|error: JoseError| failed(path, error))
}

fn failed(path: &Path, cause: impl ToString) -> StartError {
    StartError::MasterKey { file: path.display().to_string(), cause: cause.to_string() }
}

fn read_master_key(path: &Path) -> Result<MasterKey, StartError> {
    let text = fs::read_to_string(path).map_err(|error| failed(path, error))?;
    MasterKey::from_base64(&text).map_err(|error| failed(path, error))
}

/// Writes a new master key where only its owner can read it; never over one that is there.
fn keep(path: &Path, key: &MasterKey) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{}", key.to_base64().reveal())?;
    file.sync_all()
}
