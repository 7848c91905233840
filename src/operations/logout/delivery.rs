//! One round: takes on what is due, tells all of them at once, and writes what became of it.

use std::time::Duration;

use tokio::{runtime::Runtime, task::JoinSet};
use url::form_urlencoded;

use crate::{
    audit::{AuditRecord, Event, Outcome},
    domain::random::random_id,
    operations::{context::Context, operator::SERVER},
    outbound::{Limits, OutboundError, Posting},
    store::{Store, StoreError, clients, logout_deliveries, logout_deliveries::LogoutDelivery},
};

/// How many are told at once. Each waits for its own peer only.
const AT_ONCE: i64 = 50;
/// What a client may cost. Its answer is not read.
const LIMITS: Limits = Limits { connect: Duration::from_secs(3), total: Duration::from_secs(5), max_body: 64 * 1024 };
/// How long no other node takes on what this one has, in seconds: longer than a round takes. If the node dies, another one goes on
/// then.
const TAKEN: i64 = 60;
/// How long a client that failed is left alone after each attempt, in seconds; after the last it is given up. Its tokens are dead
/// whether it hears of it or not.
const BACK_OFF: [i64; 6] = [5, 30, 120, 600, 1_800, 3_600];

/// Tells the clients of sessions.
#[derive(Clone)]
pub(super) struct Deliveries {
    context: Context,
    store: Store,
}

/// What became of one attempt.
enum Told {
    Yes,
    /// Why not, and whether that may pass.
    No(String, bool),
}

impl Deliveries {
    pub(super) fn new(context: Context, store: Store) -> Self {
        Self { context, store }
    }

    /// Tells all that are due.
    pub(super) fn run(&self, runtime: &Runtime) {
        let taken = match self.take() {
            Ok(taken) => taken,
            Err(error) => return log::warn!("who is to be told of ended sessions cannot be read: {error}"),
        };
        if taken.is_empty() {
            return;
        }
        runtime.block_on(async {
            let mut all = JoinSet::new();
            for delivery in taken {
                let own = self.clone();
                all.spawn(async move { own.deliver(delivery).await });
            }
            while all.join_next().await.is_some() {}
        });
    }

    /// Takes on what is due. Another node may have been faster with some of it.
    fn take(&self) -> Result<Vec<LogoutDelivery>, StoreError> {
        let now = self.context.clock.now();
        let due = self.store.read(|conn| logout_deliveries::due(conn, now, AT_ONCE))?;
        let mut taken = Vec::with_capacity(due.len());
        for delivery in due {
            let until = now.saturating_add(TAKEN);
            if self.store.transact(|conn| logout_deliveries::take(conn, &delivery, until))? {
                taken.push(LogoutDelivery { attempts: delivery.attempts + 1, ..delivery });
            }
        }
        Ok(taken)
    }

    async fn deliver(&self, delivery: LogoutDelivery) {
        let told = self.tell(&delivery).await;
        let back_off = usize::try_from(delivery.attempts - 1).ok().and_then(|attempt| BACK_OFF.get(attempt));
        let written = match (told, back_off) {
            (Told::Yes, _) => self.ended(&delivery, None).await,
            (Told::No(why, true), Some(back_off)) => {
                log::warn!(
                    "client {} was not told that a session has ended, and is tried again: {why}",
                    delivery.client_id
                );
                let due_at = self.context.clock.now().saturating_add(*back_off);
                self.store.transact(|conn| logout_deliveries::put_off(conn, &delivery, due_at))
            }
            (Told::No(why, _), _) => {
                let why = format!("attempt {}: {why}", delivery.attempts);
                log::error!("client {} is not told that a session has ended: {why}", delivery.client_id);
                self.ended(&delivery, Some(why)).await
            }
        };
        if let Err(error) = written {
            // It is due again when nobody has it any more, and told twice then: which is the safe side.
            log::warn!("what became of a logout token cannot be written: {error}");
        }
    }

    async fn tell(&self, delivery: &LogoutDelivery) -> Told {
        let lasting = |why: &str| Told::No(why.to_owned(), false);
        let found = self.store.read(|conn| clients::find(conn, &delivery.environment_id, &delivery.client_id));
        let client = match found {
            Ok(client) => client,
            Err(error) => return Told::No(format!("the client cannot be read: {error}"), true),
        };
        // As it is now: an address that was taken out is not called any more.
        let Some(url) = client.and_then(|client| client.sign_in.backchannel_logout_uri) else {
            return lasting("the client has no backchannel_logout_uri any more");
        };
        let Some(environment) = self.context.catalog.environment_by_id(&delivery.environment_id) else {
            return Told::No("the environment is not known yet, or any more".to_owned(), true);
        };
        let now = self.context.clock.now();
        let about = (delivery.user_id.as_str(), delivery.session_id.as_str());
        let issued = self.context.token_issuer().issue_logout_token(&environment, &delivery.client_id, about, now);
        let token = match issued {
            Ok(token) => token,
            Err(error) => return Told::No(format!("no logout token: {error}"), true),
        };
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
        let content_type = "application/x-www-form-urlencoded";
        let posting = Posting { put: false, content_type, body: form.into_bytes(), headers: &[] };
        match self.context.outbound.post_once(&url, posting, LIMITS).await {
            // 204 is what some frameworks make of it (§2.8).
            Ok(answer) if (200..300).contains(&answer.status) => Told::Yes,
            Ok(answer) => Told::No(format!("it answered {}", answer.status), true),
            Err(error @ (OutboundError::UrlRefused(_) | OutboundError::AddressRefused)) => lasting(&error.to_string()),
            Err(error) => Told::No(error.to_string(), true),
        }
    }

    /// Records how it ended, and only then forgets it.
    async fn ended(&self, delivery: &LogoutDelivery, failure: Option<String>) -> Result<(), StoreError> {
        let outcome = if failure.is_none() { Outcome::Success } else { Outcome::Failed };
        self.context.counts.logout(outcome);
        let id = random_id(&*self.context.random).map_err(|error| StoreError::unavailable(error.to_string()))?;
        let mut record = AuditRecord::new(Event::LogoutDelivered, outcome, id, self.context.clock.now_millis());
        record.operator = Some(SERVER.to_owned());
        record.environment_id = Some(delivery.environment_id.clone());
        record.client_id = Some(delivery.client_id.clone());
        record.subject = Some(delivery.user_id.clone());
        record.session_id = Some(delivery.session_id.clone());
        record.detail = failure;
        let recorded = self.context.audit.commit(record).await;
        recorded.map_err(|error| StoreError::unavailable(error.to_string()))?;
        self.store.transact(|conn| logout_deliveries::remove(conn, delivery))
    }
}
