//! By what a user is found. That nobody else has it is a key of the table, not a question asked before.

use super::{Account, Scope, UserError, load, update::write};
use crate::{
    domain::login::{IdentifierKind, KnownIdentifier, identifier::Identifier},
    operations::facts::{Facts, Known as _},
    store::{
        Conn, StoreError, environments, password_resets,
        user_applications::{self, Membership},
        user_identifiers,
    },
};

/// The most addresses, and the most telephone numbers, that a user has besides the primary one.
pub const MAX_SECONDARY: usize = 10;

/// Reads an identifier of `kind` for whoever sent it as `member`.
pub(super) fn parse(member: &str, kind: IdentifierKind, text: &str) -> Result<Identifier, UserError> {
    Identifier::parse(kind, text).map_err(|error| UserError::invalid(format!("{member} {error}")))
}

fn insert(conn: &mut Conn<'_>, scope: &Scope, account: &mut Account, known: KnownIdentifier) -> Result<(), UserError> {
    let added = user_identifiers::insert(conn, &scope.environment_id, &account.user.id, &known, scope.now);
    match added {
        Err(StoreError::Conflict(_)) => return Err(UserError::taken(known.kind)),
        other => other?,
    }
    account.identifiers.push(known);
    Ok(())
}

fn known(identifier: Identifier, application_id: &str, is_primary: bool) -> KnownIdentifier {
    KnownIdentifier {
        kind: identifier.kind,
        application_id: application_id.to_owned(),
        value: identifier.value,
        shown: identifier.shown,
        is_primary,
        verified_at: None,
    }
}

fn remove(conn: &mut Conn<'_>, scope: &Scope, account: &mut Account, gone: &KnownIdentifier) -> Result<(), UserError> {
    user_identifiers::remove(conn, &scope.environment_id, &account.user.id, gone)?;
    if matches!(gone.kind, IdentifierKind::Email | IdentifierKind::PhoneNumber) {
        // A link that went to the address may not be good for longer than the address.
        password_resets::delete_of_user(conn, &account.user.id)?;
    }
    account.identifiers.retain(|one| one != gone);
    Ok(())
}

/// Makes `text` the primary identifier of its kind. One that the user has already is raised, and the one before it stays beside it;
/// otherwise it takes the place of the one before, and is not verified.
pub(super) fn set_primary(
    conn: &mut Conn<'_>,
    scope: &Scope,
    account: &mut Account,
    kind: IdentifierKind,
    change: Option<Option<String>>,
) -> Result<(), UserError> {
    let Some(change) = change else { return Ok(()) };
    let before = account.primary(kind).cloned();
    let Some(text) = change else {
        return before.map_or(Ok(()), |before| remove(conn, scope, account, &before));
    };
    let identifier = parse(kind.as_str(), kind, &text)?;
    if account.identifiers.iter().any(|one| one.kind == kind && one.value == identifier.value) {
        return raise(conn, scope, account, &identifier);
    }
    if let Some(before) = before {
        remove(conn, scope, account, &before)?;
    }
    insert(conn, scope, account, known(identifier, "", true))
}

/// Makes an identifier that the user has the primary one of its kind.
fn raise(conn: &mut Conn<'_>, scope: &Scope, account: &mut Account, to: &Identifier) -> Result<(), UserError> {
    for one in account.identifiers.iter_mut().filter(|one| one.kind == to.kind) {
        one.is_primary = one.value == to.value;
        if one.is_primary {
            one.shown.clone_from(&to.shown);
        }
        user_identifiers::update(conn, &scope.environment_id, &account.user.id, one)?;
    }
    Ok(())
}

/// By which name the application of `scope` knows the user from now on.
pub(super) fn set_username(
    conn: &mut Conn<'_>,
    scope: &Scope,
    account: &mut Account,
    change: Option<Option<String>>,
) -> Result<(), UserError> {
    let Some(change) = change else { return Ok(()) };
    let Some(application) = scope.application_id.clone() else {
        return Err(UserError::invalid("a user name is an application's own: none asks"));
    };
    let identifier = change.map(|text| parse("username", IdentifierKind::Username, &text)).transpose()?;
    if let Some(before) = account.username(&application).cloned() {
        remove(conn, scope, account, &before)?;
    }
    match identifier {
        Some(identifier) => insert(conn, scope, account, known(identifier, &application, true)),
        None => Ok(()),
    }
}

/// Adds identifiers besides the primary one. Those that the user has already stay as they are.
pub(super) fn add_secondary(
    conn: &mut Conn<'_>,
    scope: &Scope,
    account: &mut Account,
    kind: IdentifierKind,
    texts: Vec<String>,
) -> Result<(), UserError> {
    for text in texts {
        let identifier = parse(&format!("secondary {}", kind.as_str()), kind, &text)?;
        if account.identifiers.iter().any(|one| one.kind == kind && one.value == identifier.value) {
            continue;
        }
        if account.secondary(kind).count() >= MAX_SECONDARY {
            return Err(UserError::invalid(format!("a user has at most {MAX_SECONDARY} more of {}", kind.as_str())));
        }
        insert(conn, scope, account, known(identifier, "", false))?;
    }
    Ok(())
}

fn own(account: &Account, kind: IdentifierKind, text: &str, application: &str) -> Result<KnownIdentifier, UserError> {
    let identifier = parse(kind.as_str(), kind, text)?;
    let is_it =
        |one: &&KnownIdentifier| one.kind == kind && one.value == identifier.value && one.application_id == application;
    account.identifiers.iter().find(is_it).cloned().ok_or(UserError::NoIdentifier(kind))
}

/// Takes the word of whoever asks that an address or a number is the user's; and makes it the primary one, if that is wanted.
///
/// # Errors
/// There is no such user, or the user has no such identifier; or the database failed.
pub fn verify(
    conn: &mut Conn<'_>,
    scope: &Scope,
    user_id: &str,
    (kind, text): (IdentifierKind, &str),
    make_primary: bool,
) -> Result<(Facts, Account), UserError> {
    edit(conn, scope, user_id, |conn, account| {
        let found = own(account, kind, text, "")?;
        let verified = KnownIdentifier { verified_at: Some(scope.now), ..found.clone() };
        user_identifiers::update(conn, &scope.environment_id, &account.user.id, &verified)?;
        account.identifiers.iter_mut().filter(|one| **one == found).for_each(|one| *one = verified.clone());
        if !make_primary {
            return Ok(());
        }
        raise(conn, scope, account, &Identifier { kind, value: verified.value, shown: verified.shown })
    })
}

/// Gives a user one more identifier: the primary one of its kind where there is none yet. For those who keep the environment, who may
/// say that it is verified.
///
/// # Errors
/// There is no such user, it is none, somebody else has it, or the database failed.
pub fn add_identifier(
    conn: &mut Conn<'_>,
    scope: &Scope,
    user_id: &str,
    (kind, text): (IdentifierKind, &str),
    is_verified: bool,
) -> Result<(Facts, Account), UserError> {
    edit(conn, scope, user_id, |conn, account| {
        let text = text.to_owned();
        match kind {
            IdentifierKind::Username => set_username(conn, scope, account, Some(Some(text.clone())))?,
            IdentifierKind::UserId => return Err(UserError::invalid("the id of a user cannot be chosen")),
            _ if kind == IdentifierKind::ExternalUserId || account.primary(kind).is_none() => {
                set_primary(conn, scope, account, kind, Some(Some(text.clone())))?;
            }
            _ => add_secondary(conn, scope, account, kind, vec![text.clone()])?,
        }
        if !is_verified || !matches!(kind, IdentifierKind::Email | IdentifierKind::PhoneNumber) {
            return Ok(());
        }
        let found = own(account, kind, &text, "")?;
        let verified = KnownIdentifier { verified_at: Some(scope.now), ..found };
        user_identifiers::update(conn, &scope.environment_id, &account.user.id, &verified)?;
        Ok(())
    })
}

/// Takes an identifier away. The primary address or number stays while there are others, which would have none before them.
///
/// # Errors
/// There is no such user, the user has no such identifier, it is the primary one of several, or the database failed.
pub fn remove_identifier(
    conn: &mut Conn<'_>,
    scope: &Scope,
    user_id: &str,
    (kind, text): (IdentifierKind, &str),
    only_secondary: bool,
) -> Result<(Facts, Account), UserError> {
    edit(conn, scope, user_id, |conn, account| {
        let application = match (kind, &scope.application_id) {
            (IdentifierKind::Username, Some(application)) => application.as_str(),
            _ => "",
        };
        let gone = own(account, kind, text, application)?;
        if gone.is_primary && (only_secondary || account.secondary(kind).next().is_some()) {
            return Err(UserError::invalid(format!("it is the primary {}", kind.as_str())));
        }
        remove(conn, scope, account, &gone)
    })
}

/// Lets a user sign in to an application.
///
/// # Errors
/// There is no such user, the user is in it already, or the database failed.
pub fn join(
    conn: &mut Conn<'_>,
    scope: &Scope,
    user_id: &str,
    application_id: &str,
) -> Result<(Facts, Account), UserError> {
    edit(conn, scope, user_id, |conn, account| {
        if !user_applications::add(conn, &account.user.id, application_id, scope.now)? {
            return Err(UserError::Taken("the user is associated with the application already".to_owned()));
        }
        account.memberships.push(Membership::new(application_id, scope.now));
        Ok(())
    })
}

pub(super) fn edit(
    conn: &mut Conn<'_>,
    scope: &Scope,
    user_id: &str,
    work: impl FnOnce(&mut Conn<'_>, &mut Account) -> Result<(), UserError>,
) -> Result<(Facts, Account), UserError> {
    environments::touch_users(conn, &scope.environment_id)?;
    let mut account = load(conn, scope, user_id)?;
    let before = account.facts();
    work(conn, &mut account)?;
    Ok((before, write(conn, scope, account)?))
}
