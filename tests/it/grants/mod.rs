//! One file per grant.

mod delegation;
