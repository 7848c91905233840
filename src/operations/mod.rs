//! What the server can do, free of HTTP: the command line and the URLs call the same functions.

pub mod apply;
pub mod authenticate;
pub mod caller;
pub mod context;
pub mod delegate;
pub mod demo_token;
pub mod effect;
pub mod enrich;
pub mod environment_file;
pub mod foreign;
pub mod issue;
pub mod keys;
pub mod lookup;
pub mod management;
pub mod metadata;
pub mod mosaic_error;
pub mod mosaic_tokens;
pub mod permissions;
pub mod refresh;
pub mod revoke;
pub mod service_accounts;
pub mod sessions;
pub mod standing;
pub mod subject;
pub mod throttle;
pub mod token;
