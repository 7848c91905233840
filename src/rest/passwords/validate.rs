//! Asking whether a password would be taken.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::endpoint::{Events, Method, Operation},
    Named,
};
use crate::operations::backend::{
    call::{Access, Call},
    error::{ApiCode, ApiError},
    passwords::{self, Background, Objection},
    who::find_user,
};

/// Says whether a password would be taken.
pub(super) struct Validate;

/// A password that somebody thinks of.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Proposed {
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
    #[serde(flatten)]
    user: Named,
}

/// Whether it would be taken.
#[derive(Serialize, JsonSchema)]
pub(super) struct Validated {
    result: Verdict,
}

/// Whether it would be taken, and if not why.
#[derive(Serialize, JsonSchema)]
struct Verdict {
    /// Whether it would.
    valid_password: bool,
    /// All that is against it.
    errors: Vec<Mistake>,
}

/// One thing that is against it.
#[derive(Serialize, JsonSchema)]
struct Mistake {
    /// Which: `password_too_short`, `password_too_few_kinds_of_characters`, `password_too_easy_to_guess`,
    /// `password_in_dictionary`, `password_contains_identifier`, `password_breached`, `password_recently_used`.
    code: &'static str,
    /// What to do, for people.
    message: String,
}

impl Operation for Validate {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/validate";
    const ID: &'static str = "validatePassword";
    const SUMMARY: &'static str = "Says whether a password would be taken, of the user who is named or of anybody";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::PreferencesMissing, ApiCode::AppNotFound];
    const EVENTS: Option<Events> = None;

    type Body = Proposed;
    type Answer = Validated;

    async fn run(call: &mut Call, body: Proposed) -> Result<Validated, ApiError> {
        let application = call.application()?.clone();
        let preferences = passwords::preferences(&application)?;
        let password = passwords::read(&body.password)?;
        let (owner, background) = match body.user.first() {
            None => (None, Background::default()),
            Some((kind, text)) => match find_user(call, kind, &text).await?.person() {
                Some(person) => (Some(person.user.id.clone()), Background::of_user(call, &person).await?),
                None => (None, Background::of_newcomer(vec![text])),
            },
        };
        let mut objections = passwords::flaws(call, preferences, &password, &background).await?;
        if let Some(user_id) = owner.filter(|_| objections.is_empty() && background.present.is_some()) {
            passwords::count_validation(call, preferences, &user_id).await?;
            if passwords::was_used(call, preferences, &password, &background).await? {
                objections.push(Objection::RecentlyUsed);
            }
        }
        let errors: Vec<Mistake> =
            objections.iter().map(|one| Mistake { code: one.code(), message: one.message() }).collect();
        Ok(Validated { result: Verdict { valid_password: errors.is_empty(), errors } })
    }
}
