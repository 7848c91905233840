//! What the operations work with, for the server and for commands that ask what it would answer.

use std::sync::Arc;

use super::{Sources, StartError, audit_options, load_catalog, outbound, throttle_options, whole_seconds};
use crate::{
    audit::AuditLog,
    catalog::foreign_keys::ForeignKeyCache,
    jose::master_key::MasterKey,
    operations::{context::Context, sessions::SessionPolicy, throttle::Throttle},
    settings::Settings,
    store::Store,
};

/// Everything but the watch, which keeps the catalog up to date: whoever asks once needs none.
///
/// # Errors
/// The environments cannot be loaded, or the audit log or requests to others cannot be had.
pub fn context(
    settings: &Settings,
    sources: &Sources,
    store: &Store,
    master_key: MasterKey,
    public_url: String,
) -> Result<Context, StartError> {
    let catalog = Arc::new(load_catalog(settings, sources, store, master_key.clone(), public_url)?);
    let audit =
        AuditLog::start(store, audit_options(settings), Arc::clone(&sources.clock), Arc::clone(&sources.random))?;
    let outbound = outbound(settings)?;
    Ok(Context {
        catalog,
        audit,
        throttle: Arc::new(Throttle::new(&throttle_options(&settings.limits))),
        clock: Arc::clone(&sources.clock),
        random: Arc::clone(&sources.random),
        signing_alg: settings.tokens.signing_alg,
        master_key,
        foreign_keys: Arc::new(ForeignKeyCache::new(
            outbound.clone(),
            Arc::clone(&sources.clock),
            Arc::clone(&sources.random),
        )),
        outbound,
        sessions: session_policy(settings),
        hook_calls: Arc::default(),
        counts: Arc::default(),
    })
}

fn session_policy(settings: &Settings) -> SessionPolicy {
    let sessions = &settings.sessions;
    SessionPolicy {
        idle_lifetime: whole_seconds(sessions.idle_lifetime),
        absolute_lifetime: whole_seconds(sessions.absolute_lifetime),
        reuse_grace: whole_seconds(sessions.reuse_grace),
    }
}
