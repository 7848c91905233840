//! What the tokens of a sign-in say of the user and of the sign-in.

use serde_json::{Map, Value, json};

use super::person::Portrait;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        application::Application,
        authorization::OPENID,
        client::Client,
        login::{
            IdentifierKind, KnownIdentifier, MFA,
            claims::{ClaimWish, ClaimsRequest, NAMES},
        },
        order::IdTokenOrder,
        session::LoginBasis,
        user_details::{Address, CustomData, PersonName},
    },
    oauth::scope::Scope,
};

/// How long the ID token of a sign-in is good for, in seconds: backends show it to their own parts.
const ID_TOKEN_LIFETIME: i64 = 3600;
/// How much of the claims that were asked for an access token takes in, as JSON, in bytes. It is sent with each call, and this
/// server reads none that is longer than 16 KiB. (An ID token is sent once: what may be kept of a user bounds it.)
const MAX_IN_ACCESS_TOKEN: usize = 4096;

/// What is known of a user who signs in, as far as claims may be about it.
pub struct Known<'a> {
    /// The user.
    pub portrait: &'a Portrait,
    /// The application.
    pub application: &'a Application,
    /// The last sign-in before this one; seconds since 1970.
    pub last_sign_in_at: Option<i64>,
}

/// The claims that were asked for, and in the ID token those that `client` always wants.
pub fn with_defaults(mut asked: ClaimsRequest, client: &Client) -> ClaimsRequest {
    for name in &client.sign_in.default_claims {
        asked.id_token.entry(name.clone()).or_default();
    }
    asked
}

/// The ID token of a sign-in.
pub fn id_token(environment: &EnvironmentSnapshot, known: &Known<'_>, basis: &LoginBasis) -> IdTokenOrder {
    let wishes = basis.claims.id_token.iter();
    let mut claims: Map<String, Value> =
        wishes.filter_map(|(name, wish)| Some((name.clone(), value(name, wish.as_ref(), known)?))).collect();
    if let Some(approved) = &basis.approval_data {
        claims.insert("approval_data".to_owned(), Value::Object(approved.clone()));
    }
    // Last: none of these may be asked for as something else.
    claims.extend(of_sign_in(environment, basis));
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
    let mut claims = Map::new();
    let mut room = MAX_IN_ACCESS_TOKEN;
    for (name, wish) in &basis.claims.access_token {
        let Some(value) = value(name, wish.as_ref(), known) else { continue };
        // A user of whom much is known must still be able to sign in.
        let Some(left) = room.checked_sub(name.len().saturating_add(value.to_string().len())) else { continue };
        room = left;
        claims.insert(name.clone(), value);
    }
    claims.extend(of_sign_in(environment, basis));
    claims.insert("auth_time".to_owned(), basis.auth_time.into());
    claims.insert("applicationId".to_owned(), basis.application_id.as_str().into());
    // The ID token beside it takes it from here.
    claims.insert("sid".to_owned(), basis.login_session.as_str().into());
    claims.insert("profileId".to_owned(), known.portrait.person.user.active_profile_id.as_str().into());
    claims.insert("app_id".to_owned(), basis.application_id.as_str().into());
    claims.insert("app_name".to_owned(), known.application.name.as_str().into());
    claims
}

fn of_sign_in(environment: &EnvironmentSnapshot, basis: &LoginBasis) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("tid".to_owned(), environment.environment.tenant_id.as_str().into());
    claims.insert("amr".to_owned(), json!(basis.amr));
    if basis.amr.iter().any(|method| method == MFA) {
        claims.insert("acr".to_owned(), MFA.into());
    }
    claims
}

/// What the claim of that name says; `None` where it is none of [`NAMES`], or not known of the user.
fn value(name: &str, wish: Option<&ClaimWish>, known: &Known<'_>) -> Option<Value> {
    if !NAMES.contains(&name) {
        return None;
    }
    let Known { portrait, application, last_sign_in_at } = known;
    let found = of_identifiers(name, known).or_else(|| of_details(name, known)).or_else(|| {
        Some(match name {
            "created_at" => json!(portrait.person.user.created_at),
            "last_auth" => json!((*last_sign_in_at)?),
            "new_user" => json!(last_sign_in_at.is_none()),
            "app_name" => json!(application.name),
            "external_account_id" => json!(portrait.membership.external_account_id.as_ref()?),
            "custom_data" => custom(&portrait.stored.details.custom_data, wish)?,
            "custom_app_data" => custom(&portrait.membership.custom_data, wish)?,
            "webauthn" => json!(!portrait.passkey_names.is_empty()),
            "webauthn_username" => json!(portrait.passkey_names.first()?),
            _ => return None,
        })
    });
    found.filter(|value| !value.is_null())
}

fn of_identifiers(name: &str, known: &Known<'_>) -> Option<Value> {
    let Known { portrait, application, .. } = known;
    let primary = |kind| portrait.person.primary(kind, &application.id);
    let secondary = |kind, verified: &str| {
        let first = primary(kind);
        let others = portrait.person.identifiers.iter().filter(|one| one.kind == kind && first != Some(*one));
        let all: Vec<Value> = others.map(|one| secondary_item(one, verified)).collect();
        (!all.is_empty()).then_some(Value::Array(all))
    };
    Some(match name {
        "email" => json!(primary(IdentifierKind::Email)?.shown),
        "email_verified" => json!(primary(IdentifierKind::Email)?.verified_at.is_some()),
        "phone_number" => json!(primary(IdentifierKind::PhoneNumber)?.shown),
        "phone_number_verified" => json!(primary(IdentifierKind::PhoneNumber)?.verified_at.is_some()),
        "username" => json!(primary(IdentifierKind::Username)?.shown),
        "external_user_id" => json!(primary(IdentifierKind::ExternalUserId)?.shown),
        "secondary_emails" => secondary(IdentifierKind::Email, "email_verified")?,
        "secondary_phone_numbers" => secondary(IdentifierKind::PhoneNumber, "phone_number_verified")?,
        _ => return None,
    })
}

/// The contract's form of one.
fn secondary_item(one: &KnownIdentifier, verified: &str) -> Value {
    let value = ("value".to_owned(), json!(one.shown));
    Value::Object(Map::from_iter([value, (verified.to_owned(), json!(one.verified_at.is_some()))]))
}

fn of_details(name: &str, known: &Known<'_>) -> Option<Value> {
    let details = &known.portrait.stored.details;
    let of_name = |part: fn(&PersonName) -> &Option<String>| details.name.as_ref().and_then(|name| part(name).clone());
    let of_address = |part: fn(&Address) -> &Option<String>| details.address.as_ref().and_then(|one| part(one).clone());
    let text = match name {
        "fname" => of_name(|name| &name.first_name),
        "mname" => of_name(|name| &name.middle_name),
        "lname" => of_name(|name| &name.last_name),
        "birthday" => details.birthday.clone(),
        "picture" => details.picture.clone(),
        "language" => details.language.clone(),
        "street_address" => of_address(|address| &address.street_address),
        "city" => of_address(|address| &address.city),
        "country" => of_address(|address| &address.country),
        "address" => return serde_json::to_value(details.address.as_ref()?).ok(),
        "address_type" => return serde_json::to_value(details.address.as_ref()?.kind?).ok(),
        _ => None,
    };
    text.map(Value::String)
}

/// What applications keep; of it the members that were named, where any were.
fn custom(data: &CustomData, wish: Option<&ClaimWish>) -> Option<Value> {
    let Some(fields) = wish.and_then(|wish| wish.fields.as_ref()) else {
        return (!data.is_empty()).then(|| Value::Object(data.clone()));
    };
    let found: Map<String, Value> =
        fields.iter().filter_map(|name| Some((name.clone(), data.get(name)?.clone()))).collect();
    (!found.is_empty()).then_some(Value::Object(found))
}

/// What is told at the UserInfo endpoint of a user who was signed in behind a backend: the standard claims (OpenID Connect Core
/// §5.1), as far as they are known.
pub fn user_info(known: &Known<'_>) -> Map<String, Value> {
    let mut claims = Map::new();
    let same = ["email", "email_verified", "phone_number", "phone_number_verified", "picture"];
    let renamed = [
        ("given_name", "fname"),
        ("middle_name", "mname"),
        ("family_name", "lname"),
        ("birthdate", "birthday"),
        ("preferred_username", "username"),
    ];
    for (name, ours) in same.into_iter().map(|name| (name, name)).chain(renamed) {
        if let Some(value) = value(ours, None, known) {
            claims.insert(name.to_owned(), value);
        }
    }
    let user = &known.portrait.person.user;
    let full = known.portrait.stored.details.name.as_ref().and_then(PersonName::full).or_else(|| user.name.clone());
    if let Some(full) = full {
        claims.insert("name".to_owned(), full.into());
    }
    claims.insert("updated_at".to_owned(), user.updated_at.into());
    claims
}
