//! What failures are counted by.

use std::{hash::Hash, net::IpAddr};

use quick_cache::Equivalent;

/// What is limited. Each has a setting of its name in `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Failed authentications as one client from one address.
    FailuresPerClient,
    /// Failed authentications from one address, whatever the client: a search through client ids.
    FailuresPerAddress,
    /// Refused subject and actor tokens of one client, which has authenticated.
    RefusedTokensPerClient,
    /// Refused tokens from one address, whatever the client.
    RefusedTokensPerAddress,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Limit; 4] = [
        Limit::FailuresPerClient,
        Limit::FailuresPerAddress,
        Limit::RefusedTokensPerClient,
        Limit::RefusedTokensPerAddress,
    ];

    /// The name of its setting, under which it is also counted, logged and kept in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Limit::FailuresPerClient => "failures_per_client",
            Limit::FailuresPerAddress => "failures_per_address",
            Limit::RefusedTokensPerClient => "refused_tokens_per_client",
            Limit::RefusedTokensPerAddress => "refused_tokens_per_address",
        }
    }

    /// The limit of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.as_str() == name)
    }
}

/// What one count is about. Parts that a limit does not look at are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub limit: Limit,
    pub network: Option<IpAddr>,
    pub environment_id: String,
    pub client_id: String,
}

/// A [`Key`] as a request has it: looking one up allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Named<'a> {
    pub limit: Limit,
    pub network: Option<IpAddr>,
    pub environment_id: &'a str,
    pub client_id: &'a str,
}

impl Equivalent<Key> for Named<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.named()
    }
}

impl Key {
    fn named(&self) -> Named<'_> {
        let Self { limit, network, environment_id, client_id } = self;
        Named { limit: *limit, network: *network, environment_id, client_id }
    }
}

impl Named<'_> {
    pub fn to_key(self) -> Key {
        let Self { limit, network, environment_id, client_id } = self;
        Key { limit, network, environment_id: environment_id.to_owned(), client_id: client_id.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn a_key_is_found_by_what_a_request_has() {
        let named = Named { limit: Limit::FailuresPerClient, network: None, environment_id: "e", client_id: "c" };
        let (key, hasher) = (named.to_key(), RandomState::new());
        assert!(named.equivalent(&key));
        assert_eq!(hasher.hash_one(named), hasher.hash_one(&key));
        assert!(!Named { client_id: "d", ..named }.equivalent(&key));
    }

    #[test]
    fn a_limit_is_found_by_its_name() {
        for limit in Limit::ALL {
            assert_eq!(Limit::of_name(limit.as_str()), Some(limit));
        }
        assert_eq!(Limit::of_name("another"), None);
    }
}
