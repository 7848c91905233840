//! Login sessions: that a user is signed in, for all applications of an environment whose backends know the session.

use serde::{Deserialize, Serialize};

use super::AuthMethod;
use crate::domain::secret::SecretHash;

/// By what a user was authenticated, and when last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// The method.
    pub method: AuthMethod,
    /// Seconds since 1970.
    pub at: i64,
}

/// A login session. Refresh tokens hang on sessions of their own, which come of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoginSession {
    /// UUID: `sid` of the tokens. Not a secret, unlike the `session_id` that the backend has.
    pub id: String,
    /// UUID of the environment.
    pub environment_id: String,
    /// Whose it is. Never changes: nobody else's authentication is added to it.
    pub user_id: String,
    /// Of the `session_id`.
    pub secret: SecretHash,
    /// The methods, each once, in the order of their first use.
    pub methods: Vec<Authentication>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970: over by then, unless there is an authentication before. Never later than `expires_at`.
    pub idle_expires_at: i64,
    /// Seconds since 1970: over by then, whatever happens.
    pub expires_at: i64,
    /// When it was ended before its time; seconds since 1970.
    pub ended_at: Option<i64>,
}

impl LoginSession {
    /// Whether it is over at `now` (seconds since 1970), by its own end or by time.
    pub fn is_over(&self, now: i64) -> bool {
        self.ended_at.is_some() || now >= self.idle_expires_at || now >= self.expires_at
    }

    /// The same after the user was authenticated once more.
    #[must_use]
    pub fn authenticated(&self, method: AuthMethod, now: i64, idle_expires_at: i64) -> Self {
        let mut after = Self { idle_expires_at: idle_expires_at.min(self.expires_at), ..self.clone() };
        match after.methods.iter_mut().find(|one| one.method == method) {
            Some(known) => known.at = now,
            None => after.methods.push(Authentication { method, at: now }),
        }
        after
    }

    /// When the user was authenticated last: `auth_time`, in seconds since 1970.
    pub fn auth_time(&self) -> i64 {
        self.methods.iter().map(|one| one.at).max().unwrap_or(self.created_at)
    }

    /// `amr` (RFC 8176): the methods, and `mfa` where two of them are different factors.
    pub fn amr(&self) -> Vec<&'static str> {
        let methods: Vec<AuthMethod> = self.methods.iter().map(|one| one.method).collect();
        super::amr_of(&methods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn session() -> LoginSession {
        LoginSession {
            id: "s".into(),
            environment_id: "e".into(),
            user_id: "u".into(),
            secret: Secret::new("x").hash(),
            methods: vec![Authentication { method: AuthMethod::Password, at: 100 }],
            created_at: 100,
            idle_expires_at: 200,
            expires_at: 300,
            ended_at: None,
        }
    }

    #[test]
    fn each_authentication_extends_it_up_to_its_longest_life() {
        let after = session().authenticated(AuthMethod::EmailOtp, 150, 250);
        assert_eq!((after.idle_expires_at, after.auth_time()), (250, 150));
        assert_eq!(after.amr(), ["pwd", "eotp", "mfa"]);
        let after = after.authenticated(AuthMethod::Password, 160, 400);
        assert_eq!((after.idle_expires_at, after.methods.len(), after.auth_time()), (300, 2, 160));
        assert!(!after.is_over(299) && after.is_over(300));
        assert!(LoginSession { ended_at: Some(1), ..after }.is_over(0));
    }
}
