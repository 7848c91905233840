//! What belongs to users, as those who manage an environment see it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::recorded::Subject;
use crate::{
    domain::{
        login::KnownIdentifier,
        user::{Identity, Profile, User},
    },
    operations::facts::{Facts, Known, Members},
    store::{Conn, StoreError, profiles, user_applications, user_identifiers, user_identities},
};

/// A user with all that belongs to one.
#[derive(Debug, Clone)]
pub struct UserDetails {
    /// The user.
    pub user: User,
    /// Under which names others know the user.
    pub identities: Vec<Identity>,
    /// The user's profiles, oldest first.
    pub profiles: Vec<Profile>,
    /// By what the user is found when signing in behind an application's backend.
    pub identifiers: Vec<KnownIdentifier>,
    /// UUIDs of the applications that the user may sign in to.
    pub applications: Vec<String>,
}

impl Subject for UserDetails {
    fn subject(&self) -> &str {
        &self.user.id
    }
}

impl Known for UserDetails {
    fn facts(&self) -> Facts {
        let Self { user, identities, profiles, .. } = self;
        let identities: Value = identities
            .iter()
            .map(|identity| json!({ "connection": identity.connection, "subject_id": identity.subject_id }))
            .collect();
        Facts::new(Members::from_iter([
            ("email".to_owned(), json!(user.email)),
            ("name".to_owned(), json!(user.name)),
            ("enabled".to_owned(), json!(user.enabled)),
            ("active_profile_id".to_owned(), json!(user.active_profile_id)),
            ("identities".to_owned(), identities),
            ("profiles".to_owned(), profiles.iter().map(|profile| json!(profile.id)).collect()),
        ]))
    }
}

/// What of a listed user is wanted besides the user.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// The names.
    pub identities: bool,
    /// The profiles.
    pub profiles: bool,
    /// The identifiers and the applications.
    pub sign_in: bool,
}

pub(super) fn details(conn: &mut Conn<'_>, environment_id: &str, user: User) -> Result<UserDetails, StoreError> {
    let identities = user_identities::of_user(conn, environment_id, &user.id)?;
    let profiles = profiles::of_user(conn, &user.id)?;
    let identifiers = user_identifiers::of_user(conn, environment_id, &user.id)?;
    let applications = user_applications::of_user(conn, &user.id)?;
    let applications = applications.into_iter().map(|one| one.application_id).collect();
    Ok(UserDetails { user, identities, profiles, identifiers, applications })
}

/// One statement for all profiles, one for all identities and so on, however many users there are.
pub(super) fn with_details(
    conn: &mut Conn<'_>,
    environment_id: &str,
    users: Vec<User>,
    wanted: Wanted,
) -> Result<Vec<UserDetails>, StoreError> {
    let ids: Vec<String> = users.iter().map(|user| user.id.clone()).collect();
    let mut identities: BTreeMap<String, Vec<Identity>> = BTreeMap::new();
    if wanted.identities {
        for (user_id, identity) in user_identities::of_users(conn, environment_id, &ids)? {
            identities.entry(user_id).or_default().push(identity);
        }
    }
    let mut own: BTreeMap<String, Vec<Profile>> = BTreeMap::new();
    if wanted.profiles {
        for profile in profiles::of_users(conn, &ids)? {
            own.entry(profile.user_id.clone()).or_default().push(profile);
        }
    }
    let mut identifiers: BTreeMap<String, Vec<KnownIdentifier>> = BTreeMap::new();
    let mut applications: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if wanted.sign_in {
        for (user_id, identifier) in user_identifiers::of_users(conn, environment_id, &ids)? {
            identifiers.entry(user_id).or_default().push(identifier);
        }
        for (user_id, membership) in user_applications::of_users(conn, &ids)? {
            applications.entry(user_id).or_default().push(membership.application_id);
        }
    }
    let detailed = users.into_iter().map(|user| UserDetails {
        identities: identities.remove(&user.id).unwrap_or_default(),
        profiles: own.remove(&user.id).unwrap_or_default(),
        identifiers: identifiers.remove(&user.id).unwrap_or_default(),
        applications: applications.remove(&user.id).unwrap_or_default(),
        user,
    });
    Ok(detailed.collect())
}
