//! Refresh tokens: looked up before a decision, rotated after it, and what happens when one comes back that was used.

use std::sync::Arc;

use super::{
    context::{Context, database_failed},
    revoke::revoke_replayed_in,
    sessions::SessionPolicy,
    standing::{gather_standing, revoked_by},
};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::Client,
        exchange::Standing,
        readable::readable_id,
        rule::ISSUER_SELF,
        secret::{Secret, SecretKind},
        session::{EndReason, GrantBasis, RefreshToken, RefreshUse, Session, refresh_use},
    },
    oauth::error::{OAuthError, Problem},
    store::{Conn, Store, StoreError, refresh_tokens, sessions},
};

/// A refresh token of the calling client, as it was found. It is not used up by that.
#[derive(Debug)]
pub struct FoundRefresh {
    token: RefreshToken,
    /// The session that it hangs on.
    pub session: Session,
    /// Whether everybody behind the session may still be served.
    pub standing: Standing,
}

/// Finds the session of a refresh token. One that was used before ends its session here: whatever else the request holds, there
/// are two who have the token.
///
/// # Errors
/// One and the same refusal ([`Problem::RefreshTokenRefused`]) whatever is wrong with the token: an answer that told an
/// unknown one from another client's would help whoever tries. Or the database failed.
pub async fn gather_refresh(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client: &Client,
    text: &str,
    record: &mut AuditRecord,
) -> Result<FoundRefresh, OAuthError> {
    if !Secret::new(text).is_well_formed(SecretKind::RefreshToken) {
        return Err(refused("it has not the form of a refresh token"));
    }
    let found = look_up(context, environment, text).await?;
    let (token, session) = found.ok_or_else(|| refused("there is no such refresh token"))?;
    if session.client_id != client.id {
        // Not ended for that: any client that learns of a token could end others' sessions.
        let detail = format!("the refresh token is that of client {:?}, session {}", session.client_id, session.id);
        return Err(refused(detail));
    }
    describe(record, &session);
    match refresh_use(&session, &token, context.sessions.reuse_grace, context.clock.now()) {
        RefreshUse::First | RefreshUse::Repeated => {}
        RefreshUse::Over => return Err(over(&session)),
        RefreshUse::Replayed => return Err(end_replayed(context, environment, &session, record).await?),
    }
    let standing = standing(context, environment, &session).await?;
    Ok(FoundRefresh { token, session, standing })
}

/// A refresh token whose session is not over, as it is shown by somebody who wants to know of it or to revoke it. It may have
/// been used before. `None` if there is none.
///
/// # Errors
/// The database failed.
pub async fn find_shown(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    text: &str,
) -> Result<Option<(RefreshToken, Session)>, OAuthError> {
    let (found, now) = (look_up(context, environment, text).await?, context.clock.now());
    Ok(found.filter(|(_, session)| !session.is_over(now)))
}

/// The same where the session may be over by time. What came of it may go on: sessions, and long-lived tokens. Of one that was ended
/// nothing is left.
///
/// # Errors
/// The database failed.
pub async fn find_expired(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    text: &str,
) -> Result<Option<(RefreshToken, Session)>, OAuthError> {
    let found = look_up(context, environment, text).await?;
    Ok(found.filter(|(_, session)| session.end.is_none()))
}

async fn look_up(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    text: &str,
) -> Result<Option<(RefreshToken, Session)>, OAuthError> {
    let secret = Secret::new(text);
    if !secret.is_well_formed(SecretKind::RefreshToken) {
        // Without asking the database: most of what is tried is this.
        return Ok(None);
    }
    let (environment_id, hash) = (environment.environment.id.clone(), secret.hash().to_hex());
    let found =
        context.catalog.look_up(move |store| store.read(|conn| refresh_tokens::find(conn, &environment_id, &hash)));
    found.await.map_err(|error| database_failed("the refresh token", &error))
}

/// Uses the refresh token, and gives the one that takes its place. One transaction decides between those who use it at the same
/// moment, by a row that only one of them can change.
///
/// # Errors
/// Somebody else was faster and has gone on already, or the session has ended ([`Problem::RefreshTokenRefused`]); or the
/// database failed, and then it is not used.
pub async fn rotate(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    found: FoundRefresh,
    record: &mut AuditRecord,
) -> Result<Secret, OAuthError> {
    let next = Secret::generate_kind(SecretKind::RefreshToken, &*context.random);
    let next = next.map_err(|error| OAuthError::new(Problem::ServerError, error.to_string()))?;
    let rotation = Rotation {
        token: found.token,
        next: next.hash().to_hex(),
        expires_at: found.session.expires_at,
        policy: context.sessions,
        now: context.clock.now(),
    };
    let used = context.catalog.work(move |store| rotation.carry_out(store));
    match used.await.map_err(|error| database_failed("the session", &error))? {
        RefreshUse::First => {}
        RefreshUse::Repeated => {
            record.detail = Some("the refresh token was sent again within sessions.reuse_grace".to_owned());
        }
        RefreshUse::Over => return Err(refused(format!("session {} has just ended", found.session.id))),
        RefreshUse::Replayed => return Err(end_replayed(context, environment, &found.session, record).await?),
    }
    record.event = Event::TokenRefreshed;
    Ok(next)
}

struct Rotation {
    token: RefreshToken,
    next: String,
    expires_at: i64,
    policy: SessionPolicy,
    now: i64,
}

impl Rotation {
    fn carry_out(&self, store: &Store) -> Result<RefreshUse, StoreError> {
        store.transact(|conn| {
            let idle_expires_at = self.policy.idle_expires_at(self.now, self.expires_at);
            if sessions::rotate(conn, &self.token, self.now, idle_expires_at)? {
                self.put_next(conn, self.token.generation + 1)?;
                return Ok(RefreshUse::First);
            }
            let since = self.now.saturating_sub(self.policy.reuse_grace);
            if let Some(generation) = sessions::repeat(conn, &self.token, since, self.now)? {
                self.put_next(conn, generation)?;
                return Ok(RefreshUse::Repeated);
            }
            // A token that has been overtaken never becomes good again: its session may be ended in a transaction of its own,
            // which takes its locks in the order in which all revocations take them.
            let session = sessions::of_token(conn, &self.token)?;
            Ok(session.map_or(RefreshUse::Over, |session| {
                match refresh_use(&session, &self.token, self.policy.reuse_grace, self.now) {
                    RefreshUse::Replayed => RefreshUse::Replayed,
                    _ => RefreshUse::Over,
                }
            }))
        })
    }

    fn put_next(&self, conn: &mut Conn<'_>, generation: i64) -> Result<(), StoreError> {
        let (hash, session_id) = (self.next.clone(), self.token.session_id.clone());
        refresh_tokens::insert(conn, &RefreshToken { hash, session_id, generation, created_at: self.now })
    }
}

/// Ends the session, with every token that came of it, records that, and gives the refusal of the request.
async fn end_replayed(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    session: &Session,
    record: &mut AuditRecord,
) -> Result<OAuthError, OAuthError> {
    let (environment_id, id, now) = (environment.environment.id.clone(), session.id.clone(), context.clock.now());
    let work = move |conn: &mut Conn<'_>| revoke_replayed_in(conn, &environment_id, &id, now);
    let ended = context.catalog.change(move |store| store.transact(work)).await;
    ended.map_err(|error| database_failed("the session", &error))?;
    log::warn!(request_id = record.request_id.as_str();
        "session {} of client {} ends: a used refresh token came back", session.id, session.client_id);
    record.event = Event::RefreshTokenReplayed;
    let mut end = AuditRecord { event: Event::SessionEnded, outcome: Outcome::Success, ..record.clone() };
    end.time_ms = context.clock.now_millis();
    end.detail = Some(EndReason::Replayed.as_str().to_owned());
    context.audit.commit(end).await.map_err(|error| {
        OAuthError::new(Problem::TemporarilyUnavailable, format!("the end of the session is not recorded: {error}"))
    })?;
    Ok(refused(format!("a used refresh token of session {} came back: the session is ended", session.id)))
}

fn refused(detail: impl Into<String>) -> OAuthError {
    OAuthError::new(Problem::RefreshTokenRefused, detail)
}

fn over(session: &Session) -> OAuthError {
    let why = session.end.map_or("over by time", |end| end.reason.as_str());
    refused(format!("session {} is over ({why})", session.id))
}

/// What the record says of a session, whatever becomes of the request.
pub(super) fn describe(record: &mut AuditRecord, session: &Session) {
    let grant = &session.grant;
    record.session_id = Some(session.id.clone());
    record.subject = Some(readable_id(&grant.subject));
    record.act = grant.act.as_ref().and_then(|act| serde_json::to_value(act).ok());
    record.parents.clone_from(&grant.anc);
}

/// That of the session, and of the tokens that it began with.
///
/// # Errors
/// The database failed, or this node does not know what is revoked.
pub async fn standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    session: &Session,
) -> Result<Standing, OAuthError> {
    let own = gather_standing(context, environment, Some(&session.as_token(&environment.issuer))).await?;
    let GrantBasis::Exchange(basis) = &session.grant.basis else { return Ok(own) };
    if own != Standing::Good {
        return Ok(own);
    }
    if basis.origin != ISSUER_SELF {
        // Whoever else vouched for it is asked by the grant.
        let revoked = revoked_by(context, environment, &basis.subject)?;
        return Ok(revoked.map_or(Standing::Good, Standing::Revoked));
    }
    let subject = gather_standing(context, environment, Some(&basis.subject)).await?;
    if subject != Standing::Good {
        return Ok(subject);
    }
    gather_standing(context, environment, basis.actor.as_ref()).await
}
