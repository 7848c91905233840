//! `tessera user create|list|show|disable|enable|delete|identifiers|join|leave`.

use std::path::Path;

use clap::{Args, Subcommand};

use super::{exit::Failure, keys::Environment, opened::Opened, say};
use crate::{
    domain::{
        login::{IdentifierKind, KnownIdentifier},
        timestamp::iso_8601_seconds,
        user_details::PersonName,
    },
    operations::backend::users::{
        Account, AccountChange, MAX_PAGE,
        operator::{Act, Where, act_at, create_at, list_at, show_at},
    },
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a user. With an application, one who may sign in to it.
    Create(Box<New>),
    /// Show users, oldest first.
    List {
        #[command(flatten)]
        place: Place,
        /// Those whose e-mail address or telephone number begins so.
        #[arg(long, value_name = "TEXT")]
        prefix: Option<String>,
        /// How many.
        #[arg(long, default_value_t = MAX_PAGE, value_parser = clap::value_parser!(i64).range(1..=MAX_PAGE))]
        limit: i64,
        /// How many are left out before.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
        offset: i64,
    },
    /// Show a user.
    Show(Named),
    /// Sign a user out everywhere, and let the user sign in no more.
    Disable(Named),
    /// Let a user sign in again.
    Enable(Named),
    /// Delete a user with all data.
    Delete(Named),
    /// By what a user is found.
    #[command(subcommand)]
    Identifiers(Identifiers),
    /// Let a user sign in to an application.
    Join(Named),
    /// Let a user sign in to an application no more.
    Leave(Named),
}

#[derive(Debug, Subcommand)]
pub(super) enum Identifiers {
    /// Show them.
    List(Named),
    /// Add one. The first of its kind is the primary one.
    Add {
        #[command(flatten)]
        identifier: Identifier,
        /// You have made sure that it is the user's.
        #[arg(long)]
        verified: bool,
    },
    /// Remove one.
    Remove(Identifier),
    /// Say that you have made sure that an address or a number is the user's.
    Verify(Identifier),
}

/// Where the user is.
#[derive(Debug, Args)]
pub(super) struct Place {
    #[command(flatten)]
    environment: Environment,
    /// The application, by name or id.
    #[arg(long, value_name = "NAME|ID")]
    application: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Named {
    #[command(flatten)]
    place: Place,
    /// The user: an id, or the primary e-mail address.
    user: String,
}

#[derive(Debug, Args)]
pub(super) struct Identifier {
    #[command(flatten)]
    named: Named,
    /// What it is: email, phone_number, external_user_id, or username (of the application).
    #[arg(value_parser = kind)]
    kind: IdentifierKind,
    /// The identifier.
    value: String,
}

#[derive(Debug, Args)]
pub(super) struct New {
    #[command(flatten)]
    place: Place,
    /// The primary e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// The primary telephone number, such as +14155550100.
    #[arg(long)]
    phone_number: Option<String>,
    /// By which name the application knows the user.
    #[arg(long, requires = "application")]
    username: Option<String>,
    /// What your own system calls the user.
    #[arg(long)]
    external_user_id: Option<String>,
    /// The first name.
    #[arg(long)]
    first_name: Option<String>,
    /// The last name.
    #[arg(long)]
    last_name: Option<String>,
    /// You have made sure that address and number are the user's.
    #[arg(long)]
    verified: bool,
}

pub(super) fn run(config: Option<&Path>, command: Command) -> Result<(), Failure> {
    let opened = Opened::new(config)?;
    match command {
        Command::Create(new) => {
            let New { place, verified, .. } = &*new;
            let account = create_at(&opened.store, &opened.operator(), &place.lookup(), &change(&new), *verified)?;
            say(format!("user_id={}", account.user.id))?;
        }
        Command::List { place, prefix, limit, offset } => {
            let found = list_at(&opened.store, &place.lookup(), prefix, (limit, offset), opened.now())?;
            found.accounts.iter().try_for_each(|account| say(describe(account)))?;
        }
        Command::Show(named) => show(&opened, &named)?.iter().try_for_each(say)?,
        Command::Disable(named) => act(&opened, &named, Act::Enable(false))?,
        Command::Enable(named) => act(&opened, &named, Act::Enable(true))?,
        Command::Delete(named) => act(&opened, &named, Act::Delete)?,
        Command::Join(named) => act(&opened, &named, Act::Join)?,
        Command::Leave(named) => act(&opened, &named, Act::Leave)?,
        Command::Identifiers(command) => identifiers(&opened, command)?,
    }
    Ok(())
}

fn identifiers(opened: &Opened, command: Identifiers) -> Result<(), Failure> {
    match command {
        Identifiers::List(named) => {
            let account = show_at(&opened.store, &named.place.lookup(), &named.user, opened.now())?;
            account.identifiers.iter().try_for_each(|one| say(describe_identifier(one)))?;
            Ok(())
        }
        Identifiers::Add { identifier: Identifier { named, kind, value }, verified } => {
            act(opened, &named, Act::AddIdentifier { kind, text: value, verified })
        }
        Identifiers::Remove(Identifier { named, kind, value }) => {
            act(opened, &named, Act::RemoveIdentifier(kind, value))
        }
        Identifiers::Verify(Identifier { named, kind, value }) => act(opened, &named, Act::Verify(kind, value)),
    }
}

fn act(opened: &Opened, named: &Named, act: Act) -> Result<(), Failure> {
    act_at(&opened.store, &opened.operator(), &named.place.lookup(), &named.user, act)?;
    Ok(())
}

impl Place {
    fn lookup(&self) -> Where {
        Where { environment: self.environment.lookup(), application: self.application.clone() }
    }
}

fn change(new: &New) -> AccountChange {
    let New { first_name, last_name, .. } = new;
    let has_name = first_name.is_some() || last_name.is_some();
    let name = PersonName { first_name: first_name.clone(), last_name: last_name.clone(), ..PersonName::default() };
    AccountChange {
        email: new.email.clone().map(Some),
        phone_number: new.phone_number.clone().map(Some),
        username: new.username.clone().map(Some),
        external_user_id: new.external_user_id.clone().map(Some),
        name: has_name.then_some(Some(name)),
        ..AccountChange::default()
    }
}

const fn state(account: &Account) -> &'static str {
    if account.user.enabled { "enabled" } else { "disabled" }
}

fn describe(account: &Account) -> String {
    let by = [IdentifierKind::Email, IdentifierKind::PhoneNumber, IdentifierKind::ExternalUserId];
    let by = by.into_iter().find_map(|kind| account.primary(kind));
    let by = by.map_or("-", |known| known.shown.as_str());
    format!("{}  {}  {by}  {}", account.user.id, state(account), account.user.name.as_deref().unwrap_or("-"))
}

fn describe_identifier(known: &KnownIdentifier) -> String {
    let verified =
        known.verified_at.map_or_else(|| "not verified".to_owned(), |at| format!("verified {}", iso_8601_seconds(at)));
    let (kind, shown) = (known.kind.as_str(), &known.shown);
    let rank = if known.is_primary { "primary" } else { "secondary" };
    match known.kind {
        IdentifierKind::Email | IdentifierKind::PhoneNumber => format!("{kind}  {shown}  {rank}  {verified}"),
        _ if known.application_id.is_empty() => format!("{kind}  {shown}"),
        _ => format!("{kind}  {shown}  application {}", known.application_id),
    }
}

fn show(opened: &Opened, named: &Named) -> Result<Vec<String>, Failure> {
    let account = show_at(&opened.store, &named.place.lookup(), &named.user, opened.now())?;
    let signed_in = account.stored.last_sign_in_at.map_or_else(|| "never".to_owned(), iso_8601_seconds);
    let mut lines = vec![
        format!("id  {}", account.user.id),
        format!("state  {}", state(&account)),
        format!("name  {}", account.user.name.as_deref().unwrap_or("-")),
        format!("created  {}", iso_8601_seconds(account.user.created_at)),
        format!("signed in last  {signed_in}"),
    ];
    lines.extend(account.identifiers.iter().map(describe_identifier));
    lines.extend(account.memberships.iter().map(|one| format!("application  {}", one.application_id)));
    Ok(lines)
}

fn kind(text: &str) -> Result<IdentifierKind, String> {
    match text {
        "email" => Ok(IdentifierKind::Email),
        "phone_number" => Ok(IdentifierKind::PhoneNumber),
        "username" => Ok(IdentifierKind::Username),
        "external_user_id" => Ok(IdentifierKind::ExternalUserId),
        _ => Err("one of email, phone_number, username and external_user_id".to_owned()),
    }
}
