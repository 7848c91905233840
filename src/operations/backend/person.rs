//! A user with what users are found by.

use crate::{
    domain::{
        login::{IdentifierKind, KnownIdentifier},
        user::User,
    },
    store::{Conn, StoreError, user_identifiers},
};

/// A user, and the user's addresses and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user.
    pub user: User,
    /// All of them, in the order in which they came.
    pub identifiers: Vec<KnownIdentifier>,
}

impl Person {
    /// Reads what the user is found by.
    ///
    /// # Errors
    /// The database failed.
    pub fn of(conn: &mut Conn<'_>, environment_id: &str, user: User) -> Result<Self, StoreError> {
        let identifiers = user_identifiers::of_user(conn, environment_id, &user.id)?;
        Ok(Self { user, identifiers })
    }

    /// The primary one of its kind: the address that is written to. Of usernames that of the application.
    pub fn primary(&self, kind: IdentifierKind, application_id: &str) -> Option<&KnownIdentifier> {
        let fits = |one: &&KnownIdentifier| {
            one.kind == kind && (one.application_id.is_empty() || one.application_id == application_id)
        };
        let mut all = self.identifiers.iter().filter(fits);
        all.clone().find(|one| one.is_primary).or_else(|| all.next())
    }

    /// The one of that kind with that value, in normal form.
    pub fn identifier(&self, kind: IdentifierKind, value: &str) -> Option<&KnownIdentifier> {
        self.identifiers.iter().find(|one| one.kind == kind && one.value == value)
    }
}
