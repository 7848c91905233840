//! A real server per test: built by the same constructor as `main`, on a database of its own, spoken to over HTTP.

pub mod answer;
pub mod authenticator;
pub mod authenticator_app;
pub mod backend;
pub mod browser;
pub mod certificate;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod database;
pub mod forge;
pub mod guard;
pub mod hook;
pub mod leaks;
pub mod lifecycle;
pub mod mails;
pub mod maker;
pub mod peer;
pub mod pgbouncer;
pub mod process;
pub mod provider;
pub mod raw;
pub mod records;
pub mod rust_paths;
pub mod server;
pub mod sources;
pub mod texts;
pub mod tls_peer;
pub mod tokens;
pub mod tunnel;

pub use answer::Answer;
pub use database::Engine;
pub use process::{Installation, Process, eventually};
pub use server::TestServer;

/// Longer than anything takes that does not hang, on the slowest and busiest of machines.
pub const NO_HANG: std::time::Duration = std::time::Duration::from_secs(60);

/// The demo environment, which most tests run on.
pub const DEMO: &str = include_str!("../../../config/demo.toml");
/// Id and secret of the demo's `bff`.
pub const BFF: (&str, &str) = ("bff", "demo-secret-of-the-bff-do-not-use-elsewhere");
/// Id and secret of the demo's `calendar-service`.
pub const CALENDAR: (&str, &str) = ("calendar-service", "demo-secret-of-the-calendar-service-do-not-use-elsewhere");

/// A form that gets `bff` a token.
pub const CLIENT_CREDENTIALS: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// The `grant_type` of RFC 8693.
pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The token type of access tokens.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Makes a test of each function, once per engine: `both_engines! { fn name(engine) { … } }`.
#[macro_export]
macro_rules! both_engines {
    ($( $(#[$meta:meta])* fn $name:ident($engine:ident) $body:block )+) => {
        $(
            mod $name {
                use super::*;

                fn check($engine: $crate::support::Engine) $body

                $(#[$meta])*
                #[test]
                fn on_sqlite() {
                    check($crate::support::Engine::Sqlite);
                }

                $(#[$meta])*
                #[test]
                fn on_postgres() {
                    check($crate::support::Engine::Postgres);
                }
            }
        )+
    };
}
