//! One of everything.

use std::collections::BTreeMap;

use crate::{
    domain::{
        ancestry::AncestorFacts,
        application::{Application, OnFailure, UsersJoin, Webhook},
        authorization::{AuthorizationCode, AuthorizationRequest, CodeGrant, PendingSignIn},
        claims::SubjectType,
        client::{Access, Client, ClientKind, ClientSecret, ClientSignIn, ExchangeError},
        connection::{IdentityConnection, IdentityProvider, ResponseMode, SignInClient, TokenEndpointAuth},
        environment::{ResourceServer, ScopeClaim, SigningAlg, TokenProfile, TokenTyp},
        foreign::{ClaimMap, ForeignIssuer},
        login::preferences::{LoginPreferences, TotpPreferences},
        party::Actor,
        permission::{ManagedService, PermissionDefinition},
        revocation::{Revocation, RevocationKind},
        rule::ExchangeRule,
        secret::Secret,
        session::{GrantBasis, RefreshToken, Session, SessionGrant, SessionOrigin},
        signing_key::KeySchedule,
        user::{Identity, Profile, User},
        verifying_alg::VerifyingAlg,
    },
    oauth::{grant_type::GrantType, scope::Scope},
    store::{exchange_rules::StoredRule, signing_keys::StoredKey},
};

pub(super) fn scope(text: &str) -> Scope {
    Scope::parse(text).expect("scope")
}

pub(super) fn a_client(id: &str) -> Client {
    Client {
        id: id.to_owned(),
        name: "Backend for the web UI".to_owned(),
        kind: ClientKind::ServiceAccount,
        enabled: true,
        grants: GrantType::ALL.to_vec(),
        access: vec![
            Access { audience: "b".to_owned(), scopes: scope("z.read a.read"), default_scopes: None },
            Access { audience: "a".to_owned(), scopes: scope("x"), default_scopes: Some(Scope::empty()) },
        ],
        permissions: BTreeMap::from([("service".to_owned(), vec!["KEY".to_owned()])]),
        exchange_error: ExchangeError::InvalidGrant,
        sign_in: ClientSignIn {
            redirect_uris: vec!["https://app.example/back".to_owned()],
            application: Some("web".to_owned()),
            default_claims: vec!["email".to_owned()],
            backchannel_logout_uri: Some("https://app.example/logout".to_owned()),
            backchannel_logout_session_required: true,
        },
        secrets: Vec::new(),
    }
}

pub(super) fn a_secret(id: &str) -> ClientSecret {
    ClientSecret::new(id.to_owned(), Secret::new(id).hash(), None)
}

pub(super) fn a_resource_server() -> ResourceServer {
    ResourceServer {
        audience: "api".to_owned(),
        scopes: scope("calendar.read calendar.edit"),
        scope_claim: ScopeClaim::Array,
        max_lifetime: Some(600),
        clients: vec!["bff".to_owned()],
        token_profile: TokenProfile::Rfc9068,
        signing_alg: Some(SigningAlg::EdDSA),
        token_typ: TokenTyp::Jwt,
        enabled: true,
    }
}

pub(super) fn an_application() -> Application {
    let webhook = Webhook {
        url: "https://hook.example/enrich".to_owned(),
        on_failure: OnFailure::IssueWithoutExtensions,
        secret_sha256: Secret::new("hook").hash(),
        managed_by_file: true,
        sealed_secret: vec![0, 255, 1],
    };
    Application {
        id: "app".to_owned(),
        name: "web".to_owned(),
        platform: "WEB".to_owned(),
        enabled: true,
        allowed_origins: vec!["https://app.example".to_owned()],
        allowed_proxy_urls: Vec::new(),
        key: Some(Secret::new("key").hash()),
        webhook: Some(webhook),
        login: LoginPreferences { totp: Some(TotpPreferences::default()), ..LoginPreferences::default() },
        users_join: UsersJoin::AtOnce,
    }
}

pub(super) fn an_identity_connection() -> IdentityConnection {
    let issuer = ForeignIssuer {
        authorities: Some("-----BEGIN CERTIFICATE-----".to_owned()),
        issuer: "https://idp.example".to_owned(),
        issuer_aliases: vec!["idp.example".to_owned()],
        jwks_uri: None,
        jwks: Some("{\"keys\":[]}".to_owned()),
        audiences: vec!["x".to_owned()],
        algorithms: vec![VerifyingAlg::ES256],
        claims: BTreeMap::from([("hd".to_owned(), "example".into()), ("run".to_owned(), 7.into())]),
        map: ClaimMap { email: "upn".to_owned(), ..ClaimMap::default() },
    };
    IdentityConnection {
        name: "idp".to_owned(),
        title: "Sign in with the provider".to_owned(),
        sort_order: -3,
        provider: IdentityProvider::Oidc(issuer),
        enabled: true,
        sign_in: Some(SignInClient {
            client_id: "tessera".to_owned(),
            authorization_endpoint: Some("https://idp.example/authorize".to_owned()),
            token_endpoint: None,
            scopes: scope("openid email"),
            token_endpoint_auth_method: TokenEndpointAuth::ClientSecretPost,
            response_mode: ResponseMode::FormPost,
            iss_required: true,
            secret_sha256: Secret::new("there").hash(),
            sealed_secret: vec![1, 0, 255],
        }),
    }
}

pub(super) fn a_rule(name: &str, position: i64) -> StoredRule {
    let rule: ExchangeRule = serde_json::from_value(serde_json::json!({
        "name": name, "client": "bff", "audience": ["api"], "mode": "impersonation", "pass_scopes": ["b", "a"],
        "claims": {"set": {"n": 1.5}}, "max_lifetime": 300
    }))
    .expect("rule");
    StoredRule { rule, position, enabled: true }
}

pub(super) fn a_key() -> StoredKey {
    StoredKey {
        environment_id: "one".to_owned(),
        kid: "kid".to_owned(),
        alg: SigningAlg::ES256,
        schedule: KeySchedule { created_at: 1, activates_at: 2, retires_at: None, removes_at: None, tokens_until: 0 },
        sealed_private_key: vec![0, 255, 0, 1],
        public_jwk: "{}".to_owned(),
    }
}

pub(super) fn a_permission() -> PermissionDefinition {
    PermissionDefinition {
        service_id: "media".to_owned(),
        key: "VIDEOS_EDIT".to_owned(),
        title: "Edit videos".to_owned(),
        gql_operations: vec!["updateVideo".to_owned()],
    }
}

pub(super) fn a_managed_service() -> ManagedService {
    ManagedService {
        service_id: "media".to_owned(),
        name: "Media".to_owned(),
        home_environment_id: "one".to_owned(),
        client_id: "bff".to_owned(),
        permissions: BTreeMap::from([("media".to_owned(), vec!["VIDEOS_EDIT".to_owned()])]),
        enabled: true,
    }
}

pub(super) fn a_user() -> User {
    User {
        id: "user".to_owned(),
        email: Some("ada@example.com".to_owned()),
        name: None,
        enabled: true,
        active_profile_id: "profile".to_owned(),
        created_at: 1,
        updated_at: 2,
    }
}

pub(super) fn an_identity() -> Identity {
    Identity { connection: "idp".to_owned(), subject_id: "their name, 名 and all".to_owned() }
}

pub(super) fn a_profile() -> Profile {
    Profile {
        id: "profile".to_owned(),
        user_id: "user".to_owned(),
        unique_identifier: Some("kids".to_owned()),
        display_name: Some("Kids".to_owned()),
        picture_url: None,
        created_at: 1,
    }
}

pub(super) fn a_revocation() -> Revocation {
    let value = "an id".to_owned();
    Revocation { kind: RevocationKind::Token, value, revoked_at: 10, expires_at: 20 }
}

pub(super) fn an_authorization_request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: "bff".to_owned(),
        redirect_uri: "https://app.example/back".to_owned(),
        state: Some("s".to_owned()),
        nonce: None,
        scope: Some(scope("openid x")),
        resources: vec!["a".to_owned()],
        code_challenge: "c".repeat(43),
        application_id: "app".to_owned(),
        connection: "idp".to_owned(),
        max_age: Some(60),
    }
}

pub(super) fn a_pending_sign_in(state: &str, expires_at: i64) -> PendingSignIn {
    PendingSignIn {
        state: Secret::new(state).hash(),
        browser: Secret::new("browser").hash(),
        request: an_authorization_request(),
        network: "192.0.2.1".to_owned(),
        expires_at,
    }
}

pub(super) fn a_code(text: &str) -> AuthorizationCode {
    let granted = CodeGrant { request: an_authorization_request(), subject_id: "ada".to_owned(), auth_time: 5 };
    AuthorizationCode {
        hash: Secret::new(text).hash(),
        user_id: "user".to_owned(),
        granted,
        expires_at: 60,
        used_at: None,
        session_id: None,
    }
}

pub(super) fn a_session(id: &str) -> Session {
    let grant = SessionGrant {
        subject: "user".to_owned(),
        subject_type: SubjectType::EndUserAccount,
        audience: vec!["api".to_owned()],
        scope: scope("calendar.read"),
        widened: Scope::empty(),
        act: Some(Actor::new("https://id.example", "bff")),
        may_act: None,
        anc: vec!["an id".to_owned()],
        anc_facts: AncestorFacts {
            iat: Some(1),
            client_ids: vec!["ui".to_owned()],
            kids: Vec::new(),
            sids: vec!["root".to_owned()],
            user_ids: vec!["helper".to_owned()],
            subjects: vec!["worker".to_owned()],
            application_ids: vec!["web".to_owned()],
        },
        claims: serde_json::Map::from_iter([("sid".to_owned(), id.into())]),
        parents: Vec::new(),
        basis: GrantBasis::SignIn("provider".to_owned()),
    };
    Session {
        id: id.to_owned(),
        environment_id: "one".to_owned(),
        client_id: "bff".to_owned(),
        grant,
        generation: 1,
        rotation: None,
        created_at: 10,
        last_used_at: 10,
        idle_expires_at: 50,
        expires_at: 100,
        end: None,
    }
}

pub(super) fn an_origin() -> Vec<SessionOrigin> {
    vec![(RevocationKind::Token, "an id".to_owned())]
}

pub(super) fn a_refresh_token(hash: &str, session_id: &str) -> RefreshToken {
    RefreshToken { hash: hash.to_owned(), session_id: session_id.to_owned(), generation: 1, created_at: 10 }
}
