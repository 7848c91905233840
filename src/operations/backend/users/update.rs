//! Changing what is known of a user.

use super::{
    Account, Scope, UserError,
    identifiers::{add_secondary, set_primary, set_username},
    load,
};
use crate::{
    domain::{
        login::IdentifierKind,
        user::{MAX_TEXT, is_text},
        user_details::{Address, CustomData, PersonName, check_custom_data, check_custom_size, day, merge_custom_data},
    },
    operations::{
        backend::session::end_all_in,
        facts::{Facts, Known as _},
    },
    store::{Conn, StoreError, environments, user_applications, user_details, users},
};

/// The longest `external_account_id`, in bytes.
const MAX_ACCOUNT_ID: usize = 255;

/// What is changed of a user, or what a new one is made of. What is `None` stays as it is; `Some(None)` is taken away.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// The primary e-mail address. Another one than before is not verified.
    pub email: Option<Option<String>>,
    /// The primary telephone number; as the address.
    pub phone_number: Option<Option<String>>,
    /// By which name the application knows the user.
    pub username: Option<Option<String>>,
    /// What the application's own system calls the user; one user of the environment has it.
    pub external_user_id: Option<Option<String>>,
    /// Addresses to have besides.
    pub secondary_emails: Vec<String>,
    /// Telephone numbers to have besides.
    pub secondary_phone_numbers: Vec<String>,
    /// The name, whole.
    pub name: Option<Option<PersonName>>,
    /// A day, or a moment of it.
    pub birthday: Option<Option<String>>,
    /// A URL.
    pub picture: Option<Option<String>>,
    /// A language tag, or an `Accept-Language` header.
    pub language: Option<Option<String>>,
    /// The address, whole.
    pub address: Option<Option<Address>>,
    /// What the application calls the user's account.
    pub external_account_id: Option<Option<String>>,
    /// Put over what is there, member by member.
    pub custom_data: Option<CustomData>,
    /// The same for what the application keeps alone.
    pub custom_app_data: Option<CustomData>,
    /// Whether the user may sign in, and gets tokens.
    pub enabled: Option<bool>,
}

impl AccountChange {
    /// By what people know the user, as far as it is given: what must not be in a password.
    pub fn names(&self) -> Vec<String> {
        let one = [&self.email, &self.phone_number, &self.username, &self.external_user_id];
        let more = self.secondary_emails.iter().chain(&self.secondary_phone_numbers);
        let name = self.name.iter().flatten();
        let parts = name.flat_map(|name| [&name.first_name, &name.middle_name, &name.last_name]).flatten();
        one.into_iter().flatten().flatten().chain(more).chain(parts).cloned().collect()
    }
}

/// Changes a user.
///
/// # Errors
/// There is no such user, a value cannot be kept, somebody else has an identifier, or the database failed.
pub fn update(
    conn: &mut Conn<'_>,
    scope: &Scope,
    user_id: &str,
    change: AccountChange,
) -> Result<(Facts, Account), UserError> {
    // First, so that two changes at once wait for each other, and so that every node hears of it.
    environments::touch_users(conn, &scope.environment_id)?;
    let account = load(conn, scope, user_id)?;
    let before = account.facts();
    Ok((before, apply(conn, scope, account, change)?))
}

/// Enables or disables a user. One who is disabled is signed out everywhere.
///
/// # Errors
/// There is no such user, or the database failed.
pub fn set_enabled(
    conn: &mut Conn<'_>,
    scope: &Scope,
    user_id: &str,
    enabled: bool,
) -> Result<(Facts, Account), UserError> {
    update(conn, scope, user_id, AccountChange { enabled: Some(enabled), ..AccountChange::default() })
}

/// Applies a change to a user who is there, and reads what came of it.
pub(super) fn apply(
    conn: &mut Conn<'_>,
    scope: &Scope,
    mut account: Account,
    change: AccountChange,
) -> Result<Account, UserError> {
    let mut mistakes = Vec::new();
    let own = own_data(scope, &account, &change, &mut mistakes);
    apply_details(scope, &mut account, &change, &mut mistakes);
    let nothing = CustomData::new();
    let kept_by_application = own.as_ref().map_or(&nothing, |own| &own.custom_data);
    mistakes.extend(check_custom_size(&account.stored.details.custom_data, kept_by_application));
    if !mistakes.is_empty() {
        return Err(UserError::Invalid(mistakes));
    }
    if let Some(enabled) = change.enabled.filter(|enabled| *enabled != account.user.enabled) {
        account.user.enabled = enabled;
        account.stored.status_changed_at = Some(scope.now);
        status_changed(conn, &scope.environment_id, &account.user.id, enabled, scope.now)?;
    }
    if let Some(own) = own {
        user_applications::update(conn, &account.user.id, &own)?;
    }
    set_primary(conn, scope, &mut account, IdentifierKind::Email, change.email)?;
    set_primary(conn, scope, &mut account, IdentifierKind::PhoneNumber, change.phone_number)?;
    set_primary(conn, scope, &mut account, IdentifierKind::ExternalUserId, change.external_user_id)?;
    set_username(conn, scope, &mut account, change.username)?;
    add_secondary(conn, scope, &mut account, IdentifierKind::Email, change.secondary_emails)?;
    add_secondary(conn, scope, &mut account, IdentifierKind::PhoneNumber, change.secondary_phone_numbers)?;
    write(conn, scope, account)
}

/// What else happens when a user is enabled or disabled, in a running transaction. One who is disabled is signed out everywhere: login
/// sessions end with their refresh tokens and all that came of them, exchanged tokens too. (What connections vouch for is of no
/// login session, and is refused as long as the user is disabled.)
///
/// # Errors
/// The database failed.
pub fn status_changed(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    enabled: bool,
    now: i64,
) -> Result<(), StoreError> {
    if !enabled {
        end_all_in(conn, environment_id, user_id, now)?;
    }
    user_details::note_status(conn, environment_id, user_id, now)
}

/// Writes the row of the user, and reads all of the user anew.
pub(super) fn write(conn: &mut Conn<'_>, scope: &Scope, mut account: Account) -> Result<Account, UserError> {
    if !account.has_identities {
        account.user.email = account.primary(IdentifierKind::Email).map(|email| email.shown.clone());
        let name = account.stored.details.name.as_ref().and_then(PersonName::full);
        account.user.name = name.filter(|name| is_text(name, MAX_TEXT));
    }
    account.user.updated_at = scope.now;
    users::update(conn, &scope.environment_id, &account.user)?;
    user_details::update(conn, &scope.environment_id, &account.user.id, &account.stored)?;
    load(conn, scope, &account.user.id)
}

fn apply_details(scope: &Scope, account: &mut Account, change: &AccountChange, mistakes: &mut Vec<String>) {
    let details = &mut account.stored.details;
    let AccountChange { name, birthday, picture, language, address, custom_data, .. } = change;
    set(&mut details.name, name);
    set(&mut details.picture, picture);
    set(&mut details.language, language);
    if let Some(birthday) = birthday {
        // What is no day is told below, with the other mistakes.
        details.birthday = birthday.as_ref().map(|text| day(text).unwrap_or_else(|| text.clone()));
    }
    if let Some(address) = address {
        details.address_updated_at = address.as_ref().map(|_| scope.now.saturating_mul(1000));
        details.address.clone_from(address);
    }
    if let Some(changes) = custom_data {
        merge_custom_data(&mut details.custom_data, changes.clone());
    }
    mistakes.extend(details.mistakes());
}

fn set<T: Clone>(member: &mut Option<T>, change: &Option<Option<T>>) {
    if let Some(change) = change {
        member.clone_from(change);
    }
}

/// What the application keeps after the change; `None` where it is none's, or nothing changes.
fn own_data(
    scope: &Scope,
    account: &Account,
    change: &AccountChange,
    mistakes: &mut Vec<String>,
) -> Option<user_applications::Membership> {
    let AccountChange { external_account_id, custom_app_data, .. } = change;
    let application = scope.application_id.as_deref();
    let Some(kept) = application.and_then(|application| account.membership(application)) else {
        if external_account_id.is_some() || custom_app_data.is_some() {
            mistakes.push("external_account_id and custom_app_data are an application's own: none asks".to_owned());
        }
        return None;
    };
    let mut kept = kept.clone();
    set(&mut kept.external_account_id, external_account_id);
    if kept.external_account_id.as_deref().is_some_and(|id| !is_text(id, MAX_ACCOUNT_ID)) {
        mistakes.push(format!("external_account_id must be 1 to {MAX_ACCOUNT_ID} bytes without control characters"));
    }
    if let Some(changes) = custom_app_data {
        merge_custom_data(&mut kept.custom_data, changes.clone());
    }
    mistakes.extend(check_custom_data("custom_app_data", &kept.custom_data));
    Some(kept)
}
