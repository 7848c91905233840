//! What an operator does at the command line.

mod apply;
mod apply_applications;
mod apply_large;
mod apply_permissions;
mod apply_refusals;
mod apply_tenants;
mod audit;
mod check_config;
mod databases;
mod exit_codes;
mod explain;
mod keys;
mod migrate;
mod output;
mod quickstart;
mod records;
mod replay;
mod rotation;
mod service_account;
