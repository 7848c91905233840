//! What most commands need: settings, log, time and randomness, an open database with a current schema.

use std::{path::Path, sync::Arc};

use super::exit::Failure;
use crate::{
    app::{self, Sources},
    domain::{clock::SystemClock, random::SystemRandom},
    jose::master_key::MasterKey,
    operations::keys::KeyMaker,
    settings::Settings,
    store::Store,
    telemetry,
};

/// Settings that were read, and a log that runs.
pub(super) fn settings(config: Option<&Path>) -> Result<Settings, Failure> {
    let settings = Settings::load(config, std::env::vars())?;
    telemetry::start(&settings.log);
    Ok(settings)
}

/// The machine's clock and generator.
pub(super) fn sources() -> Sources {
    Sources { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom) }
}

/// An opened database.
pub(super) struct Opened {
    pub settings: Settings,
    pub sources: Sources,
    pub store: Store,
}

impl Opened {
    /// Opens the database of the settings, and makes sure that its schema is current.
    pub(super) fn new(config: Option<&Path>) -> Result<Self, Failure> {
        Self::with(settings(config)?)
    }

    /// The same, with settings that were read already.
    pub(super) fn with(settings: Settings) -> Result<Self, Failure> {
        // Whoever starts with `tessera apply` need not know of migrations: an embedded database that is made here and now
        // has nothing that one could harm.
        let is_new = settings.database.sqlite_file().is_some_and(|file| !Path::new(file).exists());
        let store = app::open_store(&settings)?;
        if is_new {
            store.migrate()?;
        }
        app::migrated(&store, &settings)?;
        Ok(Self { settings, sources: sources(), store })
    }

    /// The key that seals private keys.
    pub(super) fn master_key(&self) -> Result<MasterKey, Failure> {
        Ok(app::master_key(&self.settings.keys, &*self.sources.random)?)
    }

    /// What makes signing keys.
    pub(super) fn key_maker<'a>(&'a self, master_key: &'a MasterKey) -> KeyMaker<'a> {
        app::key_maker(&self.settings, &self.sources, master_key)
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.sources.clock.now()
    }
}
