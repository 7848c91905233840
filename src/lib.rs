//! Tessera, an OAuth 2.0 authorization server for service accounts, delegated tokens and token exchange.
//!
//! `docs/architecture.md` is the map. Imports run one way:
//! `cli → app → http → operations → grants → oxide → catalog, audit → store, jose → domain → oauth`.

pub mod audit;
pub mod domain;
pub mod oauth;
pub mod store;
