//! The words of the protocol, as pure types: what is on the wire, and what the RFCs call it.

pub mod error;
pub mod grant_type;
pub mod scope;
pub mod token_type;
