//! Passkeys, with an authenticator in software.

mod attestation;
mod ceremonies;
mod garbage;
