//! Everything that is sealed, sealed under another master key.

use std::fmt;

use super::{KeyError, KeyMaker};
use crate::{
    jose::{
        error::JoseError,
        master_key::{MasterKey, private_key_aad, sign_in_secret_aad, totp_secret_aad, webhook_secret_aad},
    },
    operations::operator::Done,
    store::{
        Conn, Store, StoreError, applications,
        applications::SealedSecret,
        environments, identity_connections,
        signing_keys::{self, SealedKey},
        totp,
    },
};

/// How many secrets of users are read at once.
const PAGE: i64 = 500;

/// How much was sealed anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Private signing keys.
    pub signing_keys: usize,
    /// Secrets of webhooks.
    pub webhook_secrets: usize,
    /// Secrets at the providers of identity connections.
    pub sign_in_secrets: usize,
    /// Secrets of authenticator apps.
    pub totp_secrets: usize,
}

impl Rewrapped {
    /// Whether nothing was left to do.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Rewrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signing_keys, webhook_secrets, sign_in_secrets, totp_secrets } = self;
        write!(
            f,
            "{signing_keys} signing keys, {webhook_secrets} webhook secrets, {sign_in_secrets} sign-in secrets and "
        )?;
        write!(f, "{totp_secrets} secrets of authenticator apps")
    }
}

/// What new things are sealed under: what the signing keys that are there are sealed under. While the master key is being
/// replaced there may be nodes that do not have the new one yet; [`rewrap`] moves all at once.
///
/// # Errors
/// The database fails, or there are keys and none of them opens.
pub fn sealing_key(conn: &mut Conn<'_>, master_key: &MasterKey) -> Result<MasterKey, KeyError> {
    if !master_key.has_previous() {
        return Ok(master_key.clone());
    }
    let mut failure = None;
    for key in signing_keys::sealed(conn)? {
        match master_key.that_opens(&key.sealed, &private_key_aad(&key.environment_id, &key.kid)) {
            Ok(in_use) => return Ok(in_use),
            Err(cause) => failure = failure.or(Some(does_not_open(&key, cause))),
        }
    }
    failure.map_or_else(|| Ok(master_key.clone()), Err)
}

/// Whether anything is sealed under a master key.
///
/// # Errors
/// The database fails.
pub fn anything_sealed(conn: &mut Conn<'_>) -> Result<bool, StoreError> {
    Ok(!signing_keys::sealed(conn)?.is_empty()
        || !applications::sealed(conn)?.is_empty()
        || !identity_connections::sealed(conn)?.is_empty()
        || !totp::sealed(conn, "", 1)?.is_empty())
}

/// Seals every private key and every secret of a webhook, a sign-in or an authenticator app under the current master key that is still sealed under the one before,
/// in all environments and in one transaction. Nodes that know both keys go on as before.
///
/// # Errors
/// The database fails, or something opens with neither key. Nothing was changed.
pub fn rewrap(store: &Store, maker: &KeyMaker<'_>) -> Result<Rewrapped, KeyError> {
    maker.operator.change(store, "keys rewrap", |conn| {
        // In one order for all: whoever is changing one of them is waited for, and would otherwise write back what was sealed
        // under the old key. It also lets every node read, and so prove to itself, what is there now.
        let mut all: Vec<String> = environments::all(conn)?.into_iter().map(|stored| stored.environment.id).collect();
        all.sort();
        for id in &all {
            environments::touch(conn, id, maker.now)?;
        }
        let done = Rewrapped {
            signing_keys: rewrap_keys(conn, maker)?,
            webhook_secrets: rewrap_secrets(conn, maker)?,
            sign_in_secrets: rewrap_sign_in_secrets(conn, maker)?,
            totp_secrets: rewrap_totp_secrets(conn, maker)?,
        };
        let detail = format!("{done} sealed under another master key");
        let record = Done { subject: "master key".to_owned(), detail: Some(detail), ..Done::default() };
        Ok((done, vec![record]))
    })
}

fn rewrap_keys(conn: &mut Conn<'_>, maker: &KeyMaker<'_>) -> Result<usize, KeyError> {
    let mut count = 0;
    for key in signing_keys::sealed(conn)? {
        let aad = private_key_aad(&key.environment_id, &key.kid);
        let anew = maker.master_key.reseal(maker.random, &key.sealed, &aad);
        if let Some(sealed) = anew.map_err(|cause| does_not_open(&key, cause))? {
            signing_keys::reseal(conn, &SealedKey { sealed, ..key })?;
            count += 1;
        }
    }
    Ok(count)
}

fn rewrap_secrets(conn: &mut Conn<'_>, maker: &KeyMaker<'_>) -> Result<usize, KeyError> {
    let mut count = 0;
    for secret in applications::sealed(conn)? {
        let aad = webhook_secret_aad(&secret.environment_id, &secret.application_id);
        let anew = maker.master_key.reseal(maker.random, &secret.sealed, &aad);
        let failed = |cause| KeyError::WebhookSecret { application_id: secret.application_id.clone(), cause };
        if let Some(sealed) = anew.map_err(failed)? {
            applications::reseal(conn, &SealedSecret { sealed, ..secret })?;
            count += 1;
        }
    }
    Ok(count)
}

fn rewrap_sign_in_secrets(conn: &mut Conn<'_>, maker: &KeyMaker<'_>) -> Result<usize, KeyError> {
    let mut count = 0;
    for secret in identity_connections::sealed(conn)? {
        let aad = sign_in_secret_aad(&secret.environment_id, &secret.connection);
        let anew = maker.master_key.reseal(maker.random, &secret.sealed, &aad);
        let failed = |cause| KeyError::SignInSecret { connection: secret.connection.clone(), cause };
        if let Some(sealed) = anew.map_err(failed)? {
            identity_connections::reseal(conn, &identity_connections::SealedSecret { sealed, ..secret })?;
            count += 1;
        }
    }
    Ok(count)
}

/// There may be one for every user, so they come a page at a time.
fn rewrap_totp_secrets(conn: &mut Conn<'_>, maker: &KeyMaker<'_>) -> Result<usize, KeyError> {
    let (mut count, mut last) = (0, String::new());
    loop {
        let page = totp::sealed(conn, &last, PAGE)?;
        let Some(end) = page.last() else { return Ok(count) };
        last.clone_from(&end.id);
        for secret in page {
            let aad = totp_secret_aad(&secret.environment_id, &secret.user_id, &secret.id);
            let anew = maker.master_key.reseal(maker.random, &secret.sealed, &aad);
            let failed = |cause| KeyError::TotpSecret { authenticator_id: secret.id.clone(), cause };
            if let Some(sealed) = anew.map_err(failed)? {
                totp::reseal(conn, &totp::SealedSecret { sealed, ..secret })?;
                count += 1;
            }
        }
    }
}

fn does_not_open(key: &SealedKey, cause: JoseError) -> KeyError {
    KeyError::MasterKey { kid: key.kid.clone(), cause }
}
