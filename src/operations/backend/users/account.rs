//! A user with all that belongs to one, and who sees whom.

use serde_json::{Value, json};

use super::UserError;
use crate::{
    domain::{
        login::{IdentifierKind, KnownIdentifier, identifier::normalized},
        user::{User, is_text},
    },
    operations::facts::{Facts, Known, Members, members_of},
    store::{
        Conn, StoreError,
        passwords::{self, StoredPassword},
        profiles,
        user_applications::{self, Membership},
        user_details::{self, StoredDetails},
        user_identifiers, user_identities, users,
    },
};

/// The longest id of a user, in bytes.
const MAX_ID: usize = 64;

/// Whose users somebody sees, and when.
#[derive(Debug, Clone)]
pub struct Scope {
    /// UUID of the environment.
    pub environment_id: String,
    /// The application whose backend asks: it sees the users who may sign in to it, and what is its own of them. `None` for whoever
    /// keeps the environment, and sees all.
    pub application_id: Option<String>,
    /// Seconds since 1970.
    pub now: i64,
}

/// A user with all that belongs to one.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// What is known of the user besides.
    pub stored: StoredDetails,
    /// By what the user is found, in the order in which they came.
    pub identifiers: Vec<KnownIdentifier>,
    /// The applications that the user may sign in to, each with what it keeps.
    pub memberships: Vec<Membership>,
    /// Whether a connection vouches for the user too: then `email` and `name` of [`User`] are what that one says.
    pub has_identities: bool,
    /// The user's password.
    pub password: Option<StoredPassword>,
    /// Whether the user has yet to prove to the application who it is. Nothing of the user is here then but the id, and what the
    /// application said itself.
    pub is_joining: bool,
}

impl Account {
    /// A user of whom nothing is known.
    pub(super) fn bare(user: User) -> Self {
        Self {
            user,
            stored: StoredDetails::default(),
            identifiers: Vec::new(),
            memberships: Vec::new(),
            has_identities: false,
            password: None,
            is_joining: false,
        }
    }

    /// The primary one of a kind. User names are one application's, and there is no other than its own.
    pub fn primary(&self, kind: IdentifierKind) -> Option<&KnownIdentifier> {
        self.identifiers.iter().find(|one| one.kind == kind && one.is_primary && one.application_id.is_empty())
    }

    /// Those of a kind besides the primary one.
    pub fn secondary(&self, kind: IdentifierKind) -> impl Iterator<Item = &KnownIdentifier> {
        self.identifiers.iter().filter(move |one| one.kind == kind && !one.is_primary)
    }

    /// By which name an application knows the user.
    pub fn username(&self, application_id: &str) -> Option<&KnownIdentifier> {
        let is_own = |one: &&KnownIdentifier| one.application_id == application_id;
        self.identifiers.iter().filter(is_own).find(|one| one.kind == IdentifierKind::Username)
    }

    /// What an application keeps of the user; `None` when the user may not sign in to it.
    pub fn membership(&self, application_id: &str) -> Option<&Membership> {
        self.memberships.iter().find(|one| one.application_id == application_id)
    }
}

impl Known for Account {
    /// Of what is known of a person the record has only that it changed: it is kept for longer than the user, and read by more.
    fn facts(&self) -> Facts {
        let Self { user, stored, identifiers, memberships, .. } = self;
        let applications: Value = memberships.iter().map(|one| json!(one.application_id)).collect();
        let shown = Members::from_iter([
            ("enabled".to_owned(), json!(user.enabled)),
            ("applications".to_owned(), applications),
        ]);
        let mut personal = members_of(&stored.details);
        personal.remove("address_updated_at");
        for one in identifiers {
            let name =
                if one.is_primary { one.kind.as_str().to_owned() } else { format!("secondary {}", one.kind.as_str()) };
            let all = personal.entry(name).or_insert_with(|| json!([]));
            if let Some(all) = all.as_array_mut() {
                all.push(json!([one.application_id, one.shown, one.verified_at.is_some()]));
            }
        }
        for one in memberships.iter().filter(|one| !one.custom_data.is_empty() || one.external_account_id.is_some()) {
            let kept = json!([one.custom_data, one.external_account_id]);
            personal.insert(format!("kept by {}", one.application_id), kept);
        }
        Facts::new(shown).with_personal(personal)
    }
}

/// The user with this id, as `scope` sees one.
///
/// # Errors
/// There is none, or the database failed.
pub fn load(conn: &mut Conn<'_>, scope: &Scope, user_id: &str) -> Result<Account, UserError> {
    if !is_text(user_id, MAX_ID) {
        return Err(UserError::NotFound);
    }
    let user = users::find(conn, &scope.environment_id, user_id)?.ok_or(UserError::NotFound)?;
    let account = assemble(conn, &scope.environment_id, user)?;
    match &scope.application_id {
        Some(application) if account.membership(application).is_none() => Err(UserError::NotFound),
        _ => Ok(account),
    }
}

pub(super) fn assemble(conn: &mut Conn<'_>, environment_id: &str, user: User) -> Result<Account, StoreError> {
    Ok(Account {
        stored: user_details::find(conn, environment_id, &user.id)?,
        identifiers: user_identifiers::of_user(conn, environment_id, &user.id)?,
        memberships: user_applications::of_user(conn, &user.id)?,
        password: passwords::find(conn, &user.id)?,
        has_identities: !user_identities::of_user(conn, environment_id, &user.id)?.is_empty(),
        is_joining: false,
        user,
    })
}

/// The user whose primary identifier of a kind it is.
///
/// # Errors
/// The text is no such identifier, nobody whom `scope` sees has it, or the database failed.
pub fn find_by(conn: &mut Conn<'_>, scope: &Scope, kind: IdentifierKind, text: &str) -> Result<Account, UserError> {
    let Some(value) = normalized(kind, text) else {
        return Err(UserError::invalid(format!("{} is invalid", kind.as_str())));
    };
    if kind == IdentifierKind::UserId {
        return load(conn, scope, &value);
    }
    let application = match (kind, &scope.application_id) {
        (IdentifierKind::Username, Some(application)) => application.as_str(),
        (IdentifierKind::Username, None) => {
            return Err(UserError::invalid("a user name is known to an application only"));
        }
        _ => "",
    };
    let owner = user_identifiers::owner(conn, &scope.environment_id, kind, application, &value)?;
    let account = load(conn, scope, &owner.ok_or(UserError::NotFound)?)?;
    let is_primary = account.identifiers.iter().any(|one| one.kind == kind && one.value == value && one.is_primary);
    if is_primary { Ok(account) } else { Err(UserError::NotFound) }
}

/// A profile for a new user.
pub(super) fn insert_profile(conn: &mut Conn<'_>, user: &User) -> Result<(), StoreError> {
    let profile = crate::domain::user::Profile {
        id: user.active_profile_id.clone(),
        user_id: user.id.clone(),
        unique_identifier: None,
        display_name: None,
        picture_url: None,
        created_at: user.created_at,
    };
    profiles::insert(conn, &profile)
}
