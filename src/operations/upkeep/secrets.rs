//! When client secrets were last used, and which of those in use are about to expire.

use crate::{
    domain::{
        random::{RandomError, random_id},
        timestamp::iso_8601_seconds,
    },
    operations::context::Context,
    store::{
        Store, StoreError, leases,
        secret_uses::{self, ExpiringSecret},
    },
};

/// How often uses are written, in seconds.
const WRITE_INTERVAL: i64 = 60;
/// How often a node asks whether the warnings of the day were given, in seconds.
const ASK_INTERVAL: i64 = 3600;
/// The lease of whoever warns. Nobody renews it: it stands for the day on which somebody did.
const LEASE: &str = "secret-expiry-warnings";
/// How long nobody else warns, in seconds.
const WARN_INTERVAL: i64 = 86_400;
/// A secret that was not used for this long, in seconds, is nobody's concern.
const IN_USE: i64 = 7 * 86_400;

/// Keeps the database informed, and the operator.
pub(super) struct Secrets {
    context: Context,
    store: Store,
    warning: Option<i64>,
    wrote_at: i64,
    asked_at: Option<i64>,
}

impl Secrets {
    pub(super) fn new(context: Context, store: Store, warning: Option<i64>) -> Self {
        let wrote_at = context.clock.now();
        Self { context, store, warning, wrote_at, asked_at: None }
    }

    pub(super) fn tick(&mut self) {
        let now = self.context.clock.now();
        // A clock that was set back is no reason to wait until it has caught up.
        let is_over = |since: i64, interval: i64| !(since..since.saturating_add(interval)).contains(&now);
        if is_over(self.wrote_at, WRITE_INTERVAL) {
            self.wrote_at = now;
            self.write_uses();
        }
        if self.asked_at.is_some_and(|asked_at| !is_over(asked_at, ASK_INTERVAL)) {
            return;
        }
        self.asked_at = Some(now);
        match self.store.read(|conn| secret_uses::next_expiries(conn, now)) {
            Ok(expiries) => self.context.catalog.secret_uses().next_expire(expiries),
            Err(error) => log::warn!("it is not known when the next client secret expires: {error}"),
        }
        if let Some(warning) = self.warning {
            match self.expiring(now, warning) {
                Ok(expiring) => expiring.iter().for_each(warn),
                Err(error) => log::warn!("it is not known whether secrets in use expire soon: {error}"),
            }
        }
    }

    /// Writes the uses that requests have noted. What cannot be written is kept for the next time.
    pub(super) fn write_uses(&self) {
        let uses = self.context.catalog.secret_uses();
        let taken = uses.take();
        if taken.is_empty() {
            return;
        }
        if let Err(error) = self.store.read(|conn| secret_uses::write(conn, &taken)) {
            uses.put_back(&taken);
            log::warn!("when secrets were last used cannot be written, and is tried again: {error}");
        }
    }

    /// The secrets to warn of; none if somebody did within a day.
    fn expiring(&self, now: i64, warning: i64) -> Result<Vec<ExpiringSecret>, StoreError> {
        let run = random_id(&*self.context.random).map_err(|RandomError(cause)| StoreError::Unavailable(cause))?;
        let (until, used_since) = (now.saturating_add(warning), now.saturating_sub(IN_USE));
        self.store.read(|conn| {
            if !leases::take(conn, LEASE, &run, now, now.saturating_add(WARN_INTERVAL))? {
                return Ok(Vec::new());
            }
            secret_uses::expiring(conn, now, until, used_since)
        })
    }
}

fn warn(secret: &ExpiringSecret) {
    let ExpiringSecret { environment, client_id, id, .. } = secret;
    log::warn!(
        "environment {environment}: secret {id} of service account {client_id} expires at {}, and was in use at {}",
        iso_8601_seconds(secret.expires_at),
        iso_8601_seconds(secret.last_used_at)
    );
}
