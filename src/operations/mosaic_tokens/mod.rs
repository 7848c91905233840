//! The tokens that the Mosaic operations issue: in the `mosaic` profile, whatever the environment's default is.

pub mod application;
pub mod end_user;
pub mod long_lived;
pub mod managed;
pub mod management_user;
pub mod service_account;

use std::{net::IpAddr, sync::Arc};

use serde_json::{Map, Value};

use super::{
    caller::{Caller, check_active},
    context::Context,
    mosaic_error::{MosaicCode, MosaicError},
};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        claims::HOME_ENVIRONMENT_CLAIM,
        environment::{SigningAlg, TokenForm, TokenProfile},
        order::TokenOrder,
        trace::Trace,
    },
    jose::unverified::UnverifiedToken,
    oauth::error::{OAuthError, Problem},
};

/// `aud` of these tokens: the guards of Mosaic services do not look at it, and each of them is to accept them.
pub const EVERY_SERVICE: &str = "*";

/// Which request it is.
#[derive(Debug, Clone, Copy)]
pub struct OperationRequest<'a> {
    /// Names it in the log and in the audit record.
    pub request_id: &'a str,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
    /// Where it comes from.
    pub client_address: Option<IpAddr>,
    /// The operation, as callers know it.
    pub operation: &'static str,
}

/// A token that was made.
#[derive(Clone)]
pub struct MosaicToken {
    /// It.
    pub access_token: String,
    /// How long it lives, in seconds.
    pub expires_in_seconds: i64,
}

impl MosaicToken {
    /// Its claims.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn payload(&self) -> Result<Map<String, Value>, MosaicError> {
        let failed = |detail: &str| MosaicError::from(MosaicCode::InternalError).with_detail(detail);
        let token = UnverifiedToken::parse(&self.access_token).map_err(|error| failed(&error.to_string()))?;
        token.claims().ok_or_else(|| failed("the payload is not an object"))
    }
}

/// What a token is to be.
pub(super) struct Ordered {
    /// The client or application that it is issued to.
    pub client_id: String,
    /// The environment that the client is at home in, where that is not `environment`.
    pub home_environment_id: Option<String>,
    /// The environment whose key signs it; another one than that of the request for managed services.
    pub environment: Arc<EnvironmentSnapshot>,
    /// The token.
    pub order: TokenOrder,
}

impl Ordered {
    /// A token that is issued to whoever calls, who may exchange it on.
    fn to(caller: &Caller, environment: &Arc<EnvironmentSnapshot>, order: TokenOrder) -> Self {
        let token = caller.token();
        Self {
            client_id: token.client_id.clone(),
            home_environment_id: token.home_environment_id().map(str::to_owned),
            environment: Arc::clone(environment),
            order,
        }
    }
}

/// Decides by `decide`, makes the token and records the decision, whichever it is.
pub(super) async fn issue(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &OperationRequest<'_>,
    decide: impl AsyncFnOnce(&mut AuditRecord) -> Result<Ordered, MosaicError>,
) -> Result<MosaicToken, MosaicError> {
    let now = context.clock.now_millis();
    let mut record = AuditRecord::new(Event::TokenIssued, Outcome::Success, request.request_id, now);
    record.trace_id = request.trace.map(|trace| trace.to_string());
    record.environment_id = Some(environment.environment.id.clone());
    record.client_address = request.client_address.map(|address| address.to_string());
    record.operation = Some(request.operation);
    let decided = match check_active(environment) {
        Ok(()) => decide(&mut record).await,
        Err(refusal) => Err(refusal),
    };
    let made = decided.and_then(|ordered| make(context, ordered, &mut record));
    if let Err(refusal) = &made {
        record.event = Event::TokenRefused;
        record.outcome = if refusal.code.status() < 500 { Outcome::Refused } else { Outcome::Failed };
        record.reason = Some(refusal.code.as_str());
        record.detail.clone_from(&refusal.detail);
    }
    let committed = context.audit.commit(record).await.map_err(|error| {
        log::error!(request_id = request.request_id, trace_id = request.trace; "not answered: {error}");
        MosaicError::from(MosaicCode::ServiceUnavailable).with_detail(error.to_string())
    });
    let answer = committed.and(made);
    context.counts.graphql_token(answer.as_ref().err());
    answer
}

fn make(context: &Context, ordered: Ordered, record: &mut AuditRecord) -> Result<MosaicToken, MosaicError> {
    let Ordered { client_id, home_environment_id, environment, order } = ordered;
    let form = TokenForm { profile: TokenProfile::Mosaic, ..order.form };
    let mut order = TokenOrder { form, ..order };
    if let Some(home) = home_environment_id {
        order.claims.insert(HOME_ENVIRONMENT_CLAIM.to_owned(), home.into());
    }
    if environment.keyring.signer(SigningAlg::RS256, order.issued_at).is_none() {
        return Err(MosaicCode::NoActiveSigningKey.into());
    }
    let issued = context.token_issuer().issue(&environment, &client_id, &order)?;
    record.client_id = Some(client_id);
    record.subject = Some(order.subject);
    record.act = order.act.and_then(|act| serde_json::to_value(act).ok());
    record.audience = order.audience;
    record.scope_granted = order.scope.to_string();
    record.scope_widened = order.widened.to_string();
    record.parents = order.anc;
    record.rule = order.rule;
    record.jti = Some(issued.jti);
    Ok(MosaicToken { access_token: issued.token, expires_in_seconds: issued.expires_in })
}

/// What the database or the server failing means here.
pub(super) fn failed(error: OAuthError) -> MosaicError {
    let code = match error.problem {
        Problem::TemporarilyUnavailable => MosaicCode::ServiceUnavailable,
        _ => MosaicCode::InternalError,
    };
    MosaicError::from(code).with_detail(error.to_string())
}
