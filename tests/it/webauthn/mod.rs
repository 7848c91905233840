//! Passkeys, with an authenticator in software.

mod attestation;
mod browsers;
mod ceremonies;
mod garbage;
mod login;
mod passkeys;
mod registration;
mod shop;
