//! Tessera, an OAuth 2.0 authorization server for service accounts, delegated tokens and token exchange.
//!
//! `docs/architecture.md` is the map. Imports run one way:
//! `cli → app → http → graphql, rest → operations → grants → oxide → catalog, audit → store, jose, webauthn, outbound →
//! metrics → domain → oauth`.

pub mod app;
pub mod audit;
pub mod catalog;
pub mod cli;
pub mod domain;
pub mod grants;
pub mod graphql;
pub mod http;
pub mod jose;
pub mod metrics;
pub mod oauth;
pub mod operations;
pub mod outbound;
pub mod oxide;
pub mod rest;
pub mod settings;
pub mod store;
pub mod telemetry;
pub mod webauthn;
