//! Nobody manages a service account that may do more than the caller, whatever makes it more.
//!
//! A new secret of an account is the account, and whoever takes one away can get into its place. The rule is an allow-list: an account
//! can be managed here if this API could have made it for this caller. Everything else is left to the command line and to files.

use super::Place;
use crate::{
    domain::{
        claims::SubjectType,
        client::{Client, Permissions},
    },
    operations::{
        caller::Caller,
        mosaic_error::{MosaicCode, MosaicError},
    },
    store::{Conn, clients, clients::StoredClient, exchange_rules, managed_services, resource_servers},
};

/// The bounds of a caller who manages service accounts. They are decided in the transaction that makes the change, so that no change
/// of the moment gets between.
pub struct Authority(Caller);

/// The caller as the database has it now.
struct Current {
    caller: Caller,
    /// The application that the caller is confined to, by name.
    application: Option<String>,
}

impl Authority {
    /// The bounds of this caller.
    pub fn of(caller: &Caller) -> Self {
        Self(caller.clone())
    }

    /// The id of the service account that calls; `None` for users, and for services of other environments.
    fn own_account(&self) -> Option<&str> {
        let token = self.0.token();
        (token.subject_type == Some(SubjectType::ServiceAccount)).then_some(token.sub.as_str())
    }

    fn current(&self, conn: &mut Conn<'_>, place: &Place) -> Result<Current, MosaicError> {
        let Some(id) = self.own_account() else {
            return Ok(Current { caller: self.0.clone(), application: None });
        };
        let own = clients::find(conn, &place.environment_id, id)?.filter(|own| own.enabled);
        let own = own.ok_or_else(|| refused("the caller is disabled or gone".to_owned()))?;
        Ok(Current { caller: self.0.with_current(own.permissions), application: own.sign_in.application })
    }

    /// The application that an account made by this caller is confined to: the caller's own. An account without one sees the users of
    /// all applications.
    ///
    /// # Errors
    /// The caller lacks a permission that it wants to give, or the database fails.
    pub(super) fn confinement_of_new(
        &self,
        conn: &mut Conn<'_>,
        place: &Place,
        permissions: &Permissions,
    ) -> Result<Option<String>, MosaicError> {
        let Current { caller, application } = self.current(conn, place)?;
        check_not_more_than(&caller, permissions)?;
        Ok(application)
    }

    /// Whether the caller may give these permissions.
    ///
    /// # Errors
    /// The caller lacks one of them, or the database fails.
    pub(super) fn check_gives(
        &self,
        conn: &mut Conn<'_>,
        place: &Place,
        permissions: &Permissions,
    ) -> Result<(), MosaicError> {
        check_not_more_than(&self.current(conn, place)?.caller, permissions)
    }

    /// Whether the caller may change this account. An account may always change itself.
    ///
    /// # Errors
    /// The account has more than this API could have given it for this caller, or the database fails.
    pub(super) fn check_manages(
        &self,
        conn: &mut Conn<'_>,
        place: &Place,
        account: &StoredClient,
    ) -> Result<(), MosaicError> {
        let client = &account.client;
        let Current { caller, application } = self.current(conn, place)?;
        if self.own_account() == Some(client.id.as_str()) {
            return Ok(());
        }
        check_not_more_than(&caller, &client.permissions)?;
        let more = if !client.is_plain(application.as_deref()) {
            "grants, scopes, an application or a sign-in of its own"
        } else if is_named_elsewhere(conn, place, client)? {
            "exchange rules, a resource server or another environment that lets it in"
        } else {
            return Ok(());
        };
        Err(refused(format!("{:?} has {more}; the command line and environment files can change it", client.id)))
    }
}

/// Whether rules, resource servers or environments (this one or others) name the client: each gives it what no permission says.
fn is_named_elsewhere(conn: &mut Conn<'_>, place: &Place, client: &Client) -> Result<bool, MosaicError> {
    let (environment_id, id) = (&place.environment_id, &client.id);
    let in_rule = exchange_rules::list(conn, environment_id)?.iter().any(|stored| stored.rule.client == *id);
    let in_server = resource_servers::list(conn, environment_id)?.iter().any(|server| server.clients.contains(id));
    Ok(in_rule || in_server || managed_services::is_let_in(conn, environment_id, id)?)
}

/// Nobody gives what they do not have: else whoever may make accounts could make one that may do everything.
fn check_not_more_than(caller: &Caller, permissions: &Permissions) -> Result<(), MosaicError> {
    for (service, key) in permissions.iter().flat_map(|(service, keys)| keys.iter().map(move |key| (service, key))) {
        if !caller.holds(service, key) {
            return Err(refused(format!("the caller lacks {service}:{key}, which the account has or is to get")));
        }
    }
    Ok(())
}

fn refused(why: String) -> MosaicError {
    MosaicError::from(MosaicCode::UserNotAuthorized).with_detail(why)
}
