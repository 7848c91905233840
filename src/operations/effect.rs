//! What a decision leaves behind, besides its record: for grants that must remember something.

use std::sync::Arc;

use super::{
    context::Context,
    refresh::{FoundRefresh, rotate},
    sessions::{self, NewSession},
};
use crate::{
    audit::AuditRecord, catalog::environment::EnvironmentSnapshot, domain::secret::Secret, oauth::error::OAuthError,
};

/// What is written once everything else has been decided and the token is made. If it cannot be, there is no token either.
#[derive(Debug)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// A session begins.
    Open(Box<NewSession>),
    /// A refresh token is used, and another takes its place.
    Rotate(Box<FoundRefresh>),
}

impl Effect {
    /// Carries it out in one transaction, and gives the refresh token that goes with the access token.
    ///
    /// # Errors
    /// It is refused after all, by something that happened at the same moment; or the database failed.
    pub async fn carry_out(
        self,
        context: &Context,
        environment: &Arc<EnvironmentSnapshot>,
        record: &mut AuditRecord,
    ) -> Result<Option<Secret>, OAuthError> {
        match self {
            Effect::Nothing => Ok(None),
            Effect::Open(new) => {
                record.session_id = Some(new.session.id.clone());
                sessions::open(context, *new).await.map(Some)
            }
            Effect::Rotate(found) => rotate(context, environment, *found, record).await.map(Some),
        }
    }
}
