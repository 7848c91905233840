//! Signing users in behind applications' backends.

mod callers;
mod refresh;
mod sessions;
mod sso;
