//! Magic links and one-time codes.

mod link;
mod otp;

use super::endpoint::{Endpoint, Events};
use crate::audit::Event;

pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::of::<link::Send>(),
    Endpoint::of::<link::Authenticate>(),
    Endpoint::of::<otp::Send>(),
    Endpoint::of::<otp::Authenticate>(),
];

/// What is recorded of codes and links that are asked for.
const SEND_EVENTS: Events = Events { done: Event::CodeSent, refused: Event::CodeRefused };
