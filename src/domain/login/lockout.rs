//! How many guesses somebody has: the counting of failures, and the locks that follow.
//!
//! A failure is counted *before* the answer is looked at, and taken back when it was right. So with any number of guesses at the
//! same moment no more are looked at than one after the other would be.

use serde::{Deserialize, Serialize};

/// The kinds of authenticators whose failures are counted. Those of a user and kind are counted together: two authenticator
/// apps give nobody twice as many guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authenticator {
    /// Passwords.
    Password,
    /// Codes of authenticator apps.
    Totp,
    /// Codes sent by e-mail.
    EmailOtp,
    /// Codes sent by SMS.
    SmsOtp,
    /// Codes that the backend itself hands over.
    DirectOtp,
    /// Passkeys.
    #[serde(rename = "webauthn")]
    WebAuthn,
}

impl Authenticator {
    /// All of them.
    pub const ALL: [Authenticator; 6] = [
        Authenticator::Password,
        Authenticator::Totp,
        Authenticator::EmailOtp,
        Authenticator::SmsOtp,
        Authenticator::DirectOtp,
        Authenticator::WebAuthn,
    ];

    /// The name, as in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Authenticator::Password => "password",
            Authenticator::Totp => "totp",
            Authenticator::EmailOtp => "email_otp",
            Authenticator::SmsOtp => "sms_otp",
            Authenticator::DirectOtp => "direct_otp",
            Authenticator::WebAuthn => "webauthn",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == name)
    }
}

/// A step of a lockout in tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// The failure that locks, counted from the first one of all: the count goes on from tier to tier.
    pub attempts: u32,
    /// For how long, in seconds.
    pub lock_seconds: i64,
}

/// When failures lock, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockoutRule {
    /// Without tiers: so many failures lock. At least one.
    pub max_failures: u32,
    /// Without tiers: for so long, in seconds. Then the count begins anew.
    pub lock_seconds: i64,
    /// Failures further apart than this, in seconds, do not count together; `None`: they do, however far apart. While locked
    /// nobody can fail, so that time does not count: otherwise a lock longer than this would wipe its own tier out.
    pub failures_expire_seconds: Option<i64>,
    /// If there are any, they stand in place of `max_failures` and `lock_seconds`, and a failure after the last one locks for
    /// good.
    pub tiers: Vec<Tier>,
}

impl LockoutRule {
    /// The rule for guesses of strangers: without tiers, whose last one locks for good.
    #[must_use]
    pub fn without_tiers(&self) -> Self {
        Self { tiers: Vec::new(), ..self.clone() }
    }

    /// The lock that the failure number `failures` brings, if any.
    fn lock_after(&self, failures: u32, now: i64) -> Option<Lock> {
        let for_seconds = |seconds: i64| Some(Lock { until: Some(now.saturating_add(seconds)) });
        let Some(last) = self.tiers.iter().map(|tier| tier.attempts).max() else {
            return if failures >= self.max_failures { for_seconds(self.lock_seconds) } else { None };
        };
        if failures > last {
            return Some(Lock { until: None });
        }
        let reached = self.tiers.iter().filter(|tier| tier.attempts == failures);
        reached.map(|tier| tier.lock_seconds).max().and_then(for_seconds)
    }
}

/// A lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// When it ends by itself (seconds since 1970); `None`: somebody must unlock.
    pub until: Option<i64>,
}

/// Whether an answer may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an answer that is looked at without it is one guess too many"]
pub enum Claim {
    /// It may; a failure is counted until [`Attempts::succeeded`].
    Go,
    /// It may not, however right it is.
    Locked {
        /// When the lock ends by itself (seconds since 1970); `None`: somebody must unlock.
        until: Option<i64>,
    },
}

/// Which locks are to be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnlockKind {
    /// Those that nothing but this ends.
    Manual,
    /// Those that would end by themselves.
    Automatic,
    /// All.
    Any,
}

/// What is known of the attempts of a user with one kind of authenticator. All times are seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempts {
    /// The failures that count, with answers that are being looked at right now.
    pub failures: u32,
    /// When the last of them was counted.
    pub counted_at: Option<i64>,
    /// The last lock, which may be over; [`lock_at`](Self::lock_at) asks that.
    pub lock: Option<Lock>,
    /// When an answer was right last.
    pub last_succeeded_at: Option<i64>,
    /// When an answer was wrong last.
    pub last_failed_at: Option<i64>,
    /// The application that the last right answer was for.
    pub last_application_id: Option<String>,
}

impl Attempts {
    /// The lock that holds at `now`.
    pub fn lock_at(&self, now: i64) -> Option<Lock> {
        self.lock.filter(|lock| lock.until.is_none_or(|until| now < until))
    }

    /// Counts a failure up front, with the lock that it brings, unless there is a lock already. Trying while locked changes
    /// nothing: otherwise anybody could keep a user out for ever.
    pub fn claim(&mut self, rule: &LockoutRule, now: i64) -> Claim {
        if let Some(Lock { until }) = self.lock_at(now) {
            return Claim::Locked { until };
        }
        let lock_ended = self.lock.and_then(|lock| lock.until);
        let last = self.counted_at.max(lock_ended);
        let expired = rule.failures_expire_seconds.zip(last).is_some_and(|(seconds, last)| now - last > seconds);
        let served = lock_ended.is_some() && rule.tiers.is_empty();
        self.failures = if expired || served { 1 } else { self.failures.saturating_add(1) };
        // Clocks of nodes differ; the later one counts, so that none makes a failure look older.
        self.counted_at = self.counted_at.max(Some(now));
        self.lock = rule.lock_after(self.failures, now);
        Claim::Go
    }

    /// The answer was not looked at after all: it counts as if it had not been given, and the lock that it brought is gone.
    pub fn withdraw(&mut self) {
        (self.failures, self.lock) = (self.failures.saturating_sub(1), None);
    }

    /// The answer was right: nothing of the failures is left.
    pub fn succeeded(&mut self, application_id: &str, now: i64) {
        let last_failed_at = self.last_failed_at;
        let last_application_id = Some(application_id.to_owned());
        *self = Self { last_succeeded_at: Some(now), last_failed_at, last_application_id, ..Self::default() };
    }

    /// Takes a lock of this kind away, with all failures; with [`UnlockKind::Any`] the failures go also when there is no lock.
    /// `false` when there is no lock of this kind at `now`.
    pub fn unlock(&mut self, kind: UnlockKind, now: i64) -> bool {
        let lock = self.lock_at(now);
        let meant = lock.is_some_and(|lock| match kind {
            UnlockKind::Manual => lock.until.is_none(),
            UnlockKind::Automatic => lock.until.is_some(),
            UnlockKind::Any => true,
        });
        if meant || kind == UnlockKind::Any {
            (self.failures, self.counted_at, self.lock) = (0, None, None);
        }
        meant
    }
}

#[cfg(test)]
mod tests;
