//! Magic links and one-time codes.

mod link;
mod otp;
mod reset;

use super::endpoint::{Endpoint, Events};
use crate::audit::Event;

pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::of::<link::Send>(),
    Endpoint::of::<link::Authenticate>(),
    Endpoint::of::<otp::Send>(),
    Endpoint::of::<otp::Authenticate>(),
    Endpoint::of::<reset::MailLink>(),
    Endpoint::of::<reset::MakeLink>(),
    Endpoint::of::<reset::MailCode>(),
    Endpoint::of::<reset::ValidateMail>(),
    Endpoint::of::<reset::TextCode>(),
    Endpoint::of::<reset::ValidateText>(),
];

/// What is recorded of codes and links that are asked for.
const SEND_EVENTS: Events = Events { done: Event::CodeSent, refused: Event::CodeRefused };
