//! The Mosaic operations and the management API as GraphQL, and the only place that names async-graphql.
//!
//! Two endpoints with a schema each: what one offers the other does not know. `docs/graphql.md` is the page for people,
//! `docs/graphql/` shows both schemas.
//!
//! A field that can fail is nullable: the executor does not carry a failure up to the next field that may be none.

mod answer;
mod auth;
mod body;
mod document;
mod lexical;
mod management;
mod permission_structure;
mod request;
mod schema;
mod server;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tests;
mod token;

use std::{net::IpAddr, sync::Arc};

use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::trace::Trace,
    operations::{
        context::Context,
        mosaic_error::{MosaicCode, MosaicError},
    },
};
use answer::About;
use request::RequestContext;
use schema::ErasedSchema;

pub use answer::GraphQlAnswer;

/// Which of the two schemas a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/graphql`: authentication and tokens.
    Auth,
    /// `/graphql-management`: what an environment consists of.
    Management,
}

/// A request as it came in.
pub struct GraphQlRequest {
    /// The JSON body.
    pub body: Vec<u8>,
    /// The values of all `Authorization` headers.
    pub authorization: Vec<Vec<u8>>,
    /// Names it in the log and in the answer.
    pub request_id: String,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
    /// The client's address.
    pub client_address: Option<IpAddr>,
}

/// Executes documents. One per node, shared by its workers.
pub struct Engine {
    context: Arc<Context>,
    auth: Box<dyn ErasedSchema>,
    management: Box<dyn ErasedSchema>,
}

impl Engine {
    /// Builds both schemas. `dev_operations` says whether the `dev…` operations exist at all.
    pub fn new(context: Context, dev_operations: bool) -> Self {
        Self {
            context: Arc::new(context),
            auth: schema::auth(dev_operations),
            management: schema::management(dev_operations),
        }
    }

    /// Executes one request. Whatever is wrong with it is said in the answer.
    pub async fn execute(
        &self,
        endpoint: Endpoint,
        environment: Arc<EnvironmentSnapshot>,
        request: GraphQlRequest,
    ) -> GraphQlAnswer {
        let schema = match endpoint {
            Endpoint::Auth => &self.auth,
            Endpoint::Management => &self.management,
        };
        let prepared = match body::read(&request.body) {
            Ok(prepared) => prepared,
            Err(error) => return self.refuse(error.code.status(), error, &request.request_id, request.trace),
        };
        let (request_id, trace) = (request.request_id.clone(), request.trace);
        let context = RequestContext::new(Arc::clone(&self.context), environment, request);
        let response = schema.execute(prepared.data(context)).await;
        answer::of(response, &self.about(&request_id, trace))
    }

    /// The answer to a request that cannot even be read, in the shape of all others. `status` is HTTP's.
    pub fn unreadable(&self, status: u16, message: &str, request_id: &str, trace: Option<Trace>) -> GraphQlAnswer {
        self.refuse(status, MosaicError::new(MosaicCode::GraphqlValidationFailed, message), request_id, trace)
    }

    fn refuse(&self, status: u16, error: MosaicError, request_id: &str, trace: Option<Trace>) -> GraphQlAnswer {
        answer::refusal(status, error, &self.about(request_id, trace))
    }

    fn about<'a>(&'a self, request_id: &'a str, trace: Option<Trace>) -> About<'a> {
        About { request_id, trace, now_millis: self.context.clock.now_millis(), counts: &self.context.counts }
    }
}
