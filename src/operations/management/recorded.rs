//! Every change leaves a record, done or refused: who wanted what of which thing, and in which request.

use std::{net::IpAddr, sync::Arc};

use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        permission::{ID_SERVICE, USER_SERVICE},
        trace::Trace,
        user::{MAX_TEXT, is_text},
    },
    operations::{
        caller::Caller,
        context::Context,
        facts::{Changed, Differences},
        mosaic_error::{MosaicCode, MosaicError},
    },
};

/// A permission of this server: service and key.
pub type Permission = (&'static str, &'static str);

/// See applications.
pub const VIEW_APPLICATIONS: Permission = (USER_SERVICE, "APPLICATIONS_VIEW");
/// Make, change and delete applications.
pub const EDIT_APPLICATIONS: Permission = (USER_SERVICE, "APPLICATIONS_EDIT");
/// See identity connections.
pub const VIEW_CONNECTIONS: Permission = (USER_SERVICE, "IDENTITY_CONNECTIONS_VIEW");
/// Make, change and delete identity connections.
pub const EDIT_CONNECTIONS: Permission = (USER_SERVICE, "IDENTITY_CONNECTIONS_EDIT");
/// See users.
pub const VIEW_USERS: Permission = (USER_SERVICE, "USERS_VIEW");
/// Make, change and delete users and profiles.
pub const EDIT_USERS: Permission = (USER_SERVICE, "USERS_EDIT");
/// See and define the permissions of services.
pub const SYNCHRONIZE_PERMISSIONS: Permission = (ID_SERVICE, "PERMISSIONS_SYNCHRONIZE");

/// Ask why an exchange is allowed or refused. Whoever may learns all rules, and whether a token is good.
pub const EXPLAIN_EXCHANGES: Permission = (ID_SERVICE, "EXCHANGES_EXPLAIN");

/// Who manages, where, in which request.
pub struct Manager<'a> {
    /// What the operations work with.
    pub context: &'a Context,
    /// The environment of the request.
    pub environment: &'a Arc<EnvironmentSnapshot>,
    /// Names the request in the log, in the record and in the answer.
    pub request_id: &'a str,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
    /// Where it came from.
    pub client_address: Option<IpAddr>,
    /// Who asks, or why nobody knows.
    pub caller: Result<&'a Caller, MosaicError>,
}

/// A change.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub permission: Permission,
    /// What it is asked to change: an id or a name, as the caller gave it; `None` for what is not there yet.
    pub subject: Option<&'a str>,
}

/// What a change was made to, for the record.
pub trait Subject {
    /// Its id, or its name where that is what it is known by.
    fn subject(&self) -> &str;
}

impl Manager<'_> {
    /// Whether the caller may do what takes `permission`.
    ///
    /// # Errors
    /// There is no caller, or the caller may not.
    pub fn check(&self, (service_id, key): Permission) -> Result<(), MosaicError> {
        self.caller.as_ref().map_err(Clone::clone)?.require(service_id, key)
    }

    /// Does `work` if the caller may, and records how it ended.
    ///
    /// # Errors
    /// Those of [`check`](Self::check) and of `work`; or what was done cannot be recorded. It is done all the same, as the
    /// log says, but nobody is told of a success that nobody can account for. A secret that was made is lost then: making
    /// another one is the way out.
    pub async fn change<T: Subject>(
        &self,
        operation: Operation<'_>,
        work: impl Future<Output = Result<Changed<T>, MosaicError>>,
    ) -> Result<T, MosaicError> {
        let done = match self.check(operation.permission) {
            Ok(()) => work.await,
            Err(refusal) => Err(refusal),
        };
        let (done, differences) = match done {
            Ok(Changed { value, differences }) => (Ok(value), differences),
            Err(refusal) => (Err(refusal), Differences::default()),
        };
        let mut record = self.record(operation, &done);
        (record.before, record.after) = (differences.before, differences.after);
        let is_change = record.event == Event::ManagementChanged;
        self.context.audit.commit(record).await.map_err(|error| {
            let (name, happened) = (operation.name, if is_change { "was done" } else { "was refused" });
            log::error!(request_id = self.request_id, trace_id = self.trace; "{name} {happened}, but has no record: {error}");
            MosaicError::from(MosaicCode::ServiceUnavailable)
        })?;
        done
    }

    fn record<T: Subject>(&self, operation: Operation<'_>, done: &Result<T, MosaicError>) -> AuditRecord {
        let (event, outcome) = match done {
            Ok(_) => (Event::ManagementChanged, Outcome::Success),
            Err(error) if error.code.status() < 500 => (Event::ManagementRefused, Outcome::Refused),
            Err(_) => (Event::ManagementRefused, Outcome::Failed),
        };
        let mut record = AuditRecord::new(event, outcome, self.request_id, self.context.clock.now_millis());
        record.trace_id = self.trace.map(|trace| trace.to_string());
        record.environment_id = Some(self.environment.environment.id.clone());
        record.client_address = self.client_address.map(|address| address.to_string());
        if let Ok(caller) = &self.caller {
            record.authenticated_as(caller.token().client_id.clone());
        }
        record.operation = Some(operation.name);
        record.subject = match done {
            Ok(thing) => Some(thing.subject().to_owned()),
            // What cannot name anything may be something that a caller put in the wrong place (TE-138).
            Err(_) => operation.subject.filter(|subject| is_text(subject, MAX_TEXT)).map(str::to_owned),
        };
        if let Err(error) = done {
            record.reason = Some(error.code.as_str());
            record.detail = Some(error.detail.clone().unwrap_or_else(|| error.message.clone()));
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::permission::is_own_permission, operations::management::revocations::REVOKE_TOKENS};

    #[test]
    fn every_permission_is_one_that_clients_can_be_given() {
        for (service_id, key) in [
            VIEW_APPLICATIONS,
            EDIT_APPLICATIONS,
            VIEW_CONNECTIONS,
            EDIT_CONNECTIONS,
            VIEW_USERS,
            EDIT_USERS,
            SYNCHRONIZE_PERMISSIONS,
            EXPLAIN_EXCHANGES,
            REVOKE_TOKENS,
        ] {
            assert!(is_own_permission(service_id, key), "{service_id}:{key}");
        }
    }
}
