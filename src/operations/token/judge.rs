//! From what a request presents to what it gets: gathers what the grant needs to know, lets it decide, and notes what the
//! decision leaves behind.

use std::{cell::Cell, sync::Arc};

use super::{
    super::{
        authenticate::Authenticated,
        authorize::codes::{speak_of_user, take_code},
        backend::refresh::speak_again,
        context::Context,
        delegate::delegated_user,
        effect::Effect,
        refresh::{FoundRefresh, gather_refresh},
        sessions,
        standing::{gather_standing, revoked_by},
        subject::{Subject, gather_subject},
    },
    TokenRequest,
};
use crate::{
    audit::{AuditRecord, RecordedRequest, RecordedToken},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::Client,
        exchange::{Presented, Standing},
        order::TokenOrder,
        readable::{readable, readable_id},
        revocation::RevocationKind,
        rule::ISSUER_SELF,
        session::GrantBasis,
        subject::SubjectToken,
    },
    grants::{Grant, GrantRequest, PresentedSession, PresentedTokens},
    jose::access_token::VerifiedToken,
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
    },
};

/// As [`super::evaluate`], for tokens that may be looked at.
pub(super) async fn judge(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    authenticated: &Authenticated,
    grant: &dyn Grant,
    presented: PresentedTokens<'_>,
    record: &mut AuditRecord,
) -> Result<(TokenOrder, Effect), OAuthError> {
    let subject = match presented.subject {
        Some(one) => {
            Some(gather_subject(context, environment, &authenticated.client, one, request.params, request.trace).await?)
        }
        None => None,
    };
    if let Some(subject) = &subject {
        record_subject(record, subject.presented(Standing::Good).token);
    }
    let code = match presented.code {
        Some(code) => Some(take_code(context, environment, &authenticated.client.id, code, record).await?),
        None => None,
    };
    if let Some(code) = &code {
        record.subject = Some(code.user_id.clone());
    }
    let actor = verify_actor(context, environment, presented.actor)?;
    let subject_standing = standing_of(context, environment, subject.as_ref()).await?;
    let actor = actor.as_ref().map(|token| &***token);
    let actor_standing = gather_standing(context, environment, actor).await?;
    if let Some(subject) = &subject
        && [subject_standing, actor_standing] == [Standing::Good; 2]
    {
        record.request = recorded(subject, actor, request.params, &record.audience).map(Box::new);
    }
    let refresh = match presented.refresh {
        Some(text) => Some(gather_refresh(context, environment, &authenticated.client, text, record).await?),
        None => None,
    };
    let observed = Cell::default();
    let decision = grant.evaluate(&GrantRequest {
        params: request.params,
        secret: &authenticated.secret,
        client: &authenticated.client,
        environment,
        subject: subject.as_ref().map(|subject| subject.presented(subject_standing)),
        actor: actor.map(|token| Presented { token, origin: ISSUER_SELF, standing: actor_standing }),
        observed: &observed,
        code: code.as_ref(),
        session: refresh.as_ref().map(|found| PresentedSession { session: &found.session, standing: found.standing }),
        // Gathering may have taken a while; a token that expired meanwhile is refused.
        now: context.clock.now(),
    });
    record.observed = observed.into_inner();
    let mut order = decision?;
    if let Some(found) = &refresh {
        speak_again(context, environment, &found.session, &mut order).await?;
    }
    // As the rule decided it, before what is known of the user is added.
    let mut began = order.refresh.and(subject.as_ref()).map(|subject| {
        let request = (grant.grant_type(), request.params.get("requested_token_type"));
        GrantBasis::exchange(&order, subject.presented(subject_standing), actor, request)
    });
    if let Some(code) = &code {
        speak_of_user(context, environment, code, &mut order, (request.request_id, request.trace)).await?;
        began = Some(GrantBasis::SignIn(code.granted.request.connection.clone()));
    }
    if let Some(Subject::Vouched(vouched)) = &subject
        && let Some(user) = &vouched.user
    {
        // Only now that nothing speaks against it: a refusal leaves no user behind.
        let user = delegated_user(context, environment, user, request.request_id, request.trace).await?;
        // The proof of the user may be older than the moment from which such proofs do not count any more.
        if environment.revocations.has_subject(&user.user_id, vouched.token.iat) {
            let reason = RevocationKind::Subject.reason();
            return Err(OAuthError::new(Problem::SubjectTokenRefused, reason));
        }
        order.speaks_of(user.user_id, user.claims);
    }
    let effect = effect(context, environment, &authenticated.client, &mut order, (refresh, began))?;
    Ok((order, effect))
}

/// What a grant that gives refresh tokens, or was given one, leaves behind.
fn effect(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client: &Client,
    order: &mut TokenOrder,
    (refresh, began): (Option<FoundRefresh>, Option<GrantBasis>),
) -> Result<Effect, OAuthError> {
    match (refresh, order.refresh, began) {
        (Some(found), ..) => Ok(Effect::Rotate(Box::new(found))),
        // A refresh token that the client may not use would only lie around.
        (None, Some(terms), Some(basis)) if client.grants.contains(&GrantType::RefreshToken) => {
            let new = sessions::prepare(context, environment, &client.id, order, basis, terms.lifetime)?;
            Ok(Effect::Open(Box::new(new)))
        }
        (None, ..) => Ok(Effect::Nothing),
    }
}

async fn standing_of(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    subject: Option<&Subject>,
) -> Result<Standing, OAuthError> {
    match subject {
        Some(Subject::Own(token)) => gather_standing(context, environment, Some(token)).await,
        // Whoever vouches was asked just now; but the token that says so may have been revoked here.
        Some(Subject::Vouched(vouched)) => {
            Ok(revoked_by(context, environment, &vouched.token)?.map_or(Standing::Good, Standing::Revoked))
        }
        None => Ok(Standing::Good),
    }
}

fn record_subject(record: &mut AuditRecord, subject: &SubjectToken) {
    record.subject = Some(readable_id(&subject.sub));
    record.act = subject.act.as_ref().and_then(|act| serde_json::to_value(act).ok());
    let own = Some(&subject.jti).filter(|jti| !jti.is_empty());
    record.parents = subject.anc.iter().chain(own).cloned().collect();
}

/// What other rules could be tried on.
fn recorded(
    subject: &Subject,
    actor: Option<&SubjectToken>,
    params: &Params,
    audience: &[String],
) -> Option<RecordedRequest> {
    let subject = subject.presented(Standing::Good);
    let recorded = RecordedRequest {
        subject_issuer: subject.origin.to_owned(),
        subject: RecordedToken::of(subject.token),
        actor: actor.map(RecordedToken::of),
        audience: audience.to_vec(),
        requested_token_type: params.get("requested_token_type").map(readable),
    };
    recorded.bounded()
}

fn verify_actor(
    context: &Context,
    environment: &EnvironmentSnapshot,
    token: Option<&str>,
) -> Result<Option<Arc<VerifiedToken>>, OAuthError> {
    let verified = token.map(|token| environment.verify(token, context.clock.now())).transpose();
    verified.map_err(|error| OAuthError::new(Problem::ActorTokenRefused, error.to_string()))
}
