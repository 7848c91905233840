//! What an operator does at the command line.

mod apply;
mod apply_refusals;
mod check_config;
mod exit_codes;
mod keys;
mod migrate;
mod quickstart;
mod rotation;
mod service_account;
