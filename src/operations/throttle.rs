//! Slows down those who guess secrets (TE-018, RFC 6749 §2.3.1).
//!
//! Only failures count, and always together with the address they come from: whoever merely knows a client's id cannot
//! lock that client out from elsewhere. Each node counts for itself.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use quick_cache::sync::Cache;

use crate::domain::client::Client;

/// How long failures are remembered, in milliseconds.
const WINDOW: i64 = 60_000;
/// Failures from one address as one client within a [`WINDOW`].
const MOST_PER_CLIENT: u32 = 30;
/// Failures from one address within a [`WINDOW`], whatever the client: a search through client ids.
const MOST_PER_ADDRESS: u32 = 300;
/// Addresses and clients that are remembered. Beyond, the least recently seen are forgotten.
const REMEMBERED: usize = 20_000;

/// Counts failed authentications.
pub struct Throttle(Cache<Who, Arc<Failures>>);

/// Who failed.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    Client(IpAddr, String),
}

/// Failures since a moment, in milliseconds since 1970.
struct Failures {
    since: i64,
    count: AtomicU32,
}

/// Too many failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// When to try again, in seconds.
    pub retry_after: i64,
}

impl Default for Throttle {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Throttle {
    /// Whether a further attempt may be made at `now` (milliseconds since 1970). Asked before the secret is looked at:
    /// afterwards, the guess would have been made.
    ///
    /// # Errors
    /// There were too many failures.
    pub fn check(&self, address: IpAddr, client_id: &str, now: i64) -> Result<(), Throttled> {
        for (who, most) in limits(address, client_id) {
            let failures = self.0.get(&who);
            if let Some(failures) = failures.filter(|failures| failures.count.load(Ordering::Relaxed) >= most) {
                let left = failures.since + WINDOW - now;
                if left > 0 {
                    return Err(Throttled { retry_after: left.div_euclid(1000) + 1 });
                }
            }
        }
        Ok(())
    }

    /// Counts a failure at `now` (milliseconds since 1970).
    pub fn count_failure(&self, address: IpAddr, client_id: &str, now: i64) {
        for (who, _) in limits(address, client_id) {
            if self.0.get(&who).is_some_and(|failures| now >= failures.since + WINDOW) {
                self.0.remove(&who);
            }
            let fresh =
                || Ok::<_, std::convert::Infallible>(Arc::new(Failures { since: now, count: AtomicU32::new(0) }));
            let Ok(failures) = self.0.get_or_insert_with(&who, fresh);
            failures.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What cannot be an id counts for its address alone: it may be long, and is not worth remembering.
fn limits(address: IpAddr, client_id: &str) -> [(Who, u32); 2] {
    let client_id = if Client::is_id(client_id) { client_id } else { "" };
    [(Who::Client(address, client_id.to_owned()), MOST_PER_CLIENT), (Who::Address(address), MOST_PER_ADDRESS)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn fail(throttle: &Throttle, client_id: &str, times: u32) {
        (0..times).for_each(|_| throttle.count_failure(HERE, client_id, 0));
    }

    #[test]
    fn guessing_is_stopped_for_a_minute_where_it_comes_from_and_nowhere_else() {
        let throttle = Throttle::default();
        fail(&throttle, "bff", MOST_PER_CLIENT - 1);
        assert_eq!(throttle.check(HERE, "bff", 0), Ok(()));
        fail(&throttle, "bff", 1);
        assert_eq!(throttle.check(HERE, "bff", 20_000), Err(Throttled { retry_after: 41 }));
        assert_eq!(throttle.check(THERE, "bff", 0), Ok(()), "an outsider cannot lock the client out");
        assert_eq!(throttle.check(HERE, "another", 0), Ok(()));
        assert_eq!(throttle.check(HERE, "bff", WINDOW), Ok(()));
    }

    #[test]
    fn a_search_through_client_ids_is_stopped_too() {
        let throttle = Throttle::default();
        (0..MOST_PER_ADDRESS).for_each(|number| throttle.count_failure(HERE, &format!("client-{number}"), 0));
        assert!(throttle.check(HERE, "never seen", 0).is_err());
    }

    #[test]
    fn what_cannot_be_an_id_is_not_remembered_however_long_it_is() {
        let throttle = Throttle::default();
        (0..MOST_PER_CLIENT).for_each(|number| throttle.count_failure(HERE, &format!("{number:0300}"), 0));
        assert!(throttle.check(HERE, &"1".repeat(300), 0).is_err(), "all of them are one");
        assert_eq!(throttle.0.len(), 2, "one for the address, one for all that it made up");
    }

    #[test]
    fn counting_begins_anew_after_the_window() {
        let throttle = Throttle::default();
        fail(&throttle, "bff", MOST_PER_CLIENT);
        throttle.count_failure(HERE, "bff", WINDOW);
        assert_eq!(throttle.check(HERE, "bff", WINDOW), Ok(()));
    }
}
