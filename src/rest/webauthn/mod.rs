//! Passkeys. Browsers begin ceremonies, backends finish them.

mod ceremonies;
mod options;
mod passkeys;
mod wire;

use super::endpoint::{Endpoint, Events};
use crate::audit::Event;

/// What is fixed in a path comes before what is not.
pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::of::<ceremonies::RegisterStart>(),
    Endpoint::of::<ceremonies::AuthenticateStart>(),
    Endpoint::of::<ceremonies::Register>(),
    Endpoint::of::<ceremonies::RegisterExternal>(),
    Endpoint::of::<ceremonies::Authenticate>(),
    Endpoint::of::<passkeys::ListOwn>(),
    Endpoint::of::<passkeys::FindOwn>(),
    Endpoint::of::<passkeys::RenameOwn>(),
    Endpoint::of::<passkeys::RemoveOwn>(),
    Endpoint::of::<passkeys::ListOfUser>(),
    Endpoint::of::<passkeys::FindOfUser>(),
    Endpoint::of::<passkeys::RenameOfUser>(),
    Endpoint::of::<passkeys::RemoveOfUser>(),
];

/// What is recorded where passkeys are made, changed or removed.
const EVENTS: Option<Events> = Some(Events { done: Event::CredentialChanged, refused: Event::CredentialRefused });
