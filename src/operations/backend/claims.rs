//! What the tokens of a sign-in say of the user and of the sign-in.

use serde_json::{Map, Value, json};

use super::person::Person;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        application::Application,
        authorization::OPENID,
        login::{IdentifierKind, MFA, claims::ClaimWish},
        order::IdTokenOrder,
        session::LoginBasis,
    },
    oauth::scope::Scope,
};

/// How long the ID token of a sign-in is good for, in seconds: backends show it to their own parts.
const ID_TOKEN_LIFETIME: i64 = 3600;

/// What is known of a user who signs in, as far as claims may be about it.
pub struct Known<'a> {
    /// The user.
    pub person: &'a Person,
    /// The application.
    pub application: &'a Application,
    /// The last sign-in before this one; seconds since 1970.
    pub last_sign_in_at: Option<i64>,
}

/// The ID token of a sign-in.
pub fn id_token(environment: &EnvironmentSnapshot, known: &Known<'_>, basis: &LoginBasis) -> IdTokenOrder {
    let mut claims = wanted(&basis.claims.id_token, known);
    if let Some(approved) = &basis.approval_data {
        claims.insert("approval_data".to_owned(), Value::Object(approved.clone()));
    }
    claims.extend(of_sign_in(environment, known, basis));
    // Last: none of these may be asked for as something else.
    claims.insert("sid".to_owned(), basis.login_session.as_str().into());
    IdTokenOrder {
        scope: Scope::from_tokens([OPENID]).unwrap_or_default(),
        nonce: None,
        auth_time: basis.auth_time,
        lifetime: ID_TOKEN_LIFETIME,
        claims,
    }
}

/// The claims of the access token of a sign-in.
pub fn access_token(environment: &EnvironmentSnapshot, known: &Known<'_>, basis: &LoginBasis) -> Map<String, Value> {
    let mut claims = wanted(&basis.claims.access_token, known);
    claims.extend(of_sign_in(environment, known, basis));
    claims.insert("sid".to_owned(), basis.login_session.as_str().into());
    claims.insert("auth_time".to_owned(), basis.auth_time.into());
    claims.insert("applicationId".to_owned(), basis.application_id.as_str().into());
    claims.insert("profileId".to_owned(), known.person.user.active_profile_id.as_str().into());
    claims.insert("app_id".to_owned(), basis.application_id.as_str().into());
    claims.insert("app_name".to_owned(), known.application.name.as_str().into());
    claims
}

fn of_sign_in(environment: &EnvironmentSnapshot, _: &Known<'_>, basis: &LoginBasis) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("tid".to_owned(), environment.environment.tenant_id.as_str().into());
    claims.insert("amr".to_owned(), json!(basis.amr));
    if basis.amr.iter().any(|method| method == MFA) {
        claims.insert("acr".to_owned(), MFA.into());
    }
    claims
}

/// Those of the wanted claims that are known of the user.
fn wanted(wishes: &std::collections::BTreeMap<String, Option<ClaimWish>>, known: &Known<'_>) -> Map<String, Value> {
    let found = wishes.iter().filter_map(|(name, _)| Some((name.clone(), value(name, known)?)));
    found.collect()
}

fn value(name: &str, known: &Known<'_>) -> Option<Value> {
    let Known { person, application, last_sign_in_at } = known;
    let primary = |kind| person.primary(kind, &application.id);
    Some(match name {
        "email" => json!(primary(IdentifierKind::Email)?.shown),
        "email_verified" => json!(primary(IdentifierKind::Email)?.verified_at.is_some()),
        "phone_number" => json!(primary(IdentifierKind::PhoneNumber)?.shown),
        "phone_number_verified" => json!(primary(IdentifierKind::PhoneNumber)?.verified_at.is_some()),
        "username" => json!(primary(IdentifierKind::Username)?.shown),
        "external_user_id" => json!(primary(IdentifierKind::ExternalUserId)?.shown),
        "created_at" => json!(person.user.created_at),
        "last_auth" => json!((*last_sign_in_at)?),
        "app_name" => json!(application.name),
        _ => return None,
    })
}
