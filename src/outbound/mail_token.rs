//! Access tokens for a mail server that takes no passwords (`XOAUTH2`), from the token endpoint of its operator.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::sync::Mutex;
use url::form_urlencoded;

use super::{Limits, Outbound, OutboundError, Posting, SendError};
use crate::domain::secret::Secret;

/// The bounds of one request for a token.
const LIMITS: Limits = Limits { connect: Duration::from_secs(5), total: Duration::from_secs(15), max_body: 64 * 1024 };
/// How long before its end a token is not used any more, in milliseconds: it has to last for a conversation.
const MARGIN_MS: i64 = 60_000;
/// The lifetime of a token whose answer names none, in seconds (RFC 6749 §5.1 recommends one).
const USUAL_LIFETIME: i64 = 300;

/// Where tokens for the mail server come from.
#[derive(Clone)]
pub struct MailTokenOptions {
    /// The token endpoint.
    pub token_url: String,
    /// The client that asks there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The refresh token of the mailbox. Without one the client asks on its own account (`client_credentials`).
    pub refresh_token: Option<Secret>,
    /// The scopes that are asked for; empty: those that the endpoint gives by itself.
    pub scope: String,
}

/// Gets tokens, and keeps the last one. Clones share it.
#[derive(Clone)]
pub(super) struct MailTokens {
    outbound: Outbound,
    options: MailTokenOptions,
    kept: Arc<Mutex<Option<Kept>>>,
}

#[derive(Clone)]
struct Kept {
    token: Secret,
    /// When a new token is due, in milliseconds of Unix time.
    until_ms: i64,
}

/// The answer of the token endpoint (RFC 6749 §5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: Option<i64>,
}

impl MailTokens {
    /// Prepares. Nothing is sent.
    ///
    /// # Errors
    /// The URL must not be called.
    pub(super) fn new(outbound: Outbound, options: MailTokenOptions) -> Result<Self, OutboundError> {
        outbound.check_url(&options.token_url)?;
        Ok(Self { outbound, options, kept: Arc::default() })
    }

    /// The token, a new one where the last is too old. One thread asks; the others wait for its answer.
    ///
    /// # Errors
    /// No token was given. All such failures may pass: an operator mends a secret while mails wait.
    pub(super) async fn token(&self, now_ms: i64) -> Result<Secret, SendError> {
        let mut kept = self.kept.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| now_ms < known.until_ms) {
            return Ok(known.token.clone());
        }
        let (token, lifetime) = self.ask().await?;
        let until_ms = now_ms.saturating_add(lifetime.saturating_mul(1000)).saturating_sub(MARGIN_MS);
        *kept = Some(Kept { token: token.clone(), until_ms });
        Ok(token)
    }

    /// The mail server took the token for none: the next mail gets a new one.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    async fn ask(&self) -> Result<(Secret, i64), SendError> {
        let content_type = "application/x-www-form-urlencoded";
        let posting =
            Posting { put: false, content_type, body: self.form(), headers: &[("accept", "application/json")] };
        let failed = |why: String| SendError::passing(format!("no access token for the mail server: {why}"));
        let answer = self.outbound.post_once(&self.options.token_url, posting, LIMITS).await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        if answer.status != 200 {
            return Err(failed(format!("the token endpoint answered {}", answer.status)));
        }
        // The parser's own words quote the answer, which holds a token.
        let read: TokenAnswer =
            serde_json::from_slice(&answer.body).map_err(|_| failed("the answer has no access_token".to_owned()))?;
        let is_token = !read.access_token.is_empty() && read.access_token.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_token {
            return Err(failed("the answer has no access_token".to_owned()));
        }
        Ok((Secret::new(read.access_token), read.expires_in.unwrap_or(USUAL_LIFETIME).max(0)))
    }

    fn form(&self) -> Vec<u8> {
        let MailTokenOptions { client_id, client_secret, refresh_token, scope, .. } = &self.options;
        let mut form = form_urlencoded::Serializer::new(String::new());
        match refresh_token {
            Some(token) => {
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token.reveal());
            }
            None => {
                form.append_pair("grant_type", "client_credentials");
            }
        }
        form.append_pair("client_id", client_id).append_pair("client_secret", client_secret.reveal());
        if !scope.is_empty() {
            form.append_pair("scope", scope);
        }
        form.finish().into_bytes()
    }
}
