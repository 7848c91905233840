//! What most commands need: settings, log, time and randomness, an open database with a current schema.

use std::{path::Path, sync::Arc};

use super::{exit::Failure, who};
use crate::{
    app::{self, Sources},
    domain::{clock::SystemClock, random::SystemRandom},
    jose::master_key::MasterKey,
    operations::{keys::KeyMaker, migrations, operator::Operator},
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
    /// Who runs the command.
    who: String,
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
        let opened = Self { settings, sources: sources(), store, who: who::runs_this() };
        if is_new {
            migrations::run(&opened.store, &opened.operator())?;
        }
        app::migrated(&opened.store, &opened.settings, &opened.operator())?;
        Ok(opened)
    }

    /// Who runs the command, and now, for the audit log.
    pub(super) fn operator(&self) -> Operator<'_> {
        Operator { name: &self.who, random: &*self.sources.random, now_ms: self.sources.clock.now_millis() }
    }

    /// The key that seals private keys.
    pub(super) fn master_key(&self) -> Result<MasterKey, Failure> {
        Ok(app::master_key(&self.settings.keys, &*self.sources.random)?)
    }

    /// What makes signing keys.
    pub(super) fn key_maker<'a>(&'a self, master_key: &'a MasterKey) -> KeyMaker<'a> {
        KeyMaker { operator: self.operator(), ..app::key_maker(&self.settings, &self.sources, master_key) }
    }

    /// Seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.sources.clock.now()
    }
}
