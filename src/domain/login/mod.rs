//! How users prove who they are.

pub mod one_time_code;
