//! `enabledManagedServices`.

use async_graphql::{Context, Object, SimpleObject};

use crate::{graphql::request, operations::mosaic_error::MosaicError};

#[derive(Default)]
pub(super) struct ManagedServiceQuery;

#[Object]
impl ManagedServiceQuery {
    /// The services of others that the environment of the access token lets in.
    async fn enabled_managed_services(
        &self,
        ctx: &Context<'_>,
    ) -> Result<Option<Vec<EnabledManagedService>>, MosaicError> {
        let request = request::of(ctx)?;
        request.caller().await?;
        let enabled = request.environment.managed_services.iter().filter(|service| service.enabled);
        let shown = enabled.map(|service| EnabledManagedService {
            name: service.name.clone(),
            service_id: service.service_id.clone(),
        });
        Ok(Some(shown.collect()))
    }
}

/// A service of another environment.
#[derive(SimpleObject)]
pub(super) struct EnabledManagedService {
    /// For people.
    name: String,
    /// What permissions call it.
    service_id: String,
}
