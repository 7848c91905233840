//! Why something cannot be done with a user.

use crate::{
    audit::Outcome,
    domain::{login::IdentifierKind, random::RandomError},
    operations::{
        backend::error::{ApiCode, ApiError},
        mosaic_error::{MosaicCode, MosaicError},
        operator::NotDone,
    },
    store::StoreError,
};

/// Why something cannot be done with a user. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The random source fails.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// There is no such user, or none that the caller sees.
    #[error("there is no such user")]
    NotFound,
    /// The user has no such identifier.
    #[error("the user has no such {}", .0.as_str())]
    NoIdentifier(IdentifierKind),
    /// Somebody has the identifier, or the user is in the application already.
    #[error("{0}")]
    Taken(String),
    /// A value cannot be kept: a sentence for each mistake.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
}

impl UserError {
    /// One mistake.
    pub fn invalid(mistake: impl Into<String>) -> Self {
        UserError::Invalid(vec![mistake.into()])
    }

    /// Somebody has it. Not told is who: that would tell what else the address finds.
    pub fn taken(kind: IdentifierKind) -> Self {
        UserError::Taken(format!("{} is taken", kind.as_str()))
    }
}

impl From<UserError> for ApiError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Store(error) => error.into(),
            UserError::Random(error) => error.into(),
            UserError::NotFound => ApiCode::UserNotFound.into(),
            UserError::NoIdentifier(_) => ApiError::new(ApiCode::IdentifierNotFound, error.to_string()),
            UserError::Taken(why) => ApiError::new(ApiCode::IdentifierTaken, why),
            UserError::Invalid(mistakes) => ApiError::with_messages(ApiCode::InvalidInput, mistakes),
        }
    }
}

impl From<UserError> for MosaicError {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Store(error) => error.into(),
            UserError::Random(error) => error.into(),
            UserError::NotFound | UserError::NoIdentifier(_) => MosaicCode::NotFound.into(),
            UserError::Taken(why) => MosaicError::new(MosaicCode::UniqueConstraintError, why),
            UserError::Invalid(_) => MosaicError::new(MosaicCode::ArgumentInvalid, error.to_string()),
        }
    }
}

impl NotDone for UserError {
    fn outcome(&self) -> Option<Outcome> {
        match self {
            UserError::Store(_) => None,
            UserError::Random(_) => Some(Outcome::Failed),
            UserError::NotFound | UserError::NoIdentifier(_) | UserError::Taken(_) | UserError::Invalid(_) => {
                Some(Outcome::Refused)
            }
        }
    }
}
