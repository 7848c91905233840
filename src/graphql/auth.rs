//! `/graphql`: authentication and tokens.

use async_graphql::MergedObject;

use super::server::ServerQuery;

/// What can be asked at `/graphql`.
#[derive(MergedObject)]
#[graphql(name = "Query")]
pub(super) struct AuthQuery(ServerQuery);

impl AuthQuery {
    pub fn new(dev_operations: bool) -> Self {
        Self(ServerQuery { dev_operations })
    }
}
