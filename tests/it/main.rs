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
mod backchannel_logout;
mod backend;
mod catalog;
mod cli;
mod codes;
mod delivery;
mod documents;
mod express;
mod grants;
mod graphql;
mod graphql_management;
mod graphql_tokens;
mod health;
mod introspection;
mod keys;
mod lifecycle;
mod login_preferences;
mod metrics;
mod observe;
mod outbound;
mod passwords;
mod properties;
mod revocation;
mod support;
mod token;
mod totp;
mod trace;
mod users;
mod walks;
mod webauthn;
mod webhook;
mod well_known;
