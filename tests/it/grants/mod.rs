//! One file per grant.

mod client_credentials;
mod delegation;
mod token_exchange;
