//! What a resolver knows besides its arguments.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::GraphQlRequest;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    operations::{
        caller::Caller,
        context::Context,
        management::recorded::Manager,
        mosaic_error::{MosaicCode, MosaicError},
        mosaic_tokens::OperationRequest,
    },
};

/// The request that is being executed; [`of`] gives it to a resolver.
pub(super) struct RequestContext {
    /// What the operations work with.
    pub context: Arc<Context>,
    /// The environment whose endpoint was called.
    pub environment: Arc<EnvironmentSnapshot>,
    /// Headers, id and address of the request.
    pub request: GraphQlRequest,
    caller: OnceCell<Result<Caller, MosaicError>>,
}

impl RequestContext {
    pub fn new(context: Arc<Context>, environment: Arc<EnvironmentSnapshot>, request: GraphQlRequest) -> Self {
        Self { context, environment, request, caller: OnceCell::new() }
    }

    /// The request as operations know it, under the name of the field that is being resolved.
    pub fn operation(&self, name: &'static str) -> OperationRequest<'_> {
        OperationRequest {
            request_id: &self.request.request_id,
            trace: self.request.trace,
            client_address: self.request.client_address,
            operation: name,
        }
    }

    /// Who manages, in this request.
    pub async fn manager(&self) -> Manager<'_> {
        Manager {
            context: &self.context,
            environment: &self.environment,
            request_id: &self.request.request_id,
            trace: self.request.trace,
            client_address: self.request.client_address,
            caller: self.caller().await,
        }
    }

    /// Who calls, by the bearer token of the request. Asked for by several fields it is found out once.
    ///
    /// # Errors
    /// Those of [`Caller::authenticate`].
    pub async fn caller(&self) -> Result<&Caller, MosaicError> {
        let authenticate = || Caller::authenticate(&self.context, &self.environment, &self.request.authorization);
        self.caller.get_or_init(authenticate).await.as_ref().map_err(Clone::clone)
    }
}

/// The request that a resolver works for.
///
/// # Errors
/// [`MosaicCode::InternalError`]: the document was not executed by the engine.
pub(super) fn of<'c>(resolver: &async_graphql::Context<'c>) -> Result<&'c RequestContext, MosaicError> {
    let found = resolver.data::<RequestContext>();
    found.map_err(|_| MosaicError::from(MosaicCode::InternalError).with_detail("a resolver without its request"))
}
