//! Whom a request speaks of: a token of ours, or somebody whom an identity connection vouches for.

use std::sync::Arc;

use serde_json::Map;

use super::{
    context::Context,
    delegate::{self, Vouched},
    foreign::vouched_by_issuer,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        ancestry::AncestorFacts,
        claims::SubjectType,
        client::Client,
        exchange::{Presented, Standing},
        permission::{self, GENERATE_DELEGATED_ACCESS_TOKEN, USER_SERVICE},
        rule::ISSUER_SELF,
        subject::SubjectToken,
        trace::Trace,
        user::Identity,
    },
    grants::PresentedSubject,
    jose::access_token::VerifiedToken,
    oauth::{
        error::{OAuthError, Problem},
        params::Params,
        scope::Scope,
        token_type::TokenType,
    },
};

/// The subject of a request, verified.
pub enum Subject {
    /// A token of this environment.
    Own(Arc<VerifiedToken>),
    /// Somebody whom an identity connection vouches for.
    Vouched(Box<VouchedSubject>),
}

/// Somebody whom an identity connection vouches for.
pub struct VouchedSubject {
    /// The name of the connection; exchange rules know it as `subject.issuer`.
    pub connection: String,
    /// What is said, in the form that rules are about. `sub` is not that of the new token where [`user`](Self::user) is set.
    pub token: SubjectToken,
    /// The user to be found or made; `None` for a workload, which has no user record.
    pub user: Option<Vouched>,
}

impl Subject {
    /// The subject as rules look at it.
    pub fn presented(&self, standing: Standing) -> Presented<'_> {
        match self {
            Subject::Own(token) => Presented { token, origin: ISSUER_SELF, standing },
            Subject::Vouched(vouched) => Presented { token: &vouched.token, origin: &vouched.connection, standing },
        }
    }
}

/// Verifies what `client` presents as the subject.
///
/// # Errors
/// The token is not acceptable, nobody vouches for such a subject, or the client may not.
pub async fn gather_subject(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client: &Client,
    presented: PresentedSubject<'_>,
    params: &Params,
    trace: Option<Trace>,
) -> Result<Subject, OAuthError> {
    match presented.kind {
        TokenType::SubjectId => {
            vouched_by_client(context, environment, client, presented.text, params).map(Subject::from)
        }
        TokenType::AccessToken => own(context, environment, presented.text),
        TokenType::IdToken => match vouched_by_issuer(context, environment, presented, params, trace).await? {
            Some(vouched) => Ok(vouched.into()),
            None => Err(OAuthError::new(Problem::ConnectionNotActive, "no identity connection is for this issuer")),
        },
        // Ours, unless a connection says whose else it is.
        TokenType::Jwt => match vouched_by_issuer(context, environment, presented, params, trace).await? {
            Some(vouched) => Ok(vouched.into()),
            None => own(context, environment, presented.text),
        },
    }
}

fn own(context: &Context, environment: &EnvironmentSnapshot, token: &str) -> Result<Subject, OAuthError> {
    let verified = environment.verify(token, context.clock.now());
    verified.map(Subject::Own).map_err(|error| OAuthError::new(Problem::SubjectTokenRefused, error.to_string()))
}

impl From<VouchedSubject> for Subject {
    fn from(vouched: VouchedSubject) -> Self {
        Subject::Vouched(Box::new(vouched))
    }
}

/// The client itself says who the user is.
fn vouched_by_client(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client: &Client,
    subject_id: &str,
    params: &Params,
) -> Result<VouchedSubject, OAuthError> {
    if !permission::has(&client.permissions, USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN) {
        return Err(OAuthError::new(Problem::DelegationNotAllowed, "the client lacks the permission"));
    }
    let connection = delegate::delegated_connection(environment)?.name.clone();
    let identity = Identity { connection: connection.clone(), subject_id: subject_id.to_owned() };
    let user = described_user(identity, params.require("application_id")?, params);
    delegate::check(environment, &user)?;
    let now = context.clock.now();
    let token = SubjectToken {
        iss: environment.issuer.clone(),
        sub: format!("{connection}#{subject_id}"),
        aud: Vec::new(),
        // The word is the client's own: nobody else could present it.
        client_id: client.id.clone(),
        jti: String::new(),
        exp: now.saturating_add(environment.environment.access_token_lifetime),
        iat: now,
        nbf: None,
        scope: Scope::empty(),
        act: None,
        may_act: None,
        anc: Vec::new(),
        anc_facts: AncestorFacts::default(),
        kid: None,
        cnf: None,
        subject_type: Some(SubjectType::EndUserAccount),
        application_id: Some(user.application_id.clone()),
        profile_id: None,
        other: Map::new(),
    };
    Ok(VouchedSubject { connection, token, user: Some(user) })
}

/// The user that parameters of the request describe further.
pub(super) fn described_user(identity: Identity, application_id: &str, params: &Params) -> Vouched {
    let given = |name: &str| params.get(name).map(str::to_owned);
    Vouched {
        identity,
        application_id: application_id.to_owned(),
        unique_profile_identifier: given("unique_profile_identifier"),
        email: given("email"),
        name: given("name"),
    }
}
