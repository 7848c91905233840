//! Signing users in behind applications' backends.

mod callers;
mod cis;
mod operators;
mod refresh;
mod sessions;
mod sso;
mod userinfo;
