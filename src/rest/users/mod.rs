//! Users, as applications' backends keep them.

mod bodies;
mod change;
mod contacts;
mod read;
mod wire;

use super::{
    answer::ErrorShape,
    endpoint::{Endpoint, Events},
};
use crate::audit::Event;

/// What is fixed in a path comes before what is not: the first row that fits is taken.
pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::of::<change::Create>(),
    Endpoint::of::<read::List>(),
    Endpoint::of::<read::Count>(),
    Endpoint::of::<read::ByIdentifier>(),
    Endpoint::of::<read::Me>(),
    Endpoint::of::<read::ByEmail>(),
    Endpoint::of::<read::ByPhoneNumber>(),
    Endpoint::of::<read::ByUsername>(),
    Endpoint::of::<read::ByExternalUserId>(),
    Endpoint::of::<read::ById>(),
    Endpoint::of::<change::Update>(),
    Endpoint::of::<change::Leave>(),
    Endpoint::of::<change::Delete>(),
    Endpoint::of::<contacts::VerifyEmail>(),
    Endpoint::of::<contacts::VerifyPhoneNumber>(),
    Endpoint::of::<contacts::RemoveEmail>(),
    Endpoint::of::<contacts::RemovePhoneNumber>(),
];

/// How refusals of this part of the contract look.
const SHAPE: ErrorShape = ErrorShape::Number;
/// What is recorded of changes.
const EVENTS: Option<Events> = Some(Events { done: Event::ManagementChanged, refused: Event::ManagementRefused });
