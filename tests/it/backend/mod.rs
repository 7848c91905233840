//! Signing users in behind applications' backends.

mod callers;
mod cis;
mod claims;
mod downgrade;
mod exchanged;
mod operators;
mod parallel;
mod permissions;
mod refresh;
mod sessions;
mod sso;
mod tenants;
mod two_applications;
mod userinfo;
