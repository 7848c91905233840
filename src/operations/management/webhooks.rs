//! The access-token enrichment webhooks of applications.

use super::{
    applications::{WithSecret, edit},
    checks::{self, not_found},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        application::{Application, OnFailure, Webhook},
        secret::Secret,
    },
    jose::master_key::webhook_secret_aad,
    operations::{context::Context, facts::Changed, mosaic_error::MosaicError},
    store::applications::StoredApplication,
};

/// A new secret, and it sealed for the application.
fn new_secret(
    context: &Context,
    environment: &EnvironmentSnapshot,
    application_id: &str,
) -> Result<(Secret, Vec<u8>), MosaicError> {
    let secret = Secret::generate(&*context.random)?;
    let aad = webhook_secret_aad(&environment.environment.id, application_id);
    let sealed = context.master_key.seal(&*context.random, secret.reveal().as_bytes(), &aad)?;
    Ok((secret, sealed))
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
    checks::id(&id)?;
    let (secret, sealed_secret) = new_secret(context, environment, &id)?;
    let secret_sha256 = secret.hash();
    let changed = edit(context, environment, id, move |application| {
        application.webhook = Some(match application.webhook.take() {
            Some(webhook) => Webhook { url, on_failure, ..webhook },
            None => Webhook { url, on_failure, secret_sha256, managed_by_file: false, sealed_secret },
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
    checks::id(&id)?;
    let (secret, sealed_secret) = new_secret(context, environment, &id)?;
    let secret_sha256 = secret.hash();
    let changed = edit(context, environment, id, move |application| {
        let webhook = application.webhook.as_mut().ok_or_else(not_found)?;
        (webhook.secret_sha256, webhook.sealed_secret) = (secret_sha256, sealed_secret);
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
    edit(context, environment, id, |application: &mut Application| {
        application.webhook = None;
        Ok(())
    })
    .await
}

fn has_secret(stored: &StoredApplication, secret: &Secret) -> bool {
    stored.application.webhook.as_ref().is_some_and(|webhook| webhook.secret_sha256.matches(secret))
}
