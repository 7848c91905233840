//! Changes of applications, their keys and their enrichment webhooks.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{
    applications::{Application, EnrichmentFailure},
    manager,
    platform::ApplicationPlatform,
    shapes::{id_inputs, payloads},
};
use crate::{
    operations::{
        management::{
            applications::{self, NewApplication, WithSecret},
            recorded::{EDIT_APPLICATIONS, Operation},
            webhooks,
        },
        mosaic_error::MosaicError,
    },
    store::applications::StoredApplication,
};

/// What an application is made of.
#[derive(InputObject)]
pub(super) struct ApplicationInput {
    /// Unique in the environment.
    name: String,
    /// A label for people.
    application_platform: ApplicationPlatform,
    /// Origins of its pages, such as `https://app.example`.
    allowed_origins: Option<Vec<String>>,
    /// URLs of its proxies.
    allowed_proxy_urls: Option<Vec<String>>,
}

/// Input of `createApplication`.
#[derive(InputObject)]
pub(super) struct CreateApplicationInput {
    /// The application.
    application: ApplicationInput,
}

/// What is changed of an application. What is left out stays as it is.
#[derive(InputObject)]
pub(super) struct ApplicationPatch {
    /// Unique in the environment.
    name: Option<String>,
    /// A label for people.
    application_platform: Option<ApplicationPlatform>,
    /// Tokens of a disabled application's users are refused.
    enabled: Option<bool>,
    /// Origins of its pages, in place of all there are.
    allowed_origins: Option<Vec<String>>,
    /// URLs of its proxies, in place of all there are.
    allowed_proxy_urls: Option<Vec<String>>,
}

/// Input of `updateApplication`.
#[derive(InputObject)]
pub(super) struct UpdateApplicationInput {
    /// Which application.
    id: ID,
    /// What is changed of it.
    patch: ApplicationPatch,
}

id_inputs! {
    /// Input of `deleteApplication`.
    DeleteApplicationInput;
    /// Input of `regenerateApplicationKey`.
    RegenerateApplicationKeyInput;
    /// Input of `clearApplicationKey`.
    ClearApplicationKeyInput;
    /// Input of `regenerateEnrichmentWebhookSecret`.
    RegenerateEnrichmentWebhookSecretInput;
    /// Input of `clearEnrichmentWebhook`.
    ClearEnrichmentWebhookInput;
}

/// Input of `setEnrichmentWebhook`.
#[derive(InputObject)]
pub(super) struct SetEnrichmentWebhookInput {
    /// Which application.
    id: ID,
    /// Where the webhook is: https, and where this server may call.
    url: String,
    /// What becomes of a token when the call fails.
    #[graphql(default_with = "EnrichmentFailure::Refuse")]
    on_failure: EnrichmentFailure,
}

payloads! {
    application: Application, from StoredApplication;
    /// What `createApplication` made.
    CreateApplicationPayload;
    /// What `updateApplication` changed.
    UpdateApplicationPayload;
    /// What `deleteApplication` deleted, as it was.
    DeleteApplicationPayload;
    /// The application without a key.
    ClearApplicationKeyPayload;
    /// The application without an enrichment webhook.
    ClearEnrichmentWebhookPayload;
}

/// An application, and the key that was made for it.
#[derive(SimpleObject)]
pub(super) struct RegenerateApplicationKeyPayload {
    /// The application.
    application: Application,
    /// The key. Only its hash is kept: it is shown this once.
    application_key: Option<String>,
}

/// An application, and the secret that was made for its first webhook.
#[derive(SimpleObject)]
pub(super) struct SetEnrichmentWebhookPayload {
    /// The application.
    application: Application,
    /// The secret that requests are signed with, shown this once; none where there was a webhook, which keeps its own.
    secret: Option<String>,
}

/// An application, and the secret that was made for its webhook.
#[derive(SimpleObject)]
pub(super) struct RegenerateEnrichmentWebhookSecretPayload {
    /// The application.
    application: Application,
    /// The secret that requests are signed with, shown this once.
    secret: Option<String>,
}

impl From<ApplicationInput> for NewApplication {
    fn from(input: ApplicationInput) -> Self {
        Self {
            name: input.name,
            platform: input.application_platform.0,
            allowed_origins: input.allowed_origins.unwrap_or_default(),
            allowed_proxy_urls: input.allowed_proxy_urls.unwrap_or_default(),
        }
    }
}

impl From<ApplicationPatch> for applications::ApplicationPatch {
    fn from(patch: ApplicationPatch) -> Self {
        Self {
            name: patch.name,
            platform: patch.application_platform.map(|platform| platform.0),
            enabled: patch.enabled,
            allowed_origins: patch.allowed_origins,
            allowed_proxy_urls: patch.allowed_proxy_urls,
        }
    }
}

impl From<WithSecret> for SetEnrichmentWebhookPayload {
    fn from(made: WithSecret) -> Self {
        let (application, secret) = shown(made);
        Self { application, secret }
    }
}

impl From<WithSecret> for RegenerateEnrichmentWebhookSecretPayload {
    fn from(made: WithSecret) -> Self {
        let (application, secret) = shown(made);
        Self { application, secret }
    }
}

impl From<WithSecret> for RegenerateApplicationKeyPayload {
    fn from(made: WithSecret) -> Self {
        let (application, application_key) = shown(made);
        Self { application, application_key }
    }
}

/// The one place where a new key or secret is shown.
fn shown(made: WithSecret) -> (Application, Option<String>) {
    (made.application.into(), made.secret.map(|secret| secret.reveal().to_owned()))
}

/// What can be done with applications. Each needs `ax-user-service: APPLICATIONS_EDIT`.
#[derive(Default)]
pub(super) struct ApplicationMutation;

fn edit<'a>(name: &'static str, id: &'a str) -> Operation<'a> {
    Operation { name, permission: EDIT_APPLICATIONS, subject: Some(id) }
}

#[Object]
impl ApplicationMutation {
    /// Makes an application, disabled at first. Needs `ax-user-service: APPLICATIONS_EDIT`.
    async fn create_application(
        &self,
        ctx: &Context<'_>,
        input: CreateApplicationInput,
    ) -> Result<Option<CreateApplicationPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let operation = Operation { name: "createApplication", permission: EDIT_APPLICATIONS, subject: None };
        let work = applications::create(manager.context, manager.environment, input.application.into());
        Ok(Some(manager.change(operation, work).await?.into()))
    }

    /// Changes an application. Needs `ax-user-service: APPLICATIONS_EDIT`.
    async fn update_application(
        &self,
        ctx: &Context<'_>,
        input: UpdateApplicationInput,
    ) -> Result<Option<UpdateApplicationPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = applications::update(manager.context, manager.environment, input.id.0.clone(), input.patch.into());
        Ok(Some(manager.change(edit("updateApplication", &input.id), work).await?.into()))
    }

    /// Deletes an application; its users' tokens are refused from now on. Needs `ax-user-service: APPLICATIONS_EDIT`.
    async fn delete_application(
        &self,
        ctx: &Context<'_>,
        input: DeleteApplicationInput,
    ) -> Result<Option<DeleteApplicationPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = applications::delete(manager.context, manager.environment, input.id.0.clone());
        Ok(Some(manager.change(edit("deleteApplication", &input.id), work).await?.into()))
    }

    /// Gives an application a new key, shown this once, in place of the one it had. Needs
    /// `ax-user-service: APPLICATIONS_EDIT`.
    async fn regenerate_application_key(
        &self,
        ctx: &Context<'_>,
        input: RegenerateApplicationKeyInput,
    ) -> Result<Option<RegenerateApplicationKeyPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = applications::regenerate_key(manager.context, manager.environment, input.id.0.clone());
        Ok(Some(manager.change(edit("regenerateApplicationKey", &input.id), work).await?.into()))
    }

    /// Takes an application's key away. Needs `ax-user-service: APPLICATIONS_EDIT`.
    async fn clear_application_key(
        &self,
        ctx: &Context<'_>,
        input: ClearApplicationKeyInput,
    ) -> Result<Option<ClearApplicationKeyPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = applications::clear_key(manager.context, manager.environment, input.id.0.clone());
        Ok(Some(manager.change(edit("clearApplicationKey", &input.id), work).await?.into()))
    }

    /// Says where an application's enrichment webhook is. With the first one a secret is made and shown this once. Needs
    /// `ax-user-service: APPLICATIONS_EDIT`.
    async fn set_enrichment_webhook(
        &self,
        ctx: &Context<'_>,
        input: SetEnrichmentWebhookInput,
    ) -> Result<Option<SetEnrichmentWebhookPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let (id, on_failure) = (input.id.0.clone(), input.on_failure.into());
        let work = webhooks::set(manager.context, manager.environment, id, input.url, on_failure);
        Ok(Some(manager.change(edit("setEnrichmentWebhook", &input.id), work).await?.into()))
    }

    /// Gives an application's enrichment webhook a new secret, shown this once. Needs
    /// `ax-user-service: APPLICATIONS_EDIT`.
    async fn regenerate_enrichment_webhook_secret(
        &self,
        ctx: &Context<'_>,
        input: RegenerateEnrichmentWebhookSecretInput,
    ) -> Result<Option<RegenerateEnrichmentWebhookSecretPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = webhooks::regenerate_secret(manager.context, manager.environment, input.id.0.clone());
        Ok(Some(manager.change(edit("regenerateEnrichmentWebhookSecret", &input.id), work).await?.into()))
    }

    /// Takes an application's enrichment webhook away, with its secret. Needs `ax-user-service: APPLICATIONS_EDIT`.
    async fn clear_enrichment_webhook(
        &self,
        ctx: &Context<'_>,
        input: ClearEnrichmentWebhookInput,
    ) -> Result<Option<ClearEnrichmentWebhookPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = webhooks::clear(manager.context, manager.environment, input.id.0.clone());
        Ok(Some(manager.change(edit("clearEnrichmentWebhook", &input.id), work).await?.into()))
    }
}
