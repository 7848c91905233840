//! One of everything that sign-ins behind backends keep.

use std::collections::BTreeMap;

use crate::{
    domain::{
        login::{
            AuthMethod, IdentifierKind, KnownIdentifier,
            one_time_code::{CodeAddress, CodeBinding, CodeChannel, CodeDetails, CodePurpose, OneTimeCode},
            session::{Authentication, LoginSession},
        },
        passkey::{Ceremony, Device, Passkey, PendingCeremony},
        secret::Secret,
        totp::TotpParameters,
    },
    store::{sendings::SendLimit, totp::StoredTotp, totp_transactions::Transaction},
};

pub(super) fn a_totp() -> StoredTotp {
    StoredTotp {
        id: "an authenticator".to_owned(),
        user_id: "user".to_owned(),
        application_id: "app".to_owned(),
        label: "ann@example.com".to_owned(),
        issuer: "Demo".to_owned(),
        parameters: TotpParameters { digits: 8, ..TotpParameters::default() },
        sealed: vec![0, 255, 1],
        created_at: 1,
        last_used_at: None,
    }
}

pub(super) fn a_transaction() -> Transaction {
    Transaction {
        id: "a transaction".to_owned(),
        application_id: "app".to_owned(),
        user_id: Some("user".to_owned()),
        challenge: "123456".to_owned(),
        approval_data: "{}".to_owned(),
        expires_at: 600,
    }
}

pub(super) fn a_one_time_code() -> OneTimeCode {
    let approval = BTreeMap::from([("amount".to_owned(), "10".to_owned())]);
    OneTimeCode {
        id: "code".to_owned(),
        binding: CodeBinding {
            user_id: "user".to_owned(),
            application_id: "app".to_owned(),
            client_id: "bff".to_owned(),
            purpose: CodePurpose::SignIn,
            channel: CodeChannel::Link,
        },
        any_client: true,
        named_as: "a hash".to_owned(),
        address: Some(CodeAddress { value: "ada@example.com".to_owned(), is_own: true }),
        request_hash: Some("another hash".to_owned()),
        secret_hash: "a third hash".to_owned(),
        tries_left: 3,
        details: CodeDetails {
            approval_data: Some(approval),
            previous_reset: Some("a hash".to_owned()),
            ignore_mfa: true,
        },
        created_at: 10,
        expires_at: 20,
    }
}

pub(super) fn a_send_limit() -> SendLimit {
    SendLimit { kind: "user", holder: "user".to_owned(), most: 1, window: 60 }
}

pub(super) fn a_known_identifier() -> KnownIdentifier {
    KnownIdentifier {
        kind: IdentifierKind::Email,
        application_id: String::new(),
        value: "ada@example.com".to_owned(),
        shown: "Ada@example.com".to_owned(),
        is_primary: true,
        verified_at: Some(7),
    }
}

pub(super) fn a_login_session() -> LoginSession {
    LoginSession {
        id: "login".to_owned(),
        environment_id: "one".to_owned(),
        user_id: "user".to_owned(),
        secret: Secret::new("session").hash(),
        methods: vec![Authentication { method: AuthMethod::WebAuthn, at: 10 }],
        created_at: 10,
        idle_expires_at: 50,
        expires_at: 90,
        ended_at: None,
    }
}

pub(super) fn a_passkey(id: &str) -> Passkey {
    Passkey {
        id: id.to_owned(),
        user_id: "user".to_owned(),
        application_id: "app".to_owned(),
        username: "ada".to_owned(),
        user_handle: "aGFuZGxl".to_owned(),
        display_name: "Ada's phone".to_owned(),
        credential: r#"{"key":1}"#.to_owned(),
        counter: 7,
        aaguid: "00000000-0000-0000-0000-000000000000".to_owned(),
        devices: vec![Device { user_agent: "a browser".to_owned(), first_seen: 1, last_seen: 2 }],
        created_at: 1,
        last_seen_at: 2,
        removed_at: None,
    }
}

pub(super) fn a_ceremony(id: &str, expires_at: i64) -> PendingCeremony {
    PendingCeremony {
        id: Secret::new(id).hash(),
        application_id: "app".to_owned(),
        ceremony: Ceremony::Authentication {
            user_id: Some("user".to_owned()),
            approval_data: None,
            state: serde_json::json!({ "challenge": "AAAA" }),
        },
        network: "192.0.2.7".to_owned(),
        expires_at,
    }
}
