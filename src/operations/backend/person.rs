//! A user with what users are found by, and with what tokens may say of one.

use crate::{
    domain::{
        login::{IdentifierKind, KnownIdentifier, claims::ClaimsRequest},
        user::User,
    },
    store::{
        Conn, StoreError, pending_joins,
        user_applications::{self, Membership},
        user_details::{self, StoredDetails},
        user_identifiers, users, webauthn_credentials,
    },
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

    /// The primary one of its kind: the address that is written to. Of usernames that of the application. A secondary one is no
    /// stand-in: it may be somebody else's.
    pub fn primary(&self, kind: IdentifierKind, application_id: &str) -> Option<&KnownIdentifier> {
        self.identifiers.iter().find(|one| match kind {
            IdentifierKind::Username => one.kind == kind && one.application_id == application_id,
            _ => one.kind == kind && one.is_primary,
        })
    }

    /// The one of that kind with that value, in normal form.
    pub fn identifier(&self, kind: IdentifierKind, value: &str) -> Option<&KnownIdentifier> {
        self.identifiers.iter().find(|one| one.kind == kind && one.value == value)
    }
}

/// The claims about passkeys, which are read only where somebody asks for them.
pub const WEBAUTHN_CLAIMS: [&str; 2] = ["webauthn", "webauthn_username"];

/// A user as the tokens of one application may speak of one.
#[derive(Debug, Clone)]
pub struct Portrait {
    /// The user, and the user's addresses and names.
    pub person: Person,
    /// What is known of the user besides.
    pub stored: StoredDetails,
    /// What the application keeps.
    pub membership: Membership,
    /// The names under which the user has passkeys in the application; read only where they were wanted.
    pub passkey_names: Vec<String>,
}

impl Portrait {
    /// Reads that of a user; `None` where there is no such user, or none who may sign in to the application. Whether the user is
    /// enabled is for the caller to ask.
    ///
    /// # Errors
    /// The database failed, or a row is corrupt.
    pub fn of(
        conn: &mut Conn<'_>,
        environment_id: &str,
        (user_id, application_id): (&str, &str),
        wanted: &ClaimsRequest,
    ) -> Result<Option<Self>, StoreError> {
        match user_applications::find(conn, user_id, application_id)? {
            Some(membership) => Self::with(conn, environment_id, user_id, membership, wanted),
            None => Ok(None),
        }
    }

    /// That of a user who joins the application now, by having proved to it who it is; `None` where there is no such user, or none
    /// who has yet to do so.
    ///
    /// # Errors
    /// The database failed, or a row is corrupt.
    pub fn of_joining(
        conn: &mut Conn<'_>,
        environment_id: &str,
        (user_id, application_id): (&str, &str),
        wanted: &ClaimsRequest,
        now: i64,
    ) -> Result<Option<Self>, StoreError> {
        if !pending_joins::has(conn, user_id, application_id)? {
            return Ok(None);
        }
        Self::with(conn, environment_id, user_id, Membership::new(application_id, now), wanted)
    }

    fn with(
        conn: &mut Conn<'_>,
        environment_id: &str,
        user_id: &str,
        membership: Membership,
        wanted: &ClaimsRequest,
    ) -> Result<Option<Self>, StoreError> {
        let Some(user) = users::find(conn, environment_id, user_id)? else { return Ok(None) };
        let is_wanted = |name: &str| wanted.id_token.contains_key(name) || wanted.access_token.contains_key(name);
        let passkeys = if WEBAUTHN_CLAIMS.into_iter().any(is_wanted) {
            webauthn_credentials::of_user(conn, environment_id, user_id)?
        } else {
            Vec::new()
        };
        let usable = passkeys
            .into_iter()
            .filter(|one| one.application_id == membership.application_id && one.removed_at.is_none());
        Ok(Some(Self {
            stored: user_details::find(conn, environment_id, user_id)?,
            passkey_names: usable.map(|one| one.username).collect(),
            membership,
            person: Person::of(conn, environment_id, user)?,
        }))
    }
}
