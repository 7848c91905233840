//! The words of the protocol, as pure types: what is on the wire, and what the RFCs call it.

pub mod credentials;
pub mod error;
mod form_text;
pub mod grant_type;
pub mod introspection;
pub mod metadata;
pub mod params;
pub mod redirect_uri;
pub mod resource;
pub mod response;
pub mod scope;
pub mod token_type;
