//! Applications, as they are shown.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{
    list::{StringFilter, page_cost},
    manager,
    platform::ApplicationPlatform,
};
use crate::{
    domain::application::OnFailure,
    operations::{
        management::{applications, checks::Page, recorded::VIEW_APPLICATIONS},
        mosaic_error::MosaicError,
    },
    store::{Origin, applications::StoredApplication},
};

/// An application that end users sign in to.
#[derive(SimpleObject)]
pub(super) struct Application {
    /// UUID.
    id: ID,
    /// Unique in the environment.
    name: String,
    /// A label for people.
    application_platform: ApplicationPlatform,
    /// Tokens of a disabled application's users are refused.
    enabled: bool,
    /// Origins of its pages. Kept for services that answer browsers.
    allowed_origins: Vec<String>,
    /// URLs of its proxies. Kept for those who run them.
    allowed_proxy_urls: Vec<String>,
    /// Whether it has a key, so that it can authenticate. The key itself is shown once, when it is made.
    has_application_key: bool,
    /// Who is asked for the `extensions` of its users' tokens.
    enrichment_webhook: Option<EnrichmentWebhook>,
    /// Whether an environment file looks after it: the next time the file is applied, it says again what is in there.
    managed_by_file: bool,
}

/// The access-token enrichment webhook of an application. Its secret is shown once, when it is made.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct EnrichmentWebhook {
    #[graphql(skip)]
    pub(super) application_id: String,
    /// Where it is called.
    url: String,
    /// What becomes of a token when the call fails.
    on_failure: EnrichmentFailure,
}

/// What becomes of a token when the enrichment webhook fails.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "OnFailure")]
pub(super) enum EnrichmentFailure {
    /// There is none.
    Refuse,
    /// It is issued without `extensions`.
    IssueWithoutExtensions,
}

impl From<StoredApplication> for Application {
    fn from(stored: StoredApplication) -> Self {
        let StoredApplication { application, origin } = stored;
        let application_id = application.id.clone();
        let enrichment_webhook = application.webhook.map(|webhook| EnrichmentWebhook {
            application_id,
            url: webhook.url,
            on_failure: webhook.on_failure.into(),
        });
        Self {
            id: application.id.into(),
            name: application.name,
            application_platform: ApplicationPlatform(application.platform),
            enabled: application.enabled,
            allowed_origins: application.allowed_origins,
            allowed_proxy_urls: application.allowed_proxy_urls,
            has_application_key: application.key.is_some(),
            enrichment_webhook,
            managed_by_file: origin == Origin::File,
        }
    }
}

/// Some applications.
#[derive(SimpleObject)]
pub(super) struct ApplicationsConnection {
    /// Those of the page, by name.
    nodes: Vec<Application>,
    /// How many the filter lets through.
    total_count: usize,
}

/// Which applications are listed.
#[derive(InputObject)]
pub(super) struct ApplicationFilter {
    /// The one of this name.
    name: Option<StringFilter>,
}

/// What can be asked about applications.
#[derive(Default)]
pub(super) struct ApplicationQuery;

#[Object]
impl ApplicationQuery {
    /// The applications of the environment, by name; at most 100 at once. Needs `ax-user-service: APPLICATIONS_VIEW`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn applications(
        &self,
        ctx: &Context<'_>,
        filter: Option<ApplicationFilter>,
        first: Option<i32>,
        offset: Option<i32>,
    ) -> Result<Option<ApplicationsConnection>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(VIEW_APPLICATIONS)?;
        let name = StringFilter::equal(filter.and_then(|filter| filter.name));
        let page = Page::new(first, offset)?;
        let found = applications::list(manager.context, manager.environment, name, page).await?;
        let nodes = found.nodes.into_iter().map(Into::into).collect();
        Ok(Some(ApplicationsConnection { nodes, total_count: found.total }))
    }

    /// The application with this id, if the environment has one. Needs `ax-user-service: APPLICATIONS_VIEW`.
    async fn application(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Application>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(VIEW_APPLICATIONS)?;
        Ok(applications::find(manager.context, manager.environment, id.0).await?.map(Into::into))
    }
}
