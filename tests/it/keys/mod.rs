//! What becomes of keys and secrets over time: rotation by schedule, another master key, secrets in use.

mod rewrap;
mod rotation;
mod secrets;
