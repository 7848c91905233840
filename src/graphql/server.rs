//! What both endpoints say of the server.

use async_graphql::Object;

/// Fields of both query roots.
pub(super) struct ServerQuery {
    pub dev_operations: bool,
}

#[Object]
impl ServerQuery {
    /// The version of the server.
    async fn server_version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Whether the `dev…` operations exist here. They do on servers for development only.
    async fn dev_operations(&self) -> bool {
        self.dev_operations
    }
}
