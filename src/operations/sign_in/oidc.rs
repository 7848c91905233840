//! Signing in at an OpenID provider: this server is a client there (OpenID Connect Core §3.1).
//!
//! The answer comes through the browser, so anybody can write it. It counts for nothing until the provider itself, asked by us,
//! has given an ID token for the code, made for this very attempt.

use std::time::Duration;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use openssl::sha::sha256;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use super::{Attempt, SignedIn, Wishes};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        connection::{ResponseMode, SignInClient, TokenEndpointAuth},
        foreign::{ForeignIssuer, ForeignSubject},
        subject::CLOCK_LEEWAY,
        trace::Trace,
    },
    jose::{foreign::ForeignKind, master_key::sign_in_secret_aad},
    oauth::{
        error::{OAuthError, Problem},
        metadata::CALLBACK_PATH,
        params::Params,
    },
    operations::{
        authorize::Call,
        context::Context,
        foreign_keys::{ConnectionKeys, Unverified},
    },
    outbound::{Fetched, Limits},
};

/// What redeeming a code may cost. A person waits for it.
const LIMITS: Limits = Limits { connect: Duration::from_secs(2), total: Duration::from_secs(5), max_body: 64 * 1024 };

/// An endpoint of a provider.
#[derive(Clone, Copy)]
enum Endpoint {
    Authorization,
    Token,
}

/// This server as a client of a provider.
pub(crate) struct OidcSignIn<'a> {
    /// The identity connection.
    pub name: &'a str,
    /// Who the provider is.
    pub issuer: &'a ForeignIssuer,
    /// What this server is there.
    pub client: &'a SignInClient,
}

impl OidcSignIn<'_> {
    /// The provider's authorization endpoint, asked for a code with PKCE.
    pub async fn location(
        &self,
        context: &Context,
        environment: &EnvironmentSnapshot,
        attempt: &Attempt,
        (wishes, trace): (Wishes<'_>, Option<Trace>),
    ) -> Result<String, OAuthError> {
        let connection = ConnectionKeys { context, environment, name: self.name, trace };
        let endpoint = self.endpoint(&connection, Endpoint::Authorization).await?;
        let mut url = Url::parse(&endpoint)
            .map_err(|error| OAuthError::new(Problem::ServerError, format!("authorization_endpoint: {error}")))?;
        let challenge = URL_SAFE_NO_PAD.encode(sha256(attempt.verifier()?.as_bytes()));
        let max_age = wishes.max_age.map(|seconds| seconds.to_string());
        let mut query = url.query_pairs_mut();
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client.client_id),
            ("redirect_uri", &callback(environment)),
            ("scope", &self.client.scopes.to_string()),
            ("state", attempt.state()),
            ("nonce", &attempt.nonce()?),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        if self.client.response_mode == ResponseMode::FormPost {
            query.append_pair("response_mode", "form_post");
        }
        let wishes = [("login_hint", wishes.login_hint), ("prompt", wishes.prompt), ("max_age", max_age.as_deref())];
        query.extend_pairs(wishes.into_iter().filter_map(|(name, value)| Some((name, value?))));
        drop(query);
        Ok(url.into())
    }

    /// Who came back with the answer in `call`, in the words of the provider itself.
    pub async fn finish(
        &self,
        context: &Context,
        environment: &EnvironmentSnapshot,
        attempt: &Attempt,
        call: &Call<'_>,
        max_age: Option<i64>,
    ) -> Result<SignedIn, OAuthError> {
        let answer = call.params;
        let connection = ConnectionKeys { context, environment, name: self.name, trace: call.trace };
        let iss_required = self.client.iss_required || self.says_who_it_is(&connection).await?;
        self.check_sender(answer, iss_required)?;
        if let Some(error) = answer.get("error") {
            return Err(self.refused(&format!("the provider answers {error:?}")));
        }
        let code = answer.get("code").ok_or_else(|| self.refused("the provider's answer has no code"))?;
        let id_token = self.redeem(&connection, attempt, code).await?;
        self.verify(&connection, attempt, &id_token, max_age).await
    }

    /// RFC 9207 §2.4: an answer that another provider sent must not make us send its code to this one.
    fn check_sender(&self, answer: &Params, iss_required: bool) -> Result<(), OAuthError> {
        match answer.get("iss") {
            Some(iss) if self.issuer.is_named(iss) => Ok(()),
            None if !iss_required => Ok(()),
            Some(_) => Err(self.refused("mixed-up issuer: the answer names another provider")),
            None => Err(self.refused("mixed-up issuer: the answer does not say which provider it is from")),
        }
    }

    /// Whether the provider's metadata promise that its answers name it (RFC 9207 §3). They are asked for only where they
    /// are in use.
    async fn says_who_it_is(&self, connection: &ConnectionKeys<'_>) -> Result<bool, OAuthError> {
        if self.client.authorization_endpoint.is_some() {
            return Ok(false);
        }
        let metadata = connection.metadata(self.issuer).await.map_err(|cause| self.unavailable(&cause))?;
        Ok(metadata.authorization_response_iss_parameter_supported)
    }

    /// The URL of an endpoint: as configured, or as the provider says.
    async fn endpoint(&self, connection: &ConnectionKeys<'_>, endpoint: Endpoint) -> Result<String, OAuthError> {
        let configured = match endpoint {
            Endpoint::Authorization => &self.client.authorization_endpoint,
            Endpoint::Token => &self.client.token_endpoint,
        };
        if let Some(url) = configured {
            return Ok(url.clone());
        }
        let metadata = connection.metadata(self.issuer).await.map_err(|cause| self.unavailable(&cause))?;
        let (name, found) = match endpoint {
            Endpoint::Authorization => ("authorization_endpoint", &metadata.authorization_endpoint),
            Endpoint::Token => ("token_endpoint", &metadata.token_endpoint),
        };
        let url = found.as_ref().ok_or_else(|| self.unavailable(&format!("its metadata have no {name}")))?;
        // Browsers are sent there: nothing but what could be called from here, so that no `javascript:` and no plain HTTP is.
        let checked = connection.context.outbound.check_url(url);
        checked.map_err(|error| self.unavailable(&format!("the {name} of its metadata: {error}")))?;
        Ok(url.clone())
    }

    /// The ID token that the provider gives for the code.
    async fn redeem(
        &self,
        connection: &ConnectionKeys<'_>,
        attempt: &Attempt,
        code: &str,
    ) -> Result<String, OAuthError> {
        let ConnectionKeys { context, environment, .. } = *connection;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &callback(environment)),
            ("code_verifier", &attempt.verifier()?),
        ]);
        let authorization = self.authenticate(context, environment, &mut form)?;
        let form = form.finish();
        let endpoint = self.endpoint(connection, Endpoint::Token).await?;
        let fetched = connection.outbound(self.issuer).post_form(&endpoint, form, authorization, LIMITS).await;
        let fetched = fetched.map_err(|error| self.unavailable(&format!("the token endpoint: {error}")));
        let Fetched { status, body, .. } = fetched?;
        if status >= 500 || status == 429 {
            return Err(self.unavailable(&format!("the token endpoint answers {status}")));
        }
        let answer: Map<String, Value> = serde_json::from_slice(&body)
            .map_err(|_| self.refused(&format!("the token endpoint answers {status} without JSON")))?;
        if status != 200 {
            let error = answer.get("error").and_then(Value::as_str).unwrap_or_default();
            return Err(self.refused(&format!("the token endpoint answers {status} {error:?}")));
        }
        let id_token = answer.get("id_token").and_then(Value::as_str);
        id_token.map(str::to_owned).ok_or_else(|| self.refused("the token endpoint gives no ID token"))
    }

    /// What the form and `Authorization` have of the client (OpenID Connect Core §9).
    fn authenticate(
        &self,
        context: &Context,
        environment: &EnvironmentSnapshot,
        form: &mut form_urlencoded::Serializer<'_, String>,
    ) -> Result<Option<String>, OAuthError> {
        let client_id = &*self.client.client_id;
        match self.client.token_endpoint_auth_method {
            TokenEndpointAuth::ClientSecretBasic => {
                let secret = self.secret(context, environment)?;
                let encoded = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
                let both = format!("{}:{}", encoded(client_id.as_bytes()), encoded(secret.as_bytes()));
                return Ok(Some(format!("Basic {}", STANDARD.encode(both))));
            }
            TokenEndpointAuth::ClientSecretPost => {
                let secret = self.secret(context, environment)?;
                form.extend_pairs([("client_id", client_id), ("client_secret", &secret)]);
            }
            TokenEndpointAuth::None => drop(form.append_pair("client_id", client_id)),
        }
        Ok(None)
    }

    fn secret(&self, context: &Context, environment: &EnvironmentSnapshot) -> Result<String, OAuthError> {
        let aad = sign_in_secret_aad(&environment.environment.id, self.name);
        let secret = context.master_key.open(&self.client.sealed_secret, &aad).map_err(|error| {
            let detail = format!("connection {:?}: its secret: {error}", self.name);
            OAuthError::new(Problem::ServerError, detail)
        })?;
        String::from_utf8(secret).map_err(|_| {
            OAuthError::new(Problem::ServerError, format!("connection {:?}: its secret is no text", self.name))
        })
    }

    /// OpenID Connect Core §3.1.3.7.
    async fn verify(
        &self,
        connection: &ConnectionKeys<'_>,
        attempt: &Attempt,
        id_token: &str,
        max_age: Option<i64>,
    ) -> Result<SignedIn, OAuthError> {
        let bad = |cause: &dyn std::fmt::Display| self.refused(&format!("the ID token: {cause}"));
        // Made for this client of the provider, and not for one of those whose tokens may be exchanged here.
        let issuer = ForeignIssuer { audiences: vec![self.client.client_id.clone()], ..self.issuer.clone() };
        let now = connection.context.clock.now();
        let subject =
            connection.verify(&issuer, id_token, ForeignKind::IdToken).await.map_err(|error| match error {
                Unverified::Keys(error) => error,
                Unverified::Token(error) => bad(&error),
            })?;
        self.check_addressee(&subject)?;
        let claim = |name: &str| subject.claims.get(name);
        if claim("nonce").and_then(Value::as_str) != Some(&attempt.nonce()?) {
            return Err(bad(&"nonce is not that of this attempt"));
        }
        if subject.cnf.is_some() || subject.act.is_some() || subject.may_act.is_some() {
            return Err(bad(&"it is bound to a key, or speaks of somebody who acts"));
        }
        let auth_time = subject.auth_time.filter(|time| *time <= now + CLOCK_LEEWAY);
        if let Some(max_age) = max_age {
            let is_recent = |time: i64| now - time <= max_age.saturating_add(CLOCK_LEEWAY);
            if !auth_time.is_some_and(is_recent) {
                return Err(bad(&"the user signed in longer ago than max_age, or it does not say when"));
            }
        }
        let ForeignSubject { subject_id, email, name, .. } = subject;
        Ok(SignedIn { subject_id, email, name, auth_time: auth_time.unwrap_or(now).min(now) })
    }

    /// A token for several, or one that another party asked for, is not ours.
    fn check_addressee(&self, subject: &ForeignSubject) -> Result<(), OAuthError> {
        let is_ours = |azp: &Value| *azp == *self.client.client_id;
        match subject.claims.get("azp") {
            Some(azp) if !is_ours(azp) => Err(self.refused("the ID token: azp is another client")),
            None if subject.aud.len() > 1 => Err(self.refused("the ID token: several audiences and no azp")),
            _ => Ok(()),
        }
    }

    fn unavailable(&self, cause: &str) -> OAuthError {
        OAuthError::new(Problem::SignInUnavailable, format!("connection {:?}: {cause}", self.name))
    }

    fn refused(&self, cause: &str) -> OAuthError {
        OAuthError::new(Problem::SignInRefused, format!("connection {:?}: {cause}", self.name))
    }
}

/// Where the provider sends browsers back to.
fn callback(environment: &EnvironmentSnapshot) -> String {
    format!("{}{CALLBACK_PATH}", environment.issuer)
}
