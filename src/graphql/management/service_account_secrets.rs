//! The secrets of a service account: list, add, expire.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::{service_accounts::change_one, shapes::payloads, users::time};
use crate::{
    graphql::{request, token::secret_payloads},
    operations::{
        management::{service_account_secrets as secrets, service_accounts::VIEW_SERVICE_ACCOUNTS},
        mosaic_error::MosaicError,
    },
    store::client_secrets::StoredSecret,
};

/// What can be asked about secrets of service accounts.
#[derive(Default)]
pub(in crate::graphql) struct ServiceAccountSecretQuery;

/// What can be done with secrets of service accounts.
#[derive(Default)]
pub(in crate::graphql) struct ServiceAccountSecretMutation;

/// What is known of a secret. The secret itself is kept nowhere.
#[derive(SimpleObject)]
struct ServiceAccountSecret {
    /// Its id; says nothing of the secret.
    secret_id: String,
    /// Whether it is good.
    is_active: bool,
    /// When it was made.
    created_at: String,
    /// When it expires or has expired; null for one that stays until it is replaced.
    expires_at: Option<String>,
    /// When it was last used, about a minute behind; null if never.
    last_used_at: Option<String>,
}

impl ServiceAccountSecret {
    fn of(stored: StoredSecret, now: i64) -> Self {
        Self {
            is_active: stored.secret.is_active(now),
            secret_id: stored.secret.id,
            created_at: time(stored.created_at),
            expires_at: stored.secret.expires_at.map(time),
            last_used_at: stored.last_used_at.map(time),
        }
    }
}

secret_payloads! {
    /// Id and the second secret, shown for the only time.
    AddServiceAccountSecretPayload;
}

payloads! {
    service_account_secret: ServiceAccountSecret, from ServiceAccountSecret;
    /// What is known of the secret now.
    ExpireServiceAccountSecretPayload;
}

/// Which service account.
#[derive(InputObject)]
struct AddServiceAccountSecretInput {
    /// Its id.
    client_id: String,
}

/// Which secret of which service account.
#[derive(InputObject)]
struct ExpireServiceAccountSecretInput {
    /// Its id.
    client_id: String,
    /// The id of the secret.
    secret_id: String,
    /// How many seconds it stays good; none when absent.
    keep_for_seconds: Option<i32>,
}

#[Object]
impl ServiceAccountSecretQuery {
    /// The secrets of a service account, newest first, expired ones included. Needs `ax-id-service: SERVICE_ACCOUNTS_VIEW`.
    async fn service_account_secrets(
        &self,
        ctx: &Context<'_>,
        client_id: String,
    ) -> Result<Option<Vec<ServiceAccountSecret>>, MosaicError> {
        let manager = request::of(ctx)?.manager().await;
        manager.check(VIEW_SERVICE_ACCOUNTS)?;
        let now = manager.context.clock.now();
        let found = secrets::list(manager.context, manager.environment, client_id).await?;
        Ok(Some(found.into_iter().map(|stored| ServiceAccountSecret::of(stored, now)).collect()))
    }
}

#[Object]
impl ServiceAccountSecretMutation {
    /// Gives a service account a second secret beside the one that it has. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`, and
    /// every permission that it has; one with scopes or exchange rules of its own gets one by command, or for itself.
    async fn add_service_account_secret(
        &self,
        ctx: &Context<'_>,
        input: AddServiceAccountSecretInput,
    ) -> Result<Option<AddServiceAccountSecretPayload>, MosaicError> {
        let id = input.client_id;
        let made = change_one(ctx, "addServiceAccountSecret", &id, async |manager, authority| {
            secrets::add(manager.context, manager.environment, authority, id.clone()).await
        });
        Ok(Some(made.await?.into()))
    }

    /// Lets a secret of a service account expire. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`, and every permission that it
    /// has.
    async fn expire_service_account_secret(
        &self,
        ctx: &Context<'_>,
        input: ExpireServiceAccountSecretInput,
    ) -> Result<Option<ExpireServiceAccountSecretPayload>, MosaicError> {
        let (id, keep) = (input.client_id, input.keep_for_seconds.map_or(0, i64::from));
        let changed = change_one(ctx, "expireServiceAccountSecret", &id, async |manager, authority| {
            secrets::expire(manager.context, manager.environment, authority, id.clone(), input.secret_id, keep).await
        });
        let now = request::of(ctx)?.context.clock.now();
        Ok(Some(ServiceAccountSecret::of(changed.await?.stored, now).into()))
    }
}
