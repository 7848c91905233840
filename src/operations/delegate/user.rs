//! A user in the database: found, or made once, however many ask at the same moment.

use std::sync::Arc;

use super::{DelegateError, Vouched};
use crate::{
    catalog::users::KnownUser,
    domain::{
        random::{Random, random_uuid},
        user::{MAX_PROFILES, Profile, User},
    },
    store::{Conn, Store, StoreError, environments, profiles, user_identities, users},
};

/// A user who is to be there.
pub(super) struct Wanted {
    pub environment_id: String,
    pub vouched: Vouched,
    pub random: Arc<dyn Random>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What was found or made.
pub(super) struct Found {
    pub known: KnownUser,
    /// Whether a user who was there already was brought up to date.
    pub changed: bool,
}

/// Whether e-mail and name are those that are kept, as far as they are given.
pub(super) fn says_nothing_new(vouched: &Vouched, user: &User) -> bool {
    let same = |given: &Option<String>, kept: &Option<String>| given.is_none() || given == kept;
    same(&vouched.email, &user.email) && same(&vouched.name, &user.name)
}

impl Wanted {
    /// Two or three statements for a user who was here before; a transaction only where something is to be written.
    pub(super) fn find_or_make(&self, store: &Store) -> Result<Found, DelegateError> {
        let found = store.read(|conn| self.find(conn))?;
        if let Some((user, Some(profile_id))) = found
            && (says_nothing_new(&self.vouched, &user) || !user.enabled)
        {
            return Ok(Found { known: KnownUser { user, profile_id }, changed: false });
        }
        store.transact(|conn| self.make(conn))
    }

    /// The user and the profile that is asked for, as far as they are there.
    fn find(&self, conn: &mut Conn<'_>) -> Result<Option<(User, Option<String>)>, StoreError> {
        let Some(user) = users::known_as(conn, &self.environment_id, &self.vouched.identity)? else { return Ok(None) };
        let profile_id = match &self.vouched.unique_profile_identifier {
            None => Some(user.active_profile_id.clone()),
            Some(name) => profiles::named(conn, &user.id, name)?.map(|profile| profile.id),
        };
        Ok(Some((user, profile_id)))
    }

    fn make(&self, conn: &mut Conn<'_>) -> Result<Found, DelegateError> {
        let mut user = self.find_or_make_user(conn)?;
        let mut changed = self.is_to_change(&user);
        if changed {
            environments::touch_users(conn, &self.environment_id)?;
            // Others that change users had to finish first, and may have disabled this one: what was read before is old,
            // and written back it would undo that.
            user = self.find_or_make_user(conn)?;
            changed = self.is_to_change(&user);
        }
        if changed {
            user.email = self.vouched.email.clone().or(user.email);
            user.name = self.vouched.name.clone().or(user.name);
            user.updated_at = self.now;
            users::update(conn, &self.environment_id, &user)?;
        }
        let profile_id = match &self.vouched.unique_profile_identifier {
            None => user.active_profile_id.clone(),
            Some(name) if user.enabled => self.find_or_make_profile(conn, &user.id, name)?,
            // Nothing is made for a user who gets nothing.
            Some(_) => String::new(),
        };
        Ok(Found { known: KnownUser { user, profile_id }, changed })
    }

    fn find_or_make_user(&self, conn: &mut Conn<'_>) -> Result<User, DelegateError> {
        match users::known_as(conn, &self.environment_id, &self.vouched.identity)? {
            Some(user) => Ok(user),
            None => self.make_user(conn),
        }
    }

    fn is_to_change(&self, user: &User) -> bool {
        user.enabled && !says_nothing_new(&self.vouched, user)
    }

    /// The rule of the database that a name belongs to one user decides between callers at the same moment; the slower
    /// one takes back what it made, and finds the other's.
    fn make_user(&self, conn: &mut Conn<'_>) -> Result<User, DelegateError> {
        let user = User {
            id: random_uuid(&*self.random)?,
            email: self.vouched.email.clone(),
            name: self.vouched.name.clone(),
            enabled: true,
            active_profile_id: random_uuid(&*self.random)?,
            created_at: self.now,
            updated_at: self.now,
        };
        let made = conn.savepoint(|conn| {
            users::insert(conn, &self.environment_id, &user)?;
            user_identities::insert(conn, &self.environment_id, &self.vouched.identity, &user.id, self.now)?;
            profiles::insert(conn, &self.profile(&user.active_profile_id, &user.id, None))
        });
        match made {
            Ok(()) => Ok(user),
            Err(error) if error.is_conflict() => {
                let other = users::known_as(conn, &self.environment_id, &self.vouched.identity)?;
                Ok(other.ok_or(error)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn find_or_make_profile(&self, conn: &mut Conn<'_>, user_id: &str, name: &str) -> Result<String, DelegateError> {
        let own = profiles::of_user(conn, user_id)?;
        if let Some(profile) = own.iter().find(|profile| profile.unique_identifier.as_deref() == Some(name)) {
            return Ok(profile.id.clone());
        }
        if own.len() >= MAX_PROFILES {
            return Err(DelegateError::TooManyProfiles);
        }
        let profile = self.profile(&random_uuid(&*self.random)?, user_id, Some(name));
        match conn.savepoint(|conn| profiles::insert(conn, &profile)) {
            Ok(()) => Ok(profile.id),
            Err(error) if error.is_conflict() => Ok(profiles::named(conn, user_id, name)?.ok_or(error)?.id),
            Err(error) => Err(error.into()),
        }
    }

    fn profile(&self, id: &str, user_id: &str, unique_identifier: Option<&str>) -> Profile {
        Profile {
            id: id.to_owned(),
            user_id: user_id.to_owned(),
            unique_identifier: unique_identifier.map(str::to_owned),
            display_name: None,
            picture_url: None,
            created_at: self.now,
        }
    }
}
