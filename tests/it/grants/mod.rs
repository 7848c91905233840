//! One file per grant.

mod client_credentials;
mod delegation;
pub mod refresh_token;
pub mod token_exchange;
