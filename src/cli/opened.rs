//! What most commands need: settings, log, time and randomness, an open database with a current schema.

use std::{path::Path, sync::Arc};

use super::{exit::Failure, tell, who};
use crate::{
    app::{self, Sources},
    domain::{clock::SystemClock, random::SystemRandom},
    jose::master_key::MasterKey,
    operations::{keys::KeyMaker, migrations, operator::Operator},
    settings::Settings,
    store::{Store, StoreError},
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

/// The file of the embedded database, where it is not there.
pub(super) fn missing_file(settings: &Settings) -> Option<String> {
    settings.database.sqlite_file().filter(|file| !Path::new(file).exists()).map(str::to_owned)
}

/// Makes sure that an embedded database is there: a mistyped path, or a command in another folder, is not a new one.
pub(super) fn is_there(settings: &Settings) -> Result<(), Failure> {
    match missing_file(settings) {
        Some(file) => Err(Failure::no_database(&shown_path(&file))),
        None => Ok(()),
    }
}

/// The database for people: without the password, and with the folder that a relative path is taken from.
pub(super) fn name_of(settings: &Settings) -> String {
    match settings.database.sqlite_file() {
        Some(file) => format!("SQLite {}", shown_path(file)),
        None => settings.database.shown.clone(),
    }
}

/// The whole path of a file, for people.
pub(super) fn shown_path(file: &str) -> String {
    std::path::absolute(file).map_or_else(|_| file.to_owned(), |path| path.display().to_string())
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
    /// Opens the database of the settings, which must be there, and makes sure that its schema is current.
    pub(super) fn new(config: Option<&Path>) -> Result<Self, Failure> {
        Self::with(settings(config)?)
    }

    /// The same, with settings that were read already.
    pub(super) fn with(settings: Settings) -> Result<Self, Failure> {
        is_there(&settings)?;
        let opened = Self::open(settings, app::open_store)?;
        app::migrated(&opened.store, &opened.settings, &opened.operator())?;
        Ok(opened)
    }

    /// The same for the commands that set up. Whoever starts with `tessera apply` need not know of migrations: an embedded database
    /// that is made here and now has nothing that one could harm.
    pub(super) fn or_new(settings: Settings) -> Result<Self, Failure> {
        let Some(file) = missing_file(&settings) else { return Self::with(settings) };
        let opened = Self::open(settings, app::create_store)?;
        tell(format_args!("made the SQLite database {}", shown_path(&file)));
        migrations::run(&opened.store, &opened.operator())?;
        Ok(opened)
    }

    fn open(settings: Settings, open: impl FnOnce(&Settings) -> Result<Store, StoreError>) -> Result<Self, Failure> {
        tell(format_args!("database: {}", name_of(&settings)));
        let store = open(&settings)?;
        Ok(Self { settings, sources: sources(), store, who: who::runs_this() })
    }

    /// Who runs the command, and now, for the audit log.
    pub(super) fn operator(&self) -> Operator<'_> {
        Operator { name: &self.who, random: &*self.sources.random, now_ms: self.sources.clock.now_millis() }
    }

    /// The key that seals private keys.
    pub(super) fn master_key(&self) -> Result<MasterKey, Failure> {
        app::check_master_key(&self.settings.keys, &self.store)?;
        Ok(app::master_key(&self.settings.keys, &*self.sources.random)?)
    }

    /// The same for what only looks: none is made.
    pub(super) fn passing_master_key(&self) -> Result<MasterKey, Failure> {
        app::check_master_key(&self.settings.keys, &self.store)?;
        Ok(app::passing_master_key(&self.settings.keys, &*self.sources.random)?)
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
