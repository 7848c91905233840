//! What the operations count.

use super::mosaic_error::{MosaicCode, MosaicError};
use crate::{
    audit::Outcome,
    domain::environment::SigningAlg,
    metrics::{CountBy, CountByTwo, Kind, Page},
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
    },
};

/// What the operations count, on this node since it started.
#[derive(Debug, Default)]
pub struct Counts {
    token_requests: CountByTwo<AskedGrant, Outcome>,
    refusals: CountBy<Problem>,
    graphql_tokens: CountBy<Outcome>,
    graphql_refusals: CountBy<MosaicCode>,
    signatures: CountBy<SigningAlg>,
    logouts: CountBy<Outcome>,
}

impl Counts {
    /// A request at the token endpoint was answered; `grant` is the one that it asked for, if there is such a grant.
    pub fn token_request(&self, grant: Option<GrantType>, refusal: Option<&OAuthError>) {
        let outcome = refusal.map_or(Outcome::Success, |refusal| outcome_of(refusal.problem.status()));
        self.token_requests.one(AskedGrant(grant), outcome);
        if let Some(refusal) = refusal {
            self.refusals.one(refusal.problem);
        }
    }

    /// A token was asked for through GraphQL.
    pub(super) fn graphql_token(&self, refusal: Option<&MosaicError>) {
        self.graphql_tokens.one(refusal.map_or(Outcome::Success, |refusal| outcome_of(refusal.code.status())));
    }

    /// An error was sent in an answer of GraphQL.
    pub fn graphql_refusal(&self, code: MosaicCode) {
        self.graphql_refusals.one(code);
    }

    /// A token was signed.
    pub(super) fn signature(&self, alg: SigningAlg) {
        self.signatures.one(alg);
    }

    /// A client was told that a session has ended, or given up.
    pub(super) fn logout(&self, outcome: Outcome) {
        self.logouts.one(outcome);
    }

    /// Writes all onto `page`.
    pub fn expose(&self, page: &mut Page) {
        let help = "Requests at the token endpoint, by grant and by how they ended.";
        self.token_requests.expose(page, "tessera_token_requests_total", help, ["grant", "outcome"]);
        let help = "Refusals of the token endpoint, by error_code.";
        self.refusals.expose(page, "tessera_token_refusals_total", help, "error_code");
        let help = "Tokens that were asked for through GraphQL, by how that ended.";
        self.graphql_tokens.expose(page, "tessera_graphql_tokens_total", help, "outcome");
        let help = "Errors in the answers of GraphQL, by code.";
        self.graphql_refusals.expose(page, "tessera_graphql_refusals_total", help, "code");
        let help = "Clients that were to be told that a session has ended, by how that went.";
        self.logouts.expose(page, "tessera_logout_notices_total", help, "outcome");
        self.signatures.expose(page, "tessera_signatures_total", "Tokens that were signed, by algorithm.", "alg");
    }
}

fn outcome_of(status: u16) -> Outcome {
    if status < 500 { Outcome::Refused } else { Outcome::Failed }
}

/// A grant of this server, or whatever else stood in `grant_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AskedGrant(Option<GrantType>);

impl Kind for AskedGrant {
    const ALL: &'static [Self] = &[
        AskedGrant(Some(GrantType::ClientCredentials)),
        AskedGrant(Some(GrantType::AuthorizationCode)),
        AskedGrant(Some(GrantType::TokenExchange)),
        AskedGrant(Some(GrantType::RefreshToken)),
        AskedGrant(Some(GrantType::Delegation)),
        AskedGrant(None),
    ];

    fn place(self) -> usize {
        self.0.map_or(GrantType::ALL.len(), |grant| grant as usize)
    }

    fn label(self) -> &'static str {
        match self.0 {
            Some(GrantType::ClientCredentials) => "client_credentials",
            Some(GrantType::AuthorizationCode) => "authorization_code",
            Some(GrantType::TokenExchange) => "token_exchange",
            Some(GrantType::RefreshToken) => "refresh_token",
            Some(GrantType::Delegation) => "delegation",
            None => "unknown",
        }
    }
}

impl Kind for Outcome {
    const ALL: &'static [Self] = &[Outcome::Success, Outcome::Refused, Outcome::Failed];

    fn place(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        self.as_str()
    }
}

impl Kind for Problem {
    const ALL: &'static [Self] = Problem::ALL;

    fn place(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        self.slug()
    }
}

impl Kind for MosaicCode {
    const ALL: &'static [Self] = MosaicCode::ALL;

    fn place(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        self.as_str()
    }
}

impl Kind for SigningAlg {
    const ALL: &'static [Self] = &SigningAlg::ALL;

    fn place(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check<K: Kind>() {
        let places: Vec<usize> = K::ALL.iter().map(|kind| kind.place()).collect();
        assert_eq!(places, (0..K::ALL.len()).collect::<Vec<_>>());
        let labels: BTreeSet<&str> = K::ALL.iter().map(|kind| kind.label()).collect();
        assert_eq!(labels.len(), K::ALL.len(), "{labels:?}");
    }

    #[test]
    fn every_kind_has_a_place_and_a_label_of_its_own() {
        check::<AskedGrant>();
        check::<Outcome>();
        check::<Problem>();
        check::<MosaicCode>();
        check::<SigningAlg>();
        let grants: Vec<GrantType> = AskedGrant::ALL.iter().filter_map(|asked| asked.0).collect();
        assert_eq!(grants, GrantType::ALL);
    }
}
