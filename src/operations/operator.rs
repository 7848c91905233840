//! Changes that no request asks for: by somebody at the command line, or by the server itself. Each is in the audit log, in the same
//! transaction, so that there is neither without the other.

use std::fmt;

use super::{
    apply::ApplyError,
    facts::{Differences, Facts},
    keys::KeyError,
    service_accounts::ServiceAccountError,
};
use crate::{
    audit::{AuditRecord, Event, Outcome, append_once, chain::day_of, link_once},
    domain::{
        random::{Random, random_id},
        readable::readable,
    },
    store::{Conn, Store, StoreError, Write, audit_records},
};

/// The operator of what the server does by itself.
pub const SERVER: &str = "server";

/// Who changes something, and when.
#[derive(Clone, Copy)]
pub struct Operator<'a> {
    /// `cli:` and a name, or [`SERVER`].
    pub name: &'a str,
    /// For the ids of records.
    pub random: &'a dyn Random,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// One thing that was changed.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Where; `None` outside any environment.
    pub environment_id: Option<String>,
    /// Its id, or its name where that is what it is known by.
    pub subject: String,
    /// More, for people.
    pub detail: Option<String>,
    /// What of it is other than before.
    pub differences: Differences,
}

/// What became of a change that was not made.
pub trait NotDone: From<StoreError> + fmt::Display {
    /// How its record ends; `None` where the database failed, which could not keep one.
    fn outcome(&self) -> Option<Outcome>;
}

impl NotDone for KeyError {
    fn outcome(&self) -> Option<Outcome> {
        match self {
            KeyError::Refused(_) => Some(Outcome::Refused),
            KeyError::Store(_) => None,
            KeyError::Jose(_)
            | KeyError::MasterKey { .. }
            | KeyError::WebhookSecret { .. }
            | KeyError::SignInSecret { .. }
            | KeyError::TotpSecret { .. } => Some(Outcome::Failed),
        }
    }
}

impl NotDone for ServiceAccountError {
    fn outcome(&self) -> Option<Outcome> {
        match self {
            ServiceAccountError::Refused(_) => Some(Outcome::Refused),
            ServiceAccountError::Store(_) => None,
            ServiceAccountError::Random(_) | ServiceAccountError::Unshown(_) => Some(Outcome::Failed),
        }
    }
}

impl NotDone for ApplyError {
    fn outcome(&self) -> Option<Outcome> {
        match self {
            ApplyError::Contradiction(_) | ApplyError::Store(StoreError::Conflict(_)) => Some(Outcome::Refused),
            ApplyError::Store(_) => None,
            ApplyError::Key(error) => error.outcome(),
            ApplyError::Random(_) | ApplyError::Seal(_) => Some(Outcome::Failed),
        }
    }
}

impl Operator<'_> {
    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    /// Runs `work` in one transaction, and in the same one records all that it says it has done. A change that is refused is
    /// recorded too; where even that fails, the log says so.
    ///
    /// # Errors
    /// Those of `work`, or the database failed. Nothing was changed then.
    pub fn change<T, E: NotDone>(
        &self,
        store: &Store,
        operation: &'static str,
        work: impl FnOnce(&mut Conn<'_>) -> Result<(T, Vec<Done>), E>,
    ) -> Result<T, E> {
        self.change_and_show(store, operation, work, |_| Ok(()))
    }

    /// The same for what can be shown only once: `show` gets it last of all, when the record is written, and where it fails nothing
    /// was changed.
    ///
    /// # Errors
    /// `work` or `show` refused or failed, or the database did.
    pub fn change_and_show<T, E: NotDone>(
        &self,
        store: &Store,
        operation: &'static str,
        work: impl FnOnce(&mut Conn<'_>) -> Result<(T, Vec<Done>), E>,
        show: impl FnOnce(&T) -> Result<(), E>,
    ) -> Result<T, E> {
        let request_id = self.prepare(store)?;
        let changed: Result<T, E> = store.transact(|conn| {
            let (value, done) = work(conn)?;
            let records = done.into_iter().map(|done| self.done(operation, &request_id, done));
            self.append(conn, &records.collect::<Vec<_>>())?;
            show(&value)?;
            Ok(value)
        });
        self.keep_refusal(store, operation, &request_id, changed)
    }

    /// The same for what may be large, with as little as possible in the transaction, as others wait for it. `plan` looks at one state
    /// of the database and says what it would do; the records are made of that; and `work` carries it out, if `begins` says that there
    /// is anything to do. `still_fits`, first in the transaction, says whether nobody changed anything since `plan` looked: else it is
    /// planned once more, under the lock.
    ///
    /// # Errors
    /// One of them refused or failed, or the database did. Nothing was changed then.
    pub fn change_as_planned<P, T, E: NotDone>(
        &self,
        store: &Store,
        operation: &'static str,
        plan: impl Fn(&mut Conn<'_>) -> Result<(P, Vec<Done>), E>,
        begins: impl FnOnce(&P) -> bool,
        still_fits: impl Fn(&mut Conn<'_>, &P) -> Result<bool, E>,
        work: impl FnOnce(&mut Conn<'_>, P) -> Result<T, E>,
    ) -> Result<T, E> {
        let request_id = self.prepare(store)?;
        let planned_and_linked = |conn: &mut Conn<'_>| -> Result<(P, Write), E> {
            let (planned, done) = plan(conn)?;
            let records = done.into_iter().map(|done| self.done(operation, &request_id, done));
            let rows = link_once(self.random, &records.collect::<Vec<_>>())?;
            Ok((planned, audit_records::appending(rows)?))
        };
        let changed = store.snapshot(planned_and_linked).and_then(|(planned, append)| {
            if !begins(&planned) {
                return store.read(|conn| work(conn, planned));
            }
            store.transact(|conn| {
                let (planned, append) = if still_fits(conn, &planned)? {
                    (planned, append)
                } else {
                    let again = planned_and_linked(conn)?;
                    still_fits(conn, &again.0)?;
                    again
                };
                let value = work(conn, planned)?;
                append(conn)?;
                Ok(value)
            })
        });
        self.keep_refusal(store, operation, &request_id, changed)
    }

    /// Records that a change was refused, if it was.
    fn keep_refusal<T, E: NotDone>(
        &self,
        store: &Store,
        operation: &'static str,
        request_id: &str,
        changed: Result<T, E>,
    ) -> Result<T, E> {
        if let Err(error) = &changed
            && let Some(outcome) = error.outcome()
        {
            let mut record = self.record(Event::ManagementRefused, outcome, operation, request_id);
            record.detail = Some(readable(&error.to_string()));
            self.keep(store, record);
        }
        changed
    }

    /// Records what is done already, before anybody is told.
    ///
    /// # Errors
    /// The database failed.
    pub fn tell(&self, store: &Store, operation: &'static str, done: Vec<Done>) -> Result<(), StoreError> {
        let request_id = self.prepare(store)?;
        let records: Vec<_> = done.into_iter().map(|done| self.done(operation, &request_id, done)).collect();
        store.transact(|conn| self.append(conn, &records))
    }

    /// Records that a token was made.
    ///
    /// # Errors
    /// The database failed: the token must not be given away.
    pub fn tell_of_token(
        &self,
        store: &Store,
        operation: &'static str,
        describe: impl FnOnce(&mut AuditRecord),
    ) -> Result<(), StoreError> {
        let request_id = self.prepare(store)?;
        let mut record = self.record(Event::TokenIssued, Outcome::Success, operation, &request_id);
        describe(&mut record);
        store.transact(|conn| self.append(conn, &[record]))
    }

    /// The partition, outside any transaction; and an id for what is about to happen.
    fn prepare(&self, store: &Store) -> Result<String, StoreError> {
        store.read(|conn| audit_records::prepare_day(conn, day_of(self.now_ms)))?;
        random_id(self.random).map_err(|error| StoreError::Query(format!("no id for an audit record: {error}")))
    }

    fn append(&self, conn: &mut Conn<'_>, records: &[AuditRecord]) -> Result<(), StoreError> {
        if records.is_empty() { Ok(()) } else { append_once(conn, self.random, records) }
    }

    fn keep(&self, store: &Store, record: AuditRecord) {
        if let Err(error) = store.transact(|conn| self.append(conn, &[record])) {
            log::warn!("a refusal has no audit record: {error}");
        }
    }

    fn record(&self, event: Event, outcome: Outcome, operation: &'static str, request_id: &str) -> AuditRecord {
        let mut record = AuditRecord::new(event, outcome, request_id, self.now_ms);
        record.operation = Some(operation);
        record.operator = Some(self.name.to_owned());
        record
    }

    fn done(&self, operation: &'static str, request_id: &str, done: Done) -> AuditRecord {
        let mut record = self.record(Event::ManagementChanged, Outcome::Success, operation, request_id);
        record.environment_id = done.environment_id;
        record.subject = Some(done.subject);
        record.detail = done.detail;
        let Differences { before, after } = done.differences;
        (record.before, record.after) = (before, after);
        record
    }
}

impl Done {
    /// A thing of an environment.
    pub fn to(environment_id: &str, subject: impl Into<String>, differences: Differences) -> Self {
        Self { environment_id: Some(environment_id.to_owned()), subject: subject.into(), detail: None, differences }
    }

    /// The same for a thing as it was and as it is; `None` if it is as it was.
    pub fn since(environment_id: &str, subject: &str, before: &Facts, after: &Facts) -> Option<Self> {
        let differences = Differences::between(Some(before), Some(after));
        (differences != Differences::default()).then(|| Self::to(environment_id, subject, differences))
    }
}
