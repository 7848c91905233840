//! Passwords of users: hashed on threads of their own, judged by the rules of an application, and compared.

mod authenticate;
mod change;
mod check;
mod counts;
mod judge;
mod leaked;
mod limits;
mod policy;
mod pool;
mod reset;

use std::{io, sync::Arc};

pub use self::{
    authenticate::authenticate,
    change::{Accepted, Expected, NewPassword, accept, set},
    check::{Checked, Guesser, Login, check, kind_of},
    judge::{Background, Objection, flaws, read, was_used},
    limits::{count_in_public, count_validation},
    policy::{Standing, ends_at, preferences},
    pool::PoolError,
    reset::{Redeemed, ResetOrder, ResetToken, previous_token, redeem, reset_token},
};
use self::{
    counts::{JobKind, LeakCounts},
    pool::HashPool,
};
use super::error::{ApiCode, ApiError};
use crate::{
    domain::{
        password::{
            HASH_LENGTH, HashParameters, Password, PasswordHash, PasswordHashError, SALT_LENGTH, StrengthRules,
            Weakness, weaknesses,
        },
        random::{Random, RandomError},
    },
    metrics::Page,
    outbound::Outbound,
};

/// How passwords are worked on.
#[derive(Debug, Clone)]
pub struct PasswordOptions {
    /// What a new hash costs.
    pub parameters: HashParameters,
    /// How many threads hash.
    pub threads: usize,
    /// How many passwords may wait for them.
    pub queue: usize,
    /// Where the list of leaked passwords is; `None`: none is asked.
    pub breach_list_url: Option<String>,
}

/// What works on passwords. One per node.
pub struct Passwords {
    parameters: HashParameters,
    pool: HashPool,
    /// What a password is compared with where there is none to compare it with.
    nobodys: PasswordHash,
    random: Arc<dyn Random>,
    outbound: Outbound,
    breach_list_url: Option<String>,
    leaks: LeakCounts,
}

/// It cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum PasswordsError {
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The parameters are out of bounds.
    #[error(transparent)]
    Parameters(#[from] PasswordHashError),
    /// A thread cannot be started.
    #[error("the threads for passwords: {0}")]
    Threads(#[from] io::Error),
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// A thread cannot be started, or the parameters are out of bounds.
    pub fn start(
        options: PasswordOptions,
        outbound: Outbound,
        random: Arc<dyn Random>,
    ) -> Result<Self, PasswordsError> {
        let mut bytes = [0; HASH_LENGTH];
        random.fill(&mut bytes)?;
        let nobodys = PasswordHash::of_nobody(&salt(&*random)?, &bytes, options.parameters)?;
        Ok(Self {
            parameters: options.parameters,
            pool: HashPool::start(options.threads, options.queue)?,
            nobodys,
            random,
            outbound,
            breach_list_url: options.breach_list_url,
            leaks: LeakCounts::default(),
        })
    }

    /// What new hashes cost.
    pub fn parameters(&self) -> HashParameters {
        self.parameters
    }

    /// Whether a password could be worked on now.
    ///
    /// # Errors
    /// [`ApiCode::Unavailable`]: too many wait.
    pub fn ready(&self) -> Result<(), ApiError> {
        Ok(self.pool.ready()?)
    }

    /// Hashes a password in order to keep it.
    ///
    /// # Errors
    /// [`ApiCode::Unavailable`]: too many wait.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, ApiError> {
        let (password, salt, parameters) = (password.clone(), salt(&*self.random)?, self.parameters);
        let work = move |scratch: &mut _| PasswordHash::make(&password, &salt, parameters, scratch);
        Ok(self.pool.run(JobKind::Hash, work).await??)
    }

    /// Whether it is the password behind `kept`. Where there is none, it is compared with nobody's: that takes as long, and is never it.
    ///
    /// # Errors
    /// [`ApiCode::Unavailable`]: too many wait; or what was kept cannot be read.
    pub async fn verify(&self, password: &Password, kept: Option<&PasswordHash>) -> Result<bool, ApiError> {
        let is_anybodys = kept.is_some();
        let (password, kept) = (password.clone(), kept.unwrap_or(&self.nobodys).clone());
        let work = move |scratch: &mut _| kept.matches(&password, scratch);
        let matches = self.pool.run(JobKind::Verify, work).await??;
        Ok(matches && is_anybodys)
    }

    /// All that is wrong with a password by these rules, for a user who is known by `identifiers`.
    ///
    /// # Errors
    /// [`ApiCode::Unavailable`]: too many wait.
    pub async fn weaknesses(
        &self,
        password: &Password,
        rules: StrengthRules,
        identifiers: Vec<String>,
    ) -> Result<Vec<Weakness>, ApiError> {
        let password = password.clone();
        Ok(self.pool.run(JobKind::Judge, move |_| weaknesses(&password, &rules, &identifiers)).await?)
    }

    /// Writes how it goes onto `page`.
    pub fn expose(&self, page: &mut Page) {
        self.pool.expose(page);
        self.leaks.expose(page);
    }
}

fn salt(random: &dyn Random) -> Result<[u8; SALT_LENGTH], RandomError> {
    let mut salt = [0; SALT_LENGTH];
    random.fill(&mut salt)?;
    Ok(salt)
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Full { retry_after } => {
                Self::from(ApiCode::Unavailable).with_detail(error.to_string()).after(retry_after)
            }
            PoolError::CutOff => Self::from(ApiCode::ServerError).with_detail(format!("a password: {error}")),
        }
    }
}

impl From<PasswordHashError> for ApiError {
    fn from(error: PasswordHashError) -> Self {
        Self::from(ApiCode::ServerError).with_detail(error.to_string())
    }
}
