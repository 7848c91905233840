//! Values and rules, free of I/O: what a token may be, who may have it, and why not.

pub mod address;
pub mod ancestry;
pub mod application;
pub mod claims;
pub mod client;
pub mod clock;
pub mod connection;
pub mod environment;
pub mod exchange;
pub mod foreign;
pub mod order;
pub mod party;
pub mod permission;
pub mod random;
pub mod revocation;
pub mod rule;
pub mod secret;
pub mod secret_use;
pub mod session;
pub mod signing_key;
pub mod subject;
pub mod suggestion;
pub mod timestamp;
pub mod trace;
pub mod user;
pub mod web_url;
