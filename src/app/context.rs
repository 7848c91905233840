//! What the operations work with, for the server and for commands that ask what it would answer.

use std::sync::Arc;

use super::{Sources, StartError, audit_options, load_catalog, outbound, throttle_options, whole_seconds};
use crate::{
    audit::AuditLog,
    catalog::foreign_keys::ForeignKeyCache,
    jose::master_key::MasterKey,
    operations::{
        backend::{
            codes::SendPolicy,
            passwords::{PasswordOptions, Passwords},
        },
        context::Context,
        delivery::{Delivery, DeliveryParts},
        sessions::SessionPolicy,
        throttle::Throttle,
    },
    outbound::{
        Outbound,
        mail::{MailOptions, MailSecurity, MailSignIn, Mailer},
        mail_token::MailTokenOptions,
        sms::{Gateway, GatewayMethod, GatewayOptions},
    },
    settings::{Email, EmailSecurity, EmailSignIn, EmailTokens, Settings, Sms},
    store::Store,
    webauthn::TrustAnchors,
};

/// Everything but the watch, which keeps the catalog up to date: whoever asks once needs none.
///
/// # Errors
/// The environments cannot be loaded, or the audit log or requests to others cannot be had.
pub fn context(
    settings: &Settings,
    sources: &Sources,
    store: &Store,
    master_key: MasterKey,
    public_url: String,
) -> Result<Context, StartError> {
    let catalog = Arc::new(load_catalog(settings, sources, store, master_key.clone(), public_url)?);
    let audit =
        AuditLog::start(store, audit_options(settings), Arc::clone(&sources.clock), Arc::clone(&sources.random))?;
    let outbound = outbound(settings)?;
    let delivery = Delivery::start(DeliveryParts {
        mailer: settings.email.as_ref().map(|email| mailer(email, &outbound)).transpose()?,
        gateway: settings.sms.as_ref().map(|sms| gateway(sms, &outbound)).transpose()?,
        audit: audit.clone(),
        clock: Arc::clone(&sources.clock),
        random: Arc::clone(&sources.random),
    })?;
    Ok(Context {
        catalog,
        audit,
        throttle: Arc::new(Throttle::new(&throttle_options(&settings.limits))),
        clock: Arc::clone(&sources.clock),
        random: Arc::clone(&sources.random),
        signing_alg: settings.tokens.signing_alg,
        master_key,
        foreign_keys: Arc::new(ForeignKeyCache::new(
            outbound.clone(),
            Arc::clone(&sources.clock),
            Arc::clone(&sources.random),
        )),
        passwords: Arc::new(passwords(settings, sources, &outbound)?),
        outbound,
        sending: send_policy(settings),
        sessions: session_policy(settings),
        hook_calls: Arc::default(),
        delivery,
        attestation_anchors: settings.webauthn.attestation_roots.as_deref().map(anchors).transpose()?,
        counts: Arc::default(),
    })
}

fn send_policy(settings: &Settings) -> SendPolicy {
    let limits = &settings.limits;
    SendPolicy {
        per_address: limits.messages_per_address,
        per_user: limits.messages_per_user,
        window: whole_seconds(limits.messages_window),
    }
}

fn anchors(pem: &str) -> Result<Arc<TrustAnchors>, StartError> {
    TrustAnchors::from_pem(pem).map(Arc::new).map_err(StartError::Attestation)
}

fn session_policy(settings: &Settings) -> SessionPolicy {
    let sessions = &settings.sessions;
    SessionPolicy {
        idle_lifetime: whole_seconds(sessions.idle_lifetime),
        absolute_lifetime: whole_seconds(sessions.absolute_lifetime),
        reuse_grace: whole_seconds(sessions.reuse_grace),
    }
}

fn passwords(settings: &Settings, sources: &Sources, outbound: &Outbound) -> Result<Passwords, StartError> {
    let passwords = &settings.passwords;
    let options = PasswordOptions {
        parameters: passwords.parameters,
        threads: passwords.hash_threads,
        queue: passwords.queue,
        breach_list_url: passwords.breach_list_url.clone(),
    };
    Passwords::start(options, outbound.clone(), Arc::clone(&sources.random)).map_err(StartError::Passwords)
}

/// What sends mails.
///
/// # Errors
/// The settings do not fit together, the certificates of the system cannot be read, or the token endpoint must not be called.
pub fn mailer(email: &Email, outbound: &Outbound) -> Result<Mailer, StartError> {
    let security = match email.security {
        EmailSecurity::Tls => MailSecurity::Tls,
        EmailSecurity::StartTls => MailSecurity::StartTls,
        EmailSecurity::None => MailSecurity::None,
    };
    let options = MailOptions {
        host: email.host.clone(),
        port: email.port,
        security,
        sign_in: mail_sign_in(&email.sign_in),
        from: email.from_address.clone(),
        from_name: email.from_name.clone(),
        timeout: email.timeout,
    };
    Mailer::new(&options, outbound).map_err(StartError::Mail)
}

fn mail_sign_in(sign_in: &EmailSignIn) -> MailSignIn {
    match sign_in.clone() {
        EmailSignIn::None => MailSignIn::None,
        EmailSignIn::Password(user, password) => MailSignIn::Password(user, password),
        EmailSignIn::Token(user, tokens) => {
            let EmailTokens { token_url, client_id, client_secret, refresh_token, scope } = tokens;
            MailSignIn::Token(user, MailTokenOptions { token_url, client_id, client_secret, refresh_token, scope })
        }
    }
}

/// What sends text messages.
///
/// # Errors
/// The settings do not fit together, or the URL must not be called.
pub fn gateway(sms: &Sms, outbound: &Outbound) -> Result<Gateway, StartError> {
    let options = GatewayOptions {
        url: sms.url.clone(),
        method: if sms.put { GatewayMethod::Put } else { GatewayMethod::Post },
        headers: sms.headers.clone(),
        body: sms.body.clone(),
        sender: sms.sender.clone(),
        statuses: sms.statuses.clone(),
        answer: sms.answer.clone(),
        timeout: sms.timeout,
    };
    Gateway::new(outbound.clone(), options).map_err(StartError::Sms)
}
