//! What is said of the foreign issuer of an identity connection. Whoever gets a mistake in here may be let in as any user,
//! so that all of it is checked whenever a part of it changes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    applications::replace,
    checks::{self, invalid},
};
use crate::{
    domain::{
        foreign::{ClaimMap, ForeignIssuer},
        provider_metadata::metadata_url,
        user::MAX_TEXT,
        verifying_alg::VerifyingAlg,
        web_url::MAX_URL,
    },
    jose::foreign_keys::ForeignKeys,
    operations::mosaic_error::MosaicError,
    outbound::Outbound,
};

/// The largest inline key set, in bytes.
const MAX_JWKS: usize = 65_536;

/// What is set of a foreign issuer; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForeignPatch {
    /// `iss` of its tokens.
    pub issuer: Option<String>,
    /// Where its keys are; takes the place of an inline key set.
    pub jwks_uri: Option<String>,
    /// Its keys, a JSON document; takes the place of a URL.
    pub jwks: Option<String>,
    /// The `aud` values that are accepted.
    pub audiences: Option<Vec<String>>,
    /// The algorithms that are accepted; when empty, whatever a key is good for.
    pub algorithms: Option<Vec<VerifyingAlg>>,
    /// What a token must say besides.
    pub claims: Option<BTreeMap<String, Value>>,
    /// The claim that identifies the user.
    pub subject_claim: Option<String>,
    /// The claim with the e-mail address.
    pub email_claim: Option<String>,
    /// The claim with the name.
    pub name_claim: Option<String>,
}

impl ForeignPatch {
    /// Nothing may be set where there is no foreign issuer.
    ///
    /// # Errors
    /// Something is.
    pub(super) fn refuse(&self) -> Result<(), MosaicError> {
        if *self == Self::default() {
            return Ok(());
        }
        Err(invalid(
            "identityConnection",
            "is a delegated one: it has no issuer, keys, audiences, algorithms or claims",
        ))
    }

    /// A new issuer.
    ///
    /// # Errors
    /// Something is missing or invalid.
    pub(super) fn into_issuer(self, outbound: &Outbound) -> Result<ForeignIssuer, MosaicError> {
        let mut issuer = ForeignIssuer {
            issuer: String::new(),
            issuer_aliases: Vec::new(),
            jwks_uri: None,
            jwks: None,
            authorities: None,
            audiences: Vec::new(),
            algorithms: Vec::new(),
            claims: BTreeMap::new(),
            map: ClaimMap::default(),
        };
        self.apply(&mut issuer, outbound)?;
        Ok(issuer)
    }

    /// Changes an issuer, and checks what it is then.
    ///
    /// # Errors
    /// Something is missing or invalid; `issuer` is of no use then.
    pub(super) fn apply(self, issuer: &mut ForeignIssuer, outbound: &Outbound) -> Result<(), MosaicError> {
        if self.jwks_uri.is_some() && self.jwks.is_some() {
            return Err(invalid("jwks", "is given together with jwksUri; give one of them"));
        }
        if self.jwks_uri.is_some() || self.jwks.is_some() {
            (issuer.jwks_uri, issuer.jwks) = (self.jwks_uri, self.jwks);
        }
        if self.issuer.is_some() {
            // They are spellings of the issuer of before.
            issuer.issuer_aliases.clear();
        }
        replace(&mut issuer.issuer, self.issuer);
        replace(&mut issuer.audiences, self.audiences);
        replace(&mut issuer.algorithms, self.algorithms);
        replace(&mut issuer.claims, self.claims);
        replace(&mut issuer.map.subject, self.subject_claim);
        replace(&mut issuer.map.email, self.email_claim);
        replace(&mut issuer.map.name, self.name_claim);
        check(issuer, outbound)
    }
}

fn check(issuer: &ForeignIssuer, outbound: &Outbound) -> Result<(), MosaicError> {
    checks::text("issuer", &issuer.issuer, MAX_URL)?;
    checks::count("audiences", issuer.audiences.len())?;
    for audience in &issuer.audiences {
        checks::text("audiences", audience, MAX_URL)?;
    }
    checks::count("claims", issuer.claims.len())?;
    for (name, value) in &issuer.claims {
        checks::text("claims", name, MAX_TEXT)?;
        if value.to_string().len() > MAX_URL {
            return Err(invalid("claims", "has a value that is too long"));
        }
    }
    let ClaimMap { subject, email, name } = &issuer.map;
    for (argument, claim) in [("subjectClaim", subject), ("emailClaim", email), ("nameClaim", name)] {
        checks::text(argument, claim, MAX_TEXT)?;
    }
    issuer.check().map_err(|reason| invalid("identityConnection", &format!("cannot be used: {reason}")))?;
    match (&issuer.jwks_uri, &issuer.jwks) {
        (Some(url), _) => checks::callable_url(outbound, "jwksUri", url)?,
        (None, Some(_)) => {}
        // Then its metadata say where its keys are.
        (None, None) => checks::callable_url(outbound, "issuer", &metadata_url(&issuer.issuer))?,
    }
    issuer.jwks.as_deref().map_or(Ok(()), check_keys)
}

fn check_keys(jwks: &str) -> Result<(), MosaicError> {
    if jwks.len() > MAX_JWKS {
        return Err(invalid("jwks", "is too long"));
    }
    if ForeignKeys::gives_away_secrets(jwks.as_bytes()) {
        // It is shown to all who may see connections, and each of them could be any user.
        return Err(invalid("jwks", "has a private or symmetric key; give the public halves"));
    }
    match ForeignKeys::parse(jwks.as_bytes()) {
        Ok(keys) if !keys.is_empty() => Ok(()),
        Ok(_) => Err(invalid("jwks", "has no key that signatures can be verified with")),
        Err(error) => Err(invalid("jwks", &format!("cannot be used: {error}"))),
    }
}
