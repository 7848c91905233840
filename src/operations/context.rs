//! What the operations work with.

use std::sync::Arc;

use super::{
    backend::{codes::SendPolicy, passwords::Passwords},
    counts::Counts,
    delivery::Delivery,
    enrich::HookCalls,
    issue::TokenIssuer,
    sessions::SessionPolicy,
    throttle::Throttle,
};
use crate::{
    audit::AuditLog,
    catalog::{Catalog, environment::EnvironmentSnapshot, foreign_keys::ForeignKeyCache},
    domain::{client::Client, clock::Clock, environment::SigningAlg, random::Random},
    jose::master_key::MasterKey,
    oauth::error::{OAuthError, Problem},
    outbound::Outbound,
    store::StoreError,
    webauthn::TrustAnchors,
};

/// Everything a request needs besides itself. One per node, shared by its workers.
#[derive(Clone)]
pub struct Context {
    /// The environments and clients.
    pub catalog: Arc<Catalog>,
    /// Where decisions are recorded.
    pub audit: AuditLog,
    /// Who failed to authenticate of late.
    pub throttle: Arc<Throttle>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What tokens are signed with where the resource server says nothing.
    pub signing_alg: SigningAlg,
    /// Seals the secrets of webhooks.
    pub master_key: MasterKey,
    /// Calls others: webhooks and foreign issuers.
    pub outbound: Outbound,
    /// The keys of foreign issuers.
    pub foreign_keys: Arc<ForeignKeyCache>,
    /// How many messages go to an address and to a user.
    pub sending: SendPolicy,
    /// How long sessions live.
    pub sessions: SessionPolicy,
    /// How the calls of webhooks went.
    pub hook_calls: Arc<HookCalls>,
    /// Sends mails and text messages.
    pub delivery: Delivery,
    /// Works on passwords.
    pub passwords: Arc<Passwords>,
    /// Whose statements on authenticators are believed; `None`: nobody's is checked.
    pub attestation_anchors: Option<Arc<TrustAnchors>>,
    /// How often what happened.
    pub counts: Arc<Counts>,
}

/// What the caller is told when `what` cannot be looked up.
pub fn database_failed(what: &str, error: &StoreError) -> OAuthError {
    // A row that cannot be read will not mend itself: nobody should be told to try again.
    let lasts = matches!(error, StoreError::Corrupt { .. });
    let problem = if lasts { Problem::ServerError } else { Problem::TemporarilyUnavailable };
    OAuthError::new(problem, format!("{what} cannot be looked up: {error}"))
}

impl Context {
    /// A client of `environment`; `None` if there is none.
    ///
    /// # Errors
    /// The database fails. That is said so, and never taken for an unknown client.
    pub async fn client(
        &self,
        environment: &Arc<EnvironmentSnapshot>,
        client_id: &str,
    ) -> Result<Option<Arc<Client>>, OAuthError> {
        // An id that no client can have is not looked up: the memory of unknown ids would keep it, however long it is.
        if !Client::is_id(client_id) {
            return Ok(None);
        }
        let found = self.catalog.client(environment, client_id).await;
        found.map_err(|error| database_failed(&format!("client {client_id:?}"), &error))
    }

    /// What mints tokens.
    pub fn token_issuer(&self) -> TokenIssuer<'_> {
        TokenIssuer { random: &*self.random, signing_alg: self.signing_alg, counts: &self.counts }
    }
}
