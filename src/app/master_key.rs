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
    settings::{Keys, MasterKeySource},
};

/// The master key: as given, or kept beside the embedded database, where it is made at the first use; and the one before it, if
/// the settings have one.
///
/// # Errors
/// Its file cannot be read or made.
pub fn master_key(keys: &Keys, random: &dyn Random) -> Result<MasterKey, StartError> {
    let current = current(keys, random)?;
    Ok(match &keys.previous_master_key {
        Some(previous) => current.with_previous(previous.clone()),
        None => current,
    })
}

fn current(keys: &Keys, random: &dyn Random) -> Result<MasterKey, StartError> {
    match &keys.master_key {
        MasterKeySource::Given(key) => Ok(key.clone()),
        MasterKeySource::KeptAt(path) => {
            let failed = |cause: String| StartError::MasterKey { file: path.display().to_string(), cause };
            match fs::metadata(path) {
                Ok(_) => read_master_key(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let key = MasterKey::generate(random).map_err(|error: JoseError| failed(error.to_string()))?;
                    match keep(path, &key) {
                        Ok(()) => Ok(key),
                        // Another process was faster; its key is the one.
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read_master_key(path),
                        Err(error) => Err(failed(error.to_string())),
                    }
                }
                Err(error) => Err(failed(error.to_string())),
            }
        }
    }
}

fn read_master_key(path: &Path) -> Result<MasterKey, StartError> {
    let failed = |cause: String| StartError::MasterKey { file: path.display().to_string(), cause };
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    MasterKey::from_base64(&text).map_err(|error| failed(error.to_string()))
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
