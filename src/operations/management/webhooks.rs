//! The access-token enrichment webhooks of applications.

use std::sync::Arc;

use super::{
    applications::{WithSecret, edit},
    checks::{self, not_found},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        application::{OnFailure, Webhook},
        random::Random,
        secret::Secret,
    },
    jose::master_key::{MasterKey, webhook_secret_aad},
    operations::{
        context::Context,
        facts::Changed,
        keys::{KeyError, sealing_key},
        mosaic_error::{MosaicCode, MosaicError},
    },
    store::{Conn, applications::StoredApplication},
};

/// Seals the secrets of an environment's webhooks.
struct Sealer {
    master_key: MasterKey,
    random: Arc<dyn Random>,
    environment_id: String,
}

impl Sealer {
    fn of(context: &Context, environment: &EnvironmentSnapshot) -> Self {
        let (master_key, random) = (context.master_key.clone(), Arc::clone(&context.random));
        Self { master_key, random, environment_id: environment.environment.id.clone() }
    }

    /// In the transaction that keeps it: a new master key may be taken into use at any other time.
    fn seal(&self, conn: &mut Conn<'_>, application_id: &str, secret: &Secret) -> Result<Vec<u8>, MosaicError> {
        let aad = webhook_secret_aad(&self.environment_id, application_id);
        Ok(sealing_key(conn, &self.master_key)?.seal(&*self.random, secret.reveal().as_bytes(), &aad)?)
    }
}

impl From<KeyError> for MosaicError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => error.into(),
            other => Self::from(MosaicCode::InternalError).with_detail(other.to_string()),
        }
    }
}

/// Says where the application's webhook is, and what becomes of tokens when it fails. A secret is made and shown with the
/// first webhook; the secret of one that there is stays, so that its receiver need not change.
///
/// # Errors
/// The URL may not be called, there is no such application, or the database or the random source fails.
pub async fn set(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
    url: String,
    on_failure: OnFailure,
) -> Result<Changed<WithSecret>, MosaicError> {
    checks::callable_url(&context.outbound, "url", &url)?;
    let secret = Secret::generate(&*context.random)?;
    let (sealer, new) = (Sealer::of(context, environment), secret.clone());
    let changed = edit(context, environment, id, move |conn, application| {
        application.webhook = Some(match application.webhook.take() {
            Some(webhook) => Webhook { url, on_failure, ..webhook },
            None => {
                let sealed_secret = sealer.seal(conn, &application.id, &new)?;
                Webhook { url, on_failure, secret_sha256: new.hash(), managed_by_file: false, sealed_secret }
            }
        });
        Ok(())
    })
    .await?;
    let is_new = has_secret(&changed.value, &secret);
    Ok(changed.map(|application| WithSecret { application, secret: is_new.then_some(secret) }))
}

/// Gives the application's webhook a new secret. Requests are signed with it from now on.
///
/// # Errors
/// There is no such application, it has no webhook, or the database or the random source fails.
pub async fn regenerate_secret(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Changed<WithSecret>, MosaicError> {
    let secret = Secret::generate(&*context.random)?;
    let (sealer, new) = (Sealer::of(context, environment), secret.clone());
    let changed = edit(context, environment, id, move |conn, application| {
        let webhook = application.webhook.as_mut().ok_or_else(not_found)?;
        webhook.sealed_secret = sealer.seal(conn, &application.id, &new)?;
        webhook.secret_sha256 = new.hash();
        Ok(())
    })
    .await?;
    Ok(changed.map(|application| WithSecret { application, secret: Some(secret) }))
}

/// Takes the application's webhook away, with its secret: tokens are made without `extensions`.
///
/// # Errors
/// There is no such application, or the database fails.
pub async fn clear(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Changed<StoredApplication>, MosaicError> {
    edit(context, environment, id, |_, application| {
        application.webhook = None;
        Ok(())
    })
    .await
}

fn has_secret(stored: &StoredApplication, secret: &Secret) -> bool {
    stored.application.webhook.as_ref().is_some_and(|webhook| webhook.secret_sha256.matches(secret))
}
