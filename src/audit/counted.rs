//! Refusals that get no record of their own.
//!
//! Anybody who can reach the port can be refused, as often as the network carries it. A record for each would fill the disk
//! at tens of megabytes a second. So each network has a number of records per window, and all networks together have one;
//! beyond, requests are counted, and one record says how many there were.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use super::record::{AuditRecord, Event, Outcome};
use crate::{
    domain::address::network_of,
    metrics::{Count, Page},
};

/// The length of a window in milliseconds.
const WINDOW: i64 = 60_000;
/// So many networks can use up their records in one window. Beyond, requests of all networks are counted: an attacker has
/// as many networks as there are /64 in what a provider gave to them.
const FULL_NETWORKS: u32 = 20;
/// The most networks that are counted apart in one window. The others are counted together.
const MOST_NETWORKS: usize = 1000;
/// The reasons of refusals that are the answer to too many requests. They are counted even if the caller is known: to be
/// slowed down is not to write without end either.
const TOO_MANY: [&str; 5] =
    ["too_many_failures", "too_many_refused_tokens", "too_many_sign_ins", "too_many_requests", "TOO_MANY_REQUESTS"];

/// The requests that one record stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How many there were.
    pub requests: u64,
    /// When the first was refused, in Unix milliseconds.
    pub first_ms: i64,
    /// When the last was refused, in Unix milliseconds.
    pub last_ms: i64,
    /// How many there were for each event and reason.
    pub reasons: BTreeMap<String, u64>,
}

/// Decides which refusals have records, and counts the others.
#[derive(Debug)]
pub(super) struct Refusals {
    /// The most records of one network in one window.
    most: u32,
    state: Mutex<State>,
    /// Requests that have no record, since the start.
    all: Count,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the window.
    window: i64,
    /// The records that were let through in it, of each network and in all. `None` is an unknown address.
    recorded: HashMap<Option<IpAddr>, u32>,
    in_all: u32,
    /// Of each network. `None` is an unknown address, and all networks beyond [`MOST_NETWORKS`].
    counted: HashMap<Option<IpAddr>, Counted>,
}

impl Refusals {
    /// None yet. Each network may have `most` records in a window.
    pub(super) fn new(most: u32) -> Self {
        Self { most, state: Mutex::default(), all: Count::default() }
    }

    /// Whether `record` is to be written. If it is not, it has been counted.
    pub(super) fn is_to_be_written(&self, record: &AuditRecord) -> bool {
        if !is_countable(record) {
            return true;
        }
        let address = record.client_address.as_deref().and_then(|address| address.parse().ok());
        let is_written = self.state().take(record, address.map(network_of), self.most);
        if !is_written {
            self.all.one();
        }
        is_written
    }

    /// Records for what was counted in windows before `now` (Unix milliseconds), or for all that was. They are no longer
    /// counted here.
    pub(super) fn summaries(&self, now: Option<i64>) -> Vec<AuditRecord> {
        let mut state = self.state();
        if now.is_some_and(|now| now.div_euclid(WINDOW) == state.window) {
            return Vec::new();
        }
        state.counted.drain().map(|(network, counted)| summary(network, counted)).collect()
    }

    /// Counts again what could not be written.
    pub(super) fn count_again(&self, summaries: Vec<AuditRecord>) {
        let mut state = self.state();
        for summary in summaries {
            let network = summary.client_address.and_then(|network| network.parse().ok());
            if let Some(counted) = summary.counted {
                state.add(network, *counted);
            }
        }
    }

    /// Writes how many requests have no record onto `page`.
    pub(super) fn expose(&self, page: &mut Page) {
        let help = "Refused requests that have no audit record of their own and are counted in a record instead.";
        page.counter("tessera_audit_counted_refusals_total", help, &[], self.all.get());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether anybody can cause such a record as often as they like.
fn is_countable(record: &AuditRecord) -> bool {
    let is_refusal = matches!(
        record.event,
        Event::TokenRefused
            | Event::RevocationRefused
            | Event::ManagementRefused
            | Event::AuthorizationStarted
            | Event::AuthorizationRefused
            | Event::UserAuthenticationRefused
            | Event::CredentialRefused
            | Event::CodeRefused
    );
    is_refusal && (!record.is_authenticated || record.reason.is_some_and(|reason| TOO_MANY.contains(&reason)))
}

impl State {
    fn take(&mut self, record: &AuditRecord, network: Option<IpAddr>, most: u32) -> bool {
        let window = record.time_ms.div_euclid(WINDOW);
        if window != self.window {
            (self.window, self.in_all) = (window, 0);
            self.recorded.clear();
        }
        let has_room = self.in_all < most.saturating_mul(FULL_NETWORKS);
        if has_room {
            let recorded = self.recorded.entry(network).or_default();
            if *recorded < most {
                *recorded += 1;
                self.in_all += 1;
                return true;
            }
        }
        let (event, reason) = (record.event.as_str(), record.reason);
        let reason = reason.map_or_else(|| event.to_owned(), |reason| format!("{event}: {reason}"));
        let (requests, time) = (1, record.time_ms);
        self.add(network, Counted { requests, first_ms: time, last_ms: time, reasons: [(reason, 1)].into() });
        false
    }

    fn add(&mut self, network: Option<IpAddr>, more: Counted) {
        let is_known = self.counted.contains_key(&network) || self.counted.len() < MOST_NETWORKS;
        let Some(counted) = self.counted.get_mut(&network.filter(|_| is_known)) else {
            self.counted.insert(network.filter(|_| is_known), more);
            return;
        };
        counted.requests = counted.requests.saturating_add(more.requests);
        counted.first_ms = counted.first_ms.min(more.first_ms);
        counted.last_ms = counted.last_ms.max(more.last_ms);
        for (reason, count) in more.reasons {
            *counted.reasons.entry(reason).or_default() += count;
        }
    }
}

fn summary(network: Option<IpAddr>, counted: Counted) -> AuditRecord {
    AuditRecord {
        client_address: network.map(|network| network.to_string()),
        operator: Some("server".to_owned()),
        counted: Some(Box::new(counted.clone())),
        ..AuditRecord::new(Event::RefusalsCounted, Outcome::Refused, "", counted.last_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::error::Problem;

    fn refusal(address: &str, time_ms: i64) -> AuditRecord {
        AuditRecord {
            client_address: Some(address.to_owned()),
            reason: Some("client_unknown"),
            ..AuditRecord::new(Event::TokenRefused, Outcome::Refused, "r", time_ms)
        }
    }

    fn written(refusals: &Refusals, records: impl IntoIterator<Item = AuditRecord>) -> usize {
        records.into_iter().filter(|record| refusals.is_to_be_written(record)).count()
    }

    #[test]
    fn beyond_its_number_a_network_is_counted_and_another_is_not() {
        let refusals = Refusals::new(3);
        assert_eq!(written(&refusals, (0..10).map(|time| refusal("192.0.2.1", time))), 3);
        assert_eq!(written(&refusals, [refusal("192.0.2.2", 10)]), 1);
        assert_eq!(refusals.summaries(Some(WINDOW - 1)), [], "the window is not over");
        let summaries = refusals.summaries(Some(WINDOW));
        let [summary] = &*summaries else { panic!("{summaries:?}") };
        assert_eq!((summary.client_address.as_deref(), summary.time_ms), (Some("192.0.2.1"), 9));
        let reasons = [("token.refused: client_unknown".to_owned(), 7)].into();
        assert_eq!(summary.counted.as_deref(), Some(&Counted { requests: 7, first_ms: 3, last_ms: 9, reasons }));
        assert_eq!(refusals.summaries(None), [], "they are given once");
        assert_eq!(written(&refusals, (0..10).map(|time| refusal("192.0.2.1", WINDOW + time))), 3, "another window");
    }

    #[test]
    fn an_attacker_with_many_networks_gains_a_bounded_number_of_records() {
        let refusals = Refusals::new(3);
        let address = |number: u32| format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff);
        let flood = (0..5000).map(|number| refusal(&address(number), 0));
        assert_eq!(written(&refusals, flood), 60);
        let summaries = refusals.summaries(None);
        assert_eq!(summaries.len(), MOST_NETWORKS + 1);
        let requests = |summaries: &[AuditRecord]| -> u64 {
            summaries.iter().filter_map(|one| one.counted.as_ref()).map(|one| one.requests).sum()
        };
        assert_eq!(requests(&summaries), 5000 - 60);
        refusals.count_again(summaries);
        let summaries = refusals.summaries(None);
        assert!(summaries.len() <= MOST_NETWORKS + 1, "{}", summaries.len());
        assert_eq!(requests(&summaries), 5000 - 60, "none is lost");
    }

    #[test]
    fn the_refusals_of_known_callers_are_written_unless_they_are_slowed_down() {
        let refusals = Refusals::new(0);
        let known = AuditRecord { is_authenticated: true, ..refusal("192.0.2.1", 0) };
        assert!(refusals.is_to_be_written(&known));
        for reason in [Problem::TooManyFailures, Problem::TooManyRefusedTokens, Problem::TooManySignIns] {
            assert!(!refusals.is_to_be_written(&AuditRecord { reason: Some(reason.slug()), ..known.clone() }));
        }
        let issued = AuditRecord::new(Event::TokenIssued, Outcome::Success, "r", 0);
        assert!(refusals.is_to_be_written(&issued));
    }
}
