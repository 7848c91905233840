//! `POST /introspect` (RFC 7662, RFC 9701).

mod answers;
mod callers;
mod signed;
