//! Signing in with a password.

use serde_json::Map;

use super::{
    check::{Checked, Guesser, Login, check},
    policy::Standing,
    reset::{ResetOrder, ResetToken, reset_token},
};
use crate::{
    domain::login::AuthMethod,
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        sign_in::{CommonRequest, Proof, TokenAnswer, preflight, sign_in},
    },
    store::user_applications,
};

/// Signs a user in.
///
/// # Errors
/// Those of [`check`]; [`ApiCode::PasswordExpired`] and [`ApiCode::TemporaryPassword`], with a reset token; those of a sign-in.
pub async fn authenticate(call: &mut Call, common: CommonRequest, login: Login) -> Result<TokenAnswer, ApiError> {
    let preflight = preflight(call, common).await?;
    let application = call.application()?.clone();
    let Checked { person, kept, standing, joins } = check(call, &application, Guesser::Backend, login).await?;
    let code = match standing {
        Standing::Good | Standing::Over => {
            let proof = Proof::of(person.user.id, Some(AuthMethod::Password));
            let proof = Proof { password_generation: Some(kept.generation), ..proof };
            return sign_in(call, preflight, proof).await;
        }
        Standing::Expired => ApiCode::PasswordExpired,
        Standing::Temporary => ApiCode::TemporaryPassword,
    };
    if joins {
        // The password is right: the user has proved to the application who it is, and may set another one with it.
        let (user_id, application_id, now) = (person.user.id.clone(), application.id.clone(), call.now());
        let joined = call
            .context
            .catalog
            .work(move |store| store.transact(|conn| user_applications::add(conn, &user_id, &application_id, now)));
        joined.await?;
    }
    let order = ResetOrder::by_password(&application, &person.user.id, kept.generation);
    let ResetToken { secret, needs_second_factor, .. } = reset_token(call, &application, order).await?;
    let members = Map::from_iter([
        ("reset_token".to_owned(), secret.reveal().into()),
        ("mfa_required".to_owned(), needs_second_factor.into()),
    ]);
    Err(ApiError::from(code).with_members(members))
}
