//! One file per grant.

mod delegation;
mod token_exchange;
