//! The same from the command line: an operator sees all users of an environment, and of what an application knows alone that of
//! the application which is named.

use super::{
    Account, AccountChange, Found, Scope, UserError, add_identifier, create, delete, find_by, join, leave, list, load,
    remove_identifier, set_enabled, verify,
};
use crate::{
    domain::{application::UsersJoin, login::IdentifierKind},
    operations::{
        facts::{Changed, Differences, Facts, Known as _},
        lookup::EnvironmentLookup,
        operator::{Done, Operator},
    },
    store::{Conn, Store, applications, environments, user_listing::Listing},
};

/// Where an operator works.
#[derive(Debug, Clone, Default)]
pub struct Where {
    /// The environment.
    pub environment: EnvironmentLookup,
    /// The application whose names and data are meant, by its name.
    pub application: Option<String>,
}

/// What an operator does with a user.
#[derive(Debug, Clone)]
pub enum Act {
    /// Lets the user sign in, or not any more.
    Enable(bool),
    /// Deletes the user.
    Delete,
    /// Gives the user one more identifier.
    AddIdentifier {
        /// What it is.
        kind: IdentifierKind,
        /// It.
        text: String,
        /// Whether the operator has verified it.
        verified: bool,
    },
    /// Takes one away.
    RemoveIdentifier(IdentifierKind, String),
    /// Says that the operator has verified one.
    Verify(IdentifierKind, String),
    /// Lets the user sign in to the application.
    Join,
    /// Takes the user out of the application.
    Leave,
}

impl Act {
    /// Its name in the audit log.
    const fn operation(&self) -> &'static str {
        match self {
            Act::Enable(true) => "user enable",
            Act::Enable(false) => "user disable",
            Act::Delete => "user delete",
            Act::AddIdentifier { .. } => "user identifiers add",
            Act::RemoveIdentifier(..) => "user identifiers remove",
            Act::Verify(..) => "user identifiers verify",
            Act::Join => "user join",
            Act::Leave => "user leave",
        }
    }

    fn run(self, conn: &mut Conn<'_>, scope: &Scope, user_id: &str) -> Result<Changed<Account>, UserError> {
        let changed: (Facts, Account) = match self {
            Act::Delete => return delete(conn, scope, user_id),
            Act::Leave => return leave(conn, scope, user_id),
            Act::Enable(enabled) => set_enabled(conn, scope, user_id, enabled)?,
            Act::AddIdentifier { kind, text, verified } => {
                add_identifier(conn, scope, user_id, (kind, &text), verified)?
            }
            Act::RemoveIdentifier(kind, text) => remove_identifier(conn, scope, user_id, (kind, &text), false)?,
            Act::Verify(kind, text) => verify(conn, scope, user_id, (kind, &text), false)?,
            Act::Join => {
                let application = scope.application_id.clone();
                let application = application.ok_or_else(|| UserError::invalid("say which application"))?;
                let everywhere = Scope { application_id: None, ..scope.clone() };
                join(conn, &everywhere, user_id, &application)?
            }
        };
        Ok(changed.into())
    }
}

impl Where {
    fn scope(&self, conn: &mut Conn<'_>, now: i64) -> Result<Scope, UserError> {
        let environment = self.environment.find(conn)?;
        let environment = environment.ok_or_else(|| UserError::invalid(self.environment.not_found()))?;
        let application_id = match &self.application {
            None => None,
            Some(name) => {
                let all = applications::list(conn, &environment.id)?;
                let found = all.into_iter().find(|one| one.application.name == *name || one.application.id == *name);
                let unknown = || UserError::invalid(format!("there is no application {name:?}"));
                Some(found.ok_or_else(unknown)?.application.id)
            }
        };
        Ok(Scope { environment_id: environment.id, application_id, now })
    }
}

/// The user who is called so: an id, or an e-mail address.
fn named(conn: &mut Conn<'_>, scope: &Scope, user: &str) -> Result<Account, UserError> {
    let everywhere = Scope { application_id: None, ..scope.clone() };
    if user.contains('@') {
        return find_by(conn, &everywhere, IdentifierKind::Email, user);
    }
    load(conn, &everywhere, user)
}

/// Makes a user; with an application, one who may sign in to it.
///
/// # Errors
/// A value cannot be kept, somebody has an identifier, or the database or the random source failed.
pub fn create_at(
    store: &Store,
    operator: &Operator<'_>,
    place: &Where,
    change: &AccountChange,
    verified: bool,
) -> Result<Account, UserError> {
    operator.change(store, "user create", |conn| {
        let scope = place.scope(conn, operator.now())?;
        // Before the rows of identifiers, as everybody takes them.
        environments::touch_users(conn, &scope.environment_id)?;
        let made = create(conn, &scope, operator.random, change, None, UsersJoin::AtOnce)?;
        let (mut account, mut differences) = (made.account, made.differences);
        // Not of a user who was there: whoever makes one says nothing of that one.
        if verified && made.is_new {
            for kind in [IdentifierKind::Email, IdentifierKind::PhoneNumber] {
                if let Some(known) = account.primary(kind).cloned() {
                    account = verify(conn, &scope, &account.user.id, (kind, &known.shown), false)?.1;
                }
            }
            differences = Differences::between(None, Some(&account.facts()));
        }
        let done = Done::to(&scope.environment_id, &account.user.id, differences);
        Ok((account, vec![done]))
    })
}

/// Does something with the user who is called so.
///
/// # Errors
/// There is no such user, it cannot be done, or the database failed.
pub fn act_at(
    store: &Store,
    operator: &Operator<'_>,
    place: &Where,
    user: &str,
    act: Act,
) -> Result<Account, UserError> {
    operator.change(store, act.operation(), |conn| {
        let scope = place.scope(conn, operator.now())?;
        let id = named(conn, &scope, user)?.user.id;
        let Changed { value, differences } = act.run(conn, &scope, &id)?;
        Ok((value, vec![Done::to(&scope.environment_id, &id, differences)]))
    })
}

/// The user who is called so.
///
/// # Errors
/// There is no such user, or the database failed.
pub fn show_at(store: &Store, place: &Where, user: &str, now: i64) -> Result<Account, UserError> {
    store.snapshot(|conn| {
        let scope = place.scope(conn, now)?;
        named(conn, &scope, user)
    })
}

/// A page of users.
///
/// # Errors
/// There is no such environment or application, or the database failed.
pub fn list_at(
    store: &Store,
    place: &Where,
    prefix: Option<String>,
    (limit, offset): (i64, i64),
    now: i64,
) -> Result<Found, UserError> {
    store.snapshot(|conn| {
        let scope = place.scope(conn, now)?;
        list(conn, &scope, &Listing { prefix, ..Listing::default() }, limit, offset)
    })
}
