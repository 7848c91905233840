//! All tests that see the whole server. Folders mirror `src/grants` and the URLs.

#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that meets what it does not expect may panic, and prints what it measured"
)]

mod architecture;
mod authorize;
mod catalog;
mod cli;
mod documents;
mod grants;
mod graphql;
mod graphql_management;
mod graphql_tokens;
mod health;
mod introspection;
mod keys;
mod lifecycle;
mod metrics;
mod observe;
mod outbound;
mod properties;
mod revocation;
mod support;
mod token;
mod trace;
mod users;
mod webauthn;
mod webhook;
mod well_known;
