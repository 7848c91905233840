//! Making a user, or letting one who is there sign in to one more application.

use super::{
    Account, AccountChange, Scope, UserError, account::insert_profile, identifiers::parse, load, update::apply,
};
use crate::{
    domain::{
        application::UsersJoin,
        login::{IdentifierKind, KnownIdentifier, identifier::Identifier},
        random::{Random, random_uuid},
        user::User,
    },
    operations::{
        backend::passwords::Accepted,
        facts::{Changed, Differences, Facts, Known as _, Members},
    },
    store::{
        Conn, environments, passwords, pending_joins,
        user_applications::{self, Membership},
        user_identifiers, users,
    },
};

/// How often somebody who came a moment too late looks again. Once is enough, unless whoever was faster is deleted in between.
const ATTEMPTS: usize = 3;

/// What came of it.
#[derive(Debug)]
pub struct Made {
    /// The user.
    pub account: Account,
    /// Whether there was no such user before; otherwise one who was there may sign in to one more application.
    pub is_new: bool,
    /// What is other than before.
    pub differences: Differences,
}

/// What is to be made.
struct Wanted<'a> {
    scope: &'a Scope,
    change: &'a AccountChange,
    password: Option<&'a Accepted>,
    join: UsersJoin,
    /// All that is given, each with the application whose it is.
    identifiers: Vec<(Identifier, String)>,
}

/// Makes a user. If one is there whose identifiers those are, that user may sign in to the application of `scope` from now on, or
/// from the moment on at which the user proves to it who it is, as `join` says; and nothing else of the user is changed, the password
/// neither: whoever asks cannot change somebody else's account by knowing an address of it.
///
/// Of those who do this at the same moment with the same identifier, one makes the user.
///
/// # Errors
/// A value cannot be kept; an identifier is that of a user who is in the application already, or those of several users; there
/// is no identifier; or the database or the random source failed.
pub fn create(
    conn: &mut Conn<'_>,
    scope: &Scope,
    random: &dyn Random,
    change: &AccountChange,
    password: Option<&Accepted>,
    join: UsersJoin,
) -> Result<Made, UserError> {
    let wanted = Wanted { scope, change, password, join, identifiers: given(scope, change)? };
    if wanted.identifiers.is_empty() {
        let mistake = "give one of email, phone_number, username and external_user_id: nothing else finds the user";
        return Err(UserError::invalid(mistake));
    }
    for _ in 0..ATTEMPTS {
        if let Some(owner) = wanted.owner(conn)? {
            match wanted.join(conn, &owner) {
                // The user was deleted in between.
                Err(UserError::NotFound) => continue,
                other => return other,
            }
        }
        match conn.savepoint(|conn| wanted.insert(conn, random)) {
            // Somebody was faster.
            Err(UserError::Taken(_)) => {}
            other => return other,
        }
    }
    Err(UserError::Taken("an identifier is taken".to_owned()))
}

/// The identifiers of a user who is to be made; all mistakes at once.
fn given(scope: &Scope, change: &AccountChange) -> Result<Vec<(Identifier, String)>, UserError> {
    let primary = [
        ("email", IdentifierKind::Email, &change.email),
        ("phone_number", IdentifierKind::PhoneNumber, &change.phone_number),
        ("external_user_id", IdentifierKind::ExternalUserId, &change.external_user_id),
        ("username", IdentifierKind::Username, &change.username),
    ];
    let mut mistakes = Vec::new();
    let mut all = Vec::new();
    let mut read = |member: &str, kind, text: &str| match parse(member, kind, text) {
        Ok(identifier) => {
            let is_own = kind == IdentifierKind::Username;
            let application = scope.application_id.clone().filter(|_| is_own).unwrap_or_default();
            all.push((identifier, application));
        }
        Err(error) => mistakes.push(error.to_string()),
    };
    for (member, kind, text) in primary {
        if let Some(Some(text)) = text {
            read(member, kind, text);
        }
    }
    change.secondary_emails.iter().for_each(|text| read("secondary_emails", IdentifierKind::Email, text));
    let phone = |text: &String| read("secondary_phone_numbers", IdentifierKind::PhoneNumber, text);
    change.secondary_phone_numbers.iter().for_each(phone);
    if mistakes.is_empty() { Ok(all) } else { Err(UserError::Invalid(mistakes)) }
}

impl Wanted<'_> {
    /// The user who has the identifiers that are given, as far as anybody has.
    fn owner(&self, conn: &mut Conn<'_>) -> Result<Option<String>, UserError> {
        let mut owner: Option<String> = None;
        for (identifier, application) in &self.identifiers {
            let Identifier { kind, value, .. } = identifier;
            let found = user_identifiers::owner(conn, &self.scope.environment_id, *kind, application, value)?;
            let Some(found) = found else { continue };
            if owner.as_ref().is_some_and(|owner| *owner != found) {
                return Err(UserError::Taken("the identifiers are those of several users".to_owned()));
            }
            owner = Some(found);
        }
        Ok(owner)
    }

    /// Lets a user who is there sign in to the application, or prove to it who it is.
    fn join(&self, conn: &mut Conn<'_>, owner: &str) -> Result<Made, UserError> {
        let everywhere = Scope { application_id: None, ..self.scope.clone() };
        let account = load(conn, &everywhere, owner)?;
        let is_found = self.identifiers.iter().any(|one| finds(one, &account));
        let taken = self.identifiers.iter().find(|one| account.identifiers.iter().any(|known| is_same(one, known)));
        let kind = taken.map_or(IdentifierKind::Email, |(identifier, _)| identifier.kind);
        let Some(application) = self.scope.application_id.as_ref().filter(|_| is_found) else {
            return Err(UserError::taken(kind));
        };
        environments::touch_users(conn, &self.scope.environment_id)?;
        if self.join == UsersJoin::ByProof && account.membership(application).is_none() {
            return self.await_proof(conn, owner, application);
        }
        let before = account.facts();
        if !user_applications::add(conn, owner, application, self.scope.now)? {
            return Err(UserError::taken(kind));
        }
        let account = load(conn, self.scope, owner)?;
        let differences = Differences::between(Some(&before), Some(&account.facts()));
        Ok(Made { account, is_new: false, differences })
    }

    /// Notes that the user may join. The answer repeats what was asked with: it says nothing of the user but the id.
    fn await_proof(&self, conn: &mut Conn<'_>, owner: &str, application: &str) -> Result<Made, UserError> {
        let now = self.scope.now;
        let is_news = pending_joins::add(conn, owner, application, now)?;
        let joining = || Facts::new(Members::from_iter([("joining".to_owned(), application.into())]));
        let differences = match is_news {
            true => Differences::between(Some(&Facts::default()), Some(&joining())),
            false => Differences::default(),
        };
        let user = User {
            id: owner.to_owned(),
            email: None,
            name: None,
            enabled: true,
            active_profile_id: String::new(),
            created_at: now,
            updated_at: now,
        };
        Ok(Made { account: Account { is_joining: true, ..Account::bare(user) }, is_new: false, differences })
    }

    fn insert(&self, conn: &mut Conn<'_>, random: &dyn Random) -> Result<Made, UserError> {
        let Scope { environment_id, application_id, now } = self.scope;
        let user = User {
            id: random_uuid(random)?,
            email: None,
            name: None,
            enabled: true,
            active_profile_id: random_uuid(random)?,
            created_at: *now,
            updated_at: *now,
        };
        users::insert(conn, environment_id, &user)?;
        insert_profile(conn, &user)?;
        let mut account = Account::bare(user);
        if let Some(application) = application_id {
            user_applications::add(conn, &account.user.id, application, *now)?;
            account.memberships.push(Membership::new(application, *now));
        }
        if let Some(password) = self.password {
            password.write_in(conn, &account.user.id, *now)?;
            account.password = passwords::find(conn, &account.user.id)?;
        }
        let account = apply(conn, self.scope, account, self.change.clone())?;
        let Changed { value: account, differences } = Changed::edited(&Facts::default(), account);
        Ok(Made { account, is_new: true, differences })
    }
}

fn is_same((given, application): &(Identifier, String), known: &KnownIdentifier) -> bool {
    known.kind == given.kind && known.value == given.value && known.application_id == *application
}

/// Whether an identifier leads to a user who is there. Anybody can have added somebody else's address to an account as a secondary
/// one: until it is verified it must not lead whoever really has the address into that account.
fn finds(given: &(Identifier, String), account: &Account) -> bool {
    let leads = |known: &KnownIdentifier| known.is_primary || known.verified_at.is_some();
    account.identifiers.iter().any(|known| is_same(given, known) && leads(known))
}

impl From<Made> for Changed<Account> {
    fn from(made: Made) -> Self {
        Self { value: made.account, differences: made.differences }
    }
}
