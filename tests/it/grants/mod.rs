//! One file per grant.

mod client_credentials;
mod delegation;
mod refresh_token;
mod token_exchange;
