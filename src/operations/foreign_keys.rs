//! Foreign tokens and the keys that check them: those in memory, and once more those that the issuer has by now.

use std::sync::Arc;

use super::context::Context;
use crate::{
    catalog::{environment::EnvironmentSnapshot, foreign_keys::Asking},
    domain::{
        foreign::{ForeignIssuer, ForeignSubject},
        provider_metadata::{ProviderMetadata, metadata_url},
        trace::Trace,
    },
    jose::{
        error::TokenError,
        foreign::{ForeignKind, verify_foreign_token},
        foreign_keys::ForeignKeys,
        unverified::UnverifiedToken,
    },
    oauth::error::{OAuthError, Problem},
    outbound::Outbound,
};

/// The keys of an identity connection's issuer, as a request finds them.
pub(super) struct ConnectionKeys<'a> {
    pub context: &'a Context,
    pub environment: &'a EnvironmentSnapshot,
    /// The name of the connection.
    pub name: &'a str,
    /// Of the request; the issuer hears of it.
    pub trace: Option<Trace>,
}

/// Why a foreign token counts for nothing.
pub(super) enum Unverified {
    /// The keys cannot be had.
    Keys(OAuthError),
    /// The token is not acceptable.
    Token(TokenError),
}

impl From<TokenError> for Unverified {
    fn from(error: TokenError) -> Self {
        Self::Token(error)
    }
}

impl ConnectionKeys<'_> {
    /// Checks a token of `issuer`. Where the keys in memory do not fit, the issuer is asked for those of now: it may have
    /// put a new key under an old `kid`, or write none. It is asked at most once in ten seconds, however many tokens
    /// with bad signatures a stranger sends.
    pub async fn verify(
        &self,
        issuer: &ForeignIssuer,
        token: &str,
        kind: ForeignKind,
    ) -> Result<ForeignSubject, Unverified> {
        let unverified = UnverifiedToken::parse(token)?;
        let check = |keys: &ForeignKeys| verify_foreign_token(issuer, keys, token, kind, self.context.clock.now());
        if issuer.jwks.is_some() {
            let inline = self.environment.inline_keys(self.name);
            let keys = inline.ok_or_else(|| self.unavailable("the inline key set cannot be used"))?;
            return Ok(check(&keys)?);
        }
        let uri = &self.key_set_uri(issuer).await?;
        let (scope, cache) = (key_set_scope(self.environment, self.name), &self.context.foreign_keys);
        let failed = |error: &dyn std::fmt::Display| self.unavailable(&error.to_string());
        let asking = self.asking(issuer);
        let keys = cache.keys(&scope, uri, unverified.kid(), asking).await.map_err(|error| failed(&error))?;
        match check(&keys) {
            Err(error) if may_be_by_a_new_key(error) => {
                let newer = cache.newer_keys(&scope, uri, &keys, asking).await.map_err(|error| failed(&error))?;
                // A second check of the same keys would be work that a stranger makes us do.
                if Arc::ptr_eq(&newer, &keys) { Err(error.into()) } else { Ok(check(&newer)?) }
            }
            outcome => Ok(outcome?),
        }
    }

    fn asking<'i>(&self, issuer: &'i ForeignIssuer) -> Asking<'i> {
        Asking { trace: self.trace, authorities: issuer.authorities.as_deref() }
    }

    /// What calls the issuer's endpoints.
    pub fn outbound(&self, issuer: &ForeignIssuer) -> Outbound {
        let outbound = &self.context.outbound;
        issuer.authorities.as_ref().map_or_else(|| outbound.clone(), |pem| outbound.trusting(pem))
    }

    /// Where the keys are: as configured, or as the issuer says.
    async fn key_set_uri(&self, issuer: &ForeignIssuer) -> Result<String, Unverified> {
        match &issuer.jwks_uri {
            Some(uri) => Ok(uri.clone()),
            None => match self.metadata(issuer).await {
                Ok(metadata) => Ok(metadata.jwks_uri.clone()),
                Err(cause) => Err(self.unavailable(&cause)),
            },
        }
    }

    /// What the issuer says of itself, found by its name (OpenID Connect Discovery §4).
    ///
    /// # Errors
    /// It cannot be had, or is that of another issuer (§4.3); the text says why.
    pub async fn metadata(&self, issuer: &ForeignIssuer) -> Result<Arc<ProviderMetadata>, String> {
        let (scope, uri) = (key_set_scope(self.environment, self.name), metadata_url(&issuer.issuer));
        let found = self.context.foreign_keys.metadata(&scope, &uri, self.asking(issuer)).await;
        let metadata = found.map_err(|error| format!("its metadata: {error}"))?;
        // Otherwise a document that somebody can put below the name of an issuer would speak for another one.
        if metadata.issuer != issuer.issuer {
            return Err("its metadata: they are those of another issuer".to_owned());
        }
        Ok(metadata)
    }

    fn unavailable(&self, cause: &str) -> Unverified {
        let detail = format!("the keys of connection {:?}: {cause}", self.name);
        Unverified::Keys(OAuthError::new(Problem::ForeignKeysUnavailable, detail))
    }
}

/// Whether other keys could make another answer of it.
fn may_be_by_a_new_key(error: TokenError) -> bool {
    use TokenError::{AmbiguousKey, BadSignature, UnknownForeignKey, WrongAlgorithm};
    matches!(error, AmbiguousKey | BadSignature | UnknownForeignKey | WrongAlgorithm)
}

/// Whose a fetched key set is. Nothing of one environment's is another's, not even what it has fetched.
pub fn key_set_scope(environment: &EnvironmentSnapshot, connection: &str) -> String {
    format!("{}/{connection}", environment.environment.id)
}
