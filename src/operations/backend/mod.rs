//! Signing users in behind a backend.

pub mod codes;
