//! Asking a list of leaked passwords.

use std::time::Duration;

use super::{Passwords, counts::LeakAnswer};
use crate::{
    domain::password::{LeakedRange, Password},
    outbound::Limits,
};

/// What a question may cost. A padded range has up to 1000 lines of 40 bytes; the largest that are not padded have 2000.
const LIMITS: Limits = Limits { connect: Duration::from_secs(1), total: Duration::from_secs(3), max_body: 256 * 1024 };
/// Ranges differ in length, and whoever watches the line could tell them apart by it: with this each is filled up.
const PADDING: (&str, &str) = ("add-padding", "true");

impl Passwords {
    /// Asks the list whether it has a password. When it gives no answer the password is taken, and that is logged and counted: nobody
    /// should be unable to change a password because somebody else's server is away.
    pub async fn is_leaked(&self, password: &Password, request_id: &str) -> bool {
        let answer = match self.ask(&LeakedRange::of(password)).await {
            Ok(true) => LeakAnswer::Present,
            Ok(false) => LeakAnswer::Absent,
            Err(why) => {
                log::warn!(request_id; "a password was taken that could not be looked for among those that leaked: {why}");
                LeakAnswer::Failed
            }
        };
        self.leaks.one(answer);
        answer == LeakAnswer::Present
    }

    async fn ask(&self, range: &LeakedRange) -> Result<bool, String> {
        let base = self.breach_list_url.as_deref().ok_or("passwords.breach_list_url is not set")?;
        let url = format!("{base}/range/{}", range.prefix());
        let headers = [(PADDING.0, PADDING.1.to_owned())];
        let answer = self.outbound.get(&url, &headers, LIMITS).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("the list answered with status {}", answer.status));
        }
        let text = String::from_utf8(answer.body).map_err(|_| "the list answered with no text")?;
        Ok(range.is_in(&text))
    }
}
