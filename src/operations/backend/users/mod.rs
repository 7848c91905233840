//! Users, as applications' backends and operators keep them: by what they are found, what is known of them, and to which applications
//! they may sign in. The REST operations, GraphQL and the command line all end here.
//!
//! One user may have both: identities, by which connections vouch for the user, and identifiers, by which the user signs in behind a
//! backend. Nothing leads from one to the other. An e-mail address that a connection vouches for is in `users.email` and finds
//! nobody here: otherwise whoever can make a foreign provider say an address could take over the account that has it (ADR 0037).

mod account;
mod create;
mod error;
mod identifiers;
mod list;
pub mod operator;
mod remove;
mod run;
mod update;

pub use self::{
    account::{Account, Scope, find_by, load},
    create::{Made, create},
    error::UserError,
    identifiers::{add_identifier, join, remove_identifier, verify},
    list::{Found, MAX_PAGE, count, list},
    remove::{delete, leave},
    run::{change, look_up, scope_of},
    update::{AccountChange, set_enabled, status_changed, update},
};
