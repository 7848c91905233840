//! Which exchanges of the last days a changed file would decide otherwise than the database does.
//!
//! Each recorded request is laid before both sets of rules, at the time when it was made: what the records say of the answer is not
//! compared, because other things may have changed since.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use super::{
    ApplyContext, ApplyError,
    environment::plan_environment,
    policies::{Policies, Side},
};
use crate::{
    audit::{Event, RecordedRequest},
    domain::exchange::{Granted, Refused},
    oauth::grant_type::GrantType,
    operations::environment_file::EnvironmentFile,
    store::{Conn, StoreError, audit_records},
};

/// How many records are read at once.
const PAGE: i64 = 1000;
/// How many kinds of request are told apart. What comes after is counted only.
const MAX_SHAPES: usize = 200;
const DAY_MS: i64 = 86_400_000;

/// What a replay found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Replay {
    /// How many days back it looked.
    pub days: u32,
    /// Exchanges that both decide alike.
    pub alike: u64,
    /// Exchanges that they decide otherwise, by kind of request, with how often each came.
    pub differences: BTreeMap<Difference, u64>,
    /// Differences beyond the kinds that are told apart.
    pub further: u64,
    /// Requests that no rule was asked about: refused before, for whatever reason.
    pub before_rules: u64,
    /// Records that could not be replayed, by the reason.
    pub unreplayed: BTreeMap<String, u64>,
}

/// A kind of request that is decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// What changes.
    pub change: Outcome,
    /// The request, without anything that is one user's.
    pub request: String,
    /// What is answered now.
    pub before: String,
    /// What would be answered.
    pub after: String,
}

/// What changes for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It is allowed now.
    WouldBeRefused,
    /// It is refused now.
    WouldBeAllowed,
    /// It would get another token.
    WouldDiffer,
}

/// What a replay reads of a record.
#[derive(Deserialize)]
struct Recorded {
    #[serde(default)]
    grant: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    scope_requested: String,
    #[serde(default)]
    request: Option<RecordedRequest>,
    #[serde(default)]
    reason: Option<String>,
}

/// Tries `file` on the exchanges of the last `days`. Changes nothing.
///
/// # Errors
/// The database fails, or the file contradicts it.
pub fn replay(
    context: &ApplyContext<'_>,
    file: &EnvironmentFile,
    public_url: &str,
    days: u32,
) -> Result<Replay, ApplyError> {
    let policies = context.store.snapshot(|conn| {
        let planned = plan_environment(conn, context, &file.environment)?;
        Ok::<_, ApplyError>(Policies::load(conn, &planned.environment, file, public_url)?)
    })?;
    let since_ms = (context.keys.now.saturating_mul(1000)).saturating_sub(i64::from(days).saturating_mul(DAY_MS));
    let mut found = Replay { days, ..Replay::default() };
    let mut last = None;
    loop {
        // A page at a time: nobody waits for a transaction that reads a year.
        let page = context.store.read(|conn| page(conn, &policies.environment_id, since_ms, last.as_ref()))?;
        for row in &page {
            found.add(&policies, row.time_ms.div_euclid(1000), &row.record);
        }
        match page.into_iter().next_back() {
            Some(row) => last = Some(row),
            None => return Ok(found),
        }
    }
}

fn page(
    conn: &mut Conn<'_>,
    environment_id: &str,
    since_ms: i64,
    last: Option<&audit_records::AuditRow>,
) -> Result<Vec<audit_records::AuditRow>, StoreError> {
    let events = [Event::TokenIssued.as_str(), Event::TokenRefused.as_str()];
    audit_records::of_events(conn, environment_id, &events, since_ms, last, PAGE)
}

impl Replay {
    fn add(&mut self, policies: &Policies, time: i64, record: &str) {
        let Ok(record) = serde_json::from_str::<Recorded>(record) else {
            return self.skip("the record cannot be read");
        };
        let grant = record.grant.as_deref().and_then(GrantType::from_parameter);
        let Some(grant @ (GrantType::TokenExchange | GrantType::Delegation)) = grant else { return };
        let (Some(client_id), Some(request)) = (&record.client_id, &record.request) else {
            match record.reason {
                Some(_) => self.before_rules += 1,
                None => {
                    self.skip("the record holds no request: it is of an older version, or the request was too large")
                }
            }
            return;
        };
        let asked = Asked { client_id, grant, request, scope: &record.scope_requested, time };
        if let Some(reason) = policies.cannot_replay(&asked) {
            return self.skip(&reason);
        }
        let (before, after) = (policies.decide(Side::Database, &asked), policies.decide(Side::File, &asked));
        match change(&before, &after) {
            None => self.alike += 1,
            Some(change) => {
                let (before, after) = (words(&before), words(&after));
                self.count(Difference { change, request: asked.to_string(), before, after });
            }
        }
    }

    fn count(&mut self, difference: Difference) {
        if self.differences.len() < MAX_SHAPES || self.differences.contains_key(&difference) {
            *self.differences.entry(difference).or_default() += 1;
        } else {
            self.further += 1;
        }
    }

    fn skip(&mut self, reason: &str) {
        *self.unreplayed.entry(reason.to_owned()).or_default() += 1;
    }
}

/// A request of the records.
pub(super) struct Asked<'a> {
    pub client_id: &'a str,
    pub grant: GrantType,
    pub request: &'a RecordedRequest,
    /// Separated by spaces.
    pub scope: &'a str,
    /// Seconds since 1970.
    pub time: i64,
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.request.subject.token();
        write!(f, "client {:?}, subject of {:?}", self.client_id, self.request.subject_issuer)?;
        if !token.aud.is_empty() {
            write!(f, " for {}", token.aud.join(" "))?;
        }
        write!(f, " with scope {:?}", token.scope.to_string())?;
        let own = if token.sub == self.client_id { " of the client itself" } else { "" };
        let actor = if self.request.actor.is_some() { ", with an actor" } else { "" };
        write!(f, "{own}{actor}; asks for {:?}, scope {:?}", self.request.audience.join(" "), self.scope)
    }
}

type Decision = Result<Granted, Refused>;

fn change(before: &Decision, after: &Decision) -> Option<Outcome> {
    match (before, after) {
        (Ok(_), Err(_)) => Some(Outcome::WouldBeRefused),
        (Err(_), Ok(_)) => Some(Outcome::WouldBeAllowed),
        (Ok(before), Ok(after)) => (before != after).then_some(Outcome::WouldDiffer),
        (Err(_), Err(_)) => None,
    }
}

fn words(decision: &Decision) -> String {
    match decision {
        Ok(granted) => {
            format!("allowed by {:?} for {}, scope \"{}\"", granted.rule, granted.audience.join(" "), granted.scope)
        }
        Err(refused) => {
            let rule = refused.rule.as_ref().map(|rule| format!(" by {rule:?}")).unwrap_or_default();
            format!("refused{rule}: {}: {}", refused.check.as_str(), refused.reason)
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "replay of the exchanges of the last {} days:", self.days)?;
        for (difference, count) in &self.differences {
            let (sign, what) = match difference.change {
                Outcome::WouldBeRefused => ('-', "would be refused"),
                Outcome::WouldBeAllowed => ('+', "would be allowed"),
                Outcome::WouldDiffer => ('~', "would get another token"),
            };
            writeln!(f, "{sign} {count} {what}: {}", difference.request)?;
            writeln!(f, "    now: {}\n    then: {}", difference.before, difference.after)?;
        }
        if self.further > 0 {
            writeln!(f, "  {} more would be answered otherwise, in further kinds", self.further)?;
        }
        writeln!(f, "  {} would be answered alike", self.alike)?;
        write!(f, "  {} were refused before any rule was asked", self.before_rules)?;
        let unreplayed = self.unreplayed.iter();
        unreplayed.into_iter().try_for_each(|(reason, count)| write!(f, "\n! {count} not replayed: {reason}"))
    }
}
