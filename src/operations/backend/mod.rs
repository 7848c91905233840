//! Backend authentication: applications' backends sign their users in here, with tokens of their own. `docs/backend-authentication.md`
//! is the contract; `rest` has its words.

pub mod authenticators;
pub mod call;
pub mod claims;
pub mod codes;
pub mod error;
pub mod kept_sessions;
pub mod lockout;
pub mod passwords;
pub mod person;
pub mod preferences;
mod proof;
pub mod refresh;
pub mod session;
pub mod sign_in;
pub mod totp;
pub mod users;
pub mod webauthn;
pub mod who;
