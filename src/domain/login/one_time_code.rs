//! Codes and links that are good for one use: what they are for, how they are made, and what they are bound to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::random::{Random, RandomError};

/// How many digits a code has at least and at most.
pub const CODE_LENGTHS: std::ops::RangeInclusive<u32> = 4..=8;
/// How often the random source is asked for one code. A number that is not used is as rare as one in 10^11.
const DRAWS: usize = 16;

/// What a code or link is good for. One for signing in resets no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePurpose {
    /// Signing in.
    SignIn,
    /// Setting a new password.
    PasswordReset,
}

/// The way that a code or link takes to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeChannel {
    /// A link. It may be given to the client instead of being sent; then the code has no address.
    Link,
    /// A code by e-mail.
    Email,
    /// A code by SMS.
    Sms,
    /// A code that is given to the client.
    Direct,
}

impl CodeChannel {
    /// Those whose codes are typed in, and so can be guessed.
    pub const TYPED: [CodeChannel; 3] = [CodeChannel::Email, CodeChannel::Sms, CodeChannel::Direct];
}

/// Where a code was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeAddress {
    /// Normalised, as identifiers are.
    pub value: String,
    /// Whether it is the user's own. An address that was named for this once proves nothing of the user's own, and is not asked
    /// for again.
    pub is_own: bool,
}

/// What else is kept with a code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeDetails {
    /// What the user approves of by redeeming it; goes into the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_data: Option<BTreeMap<String, String>>,
    /// Of a password reset: SHA-256, in hexadecimal, of the reset token of a first factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_reset: Option<String>,
    /// Of a password reset: whether one factor is enough although the application wants two.
    #[serde(default)]
    pub ignore_mfa: bool,
}

/// Whom a code is for, and who may redeem it. What is presented must agree with all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBinding {
    /// The user.
    pub user_id: String,
    /// The application that the user signs in to.
    pub application_id: String,
    /// The client that asked for it.
    pub client_id: String,
    /// What it is for.
    pub purpose: CodePurpose,
    /// How it was sent.
    pub channel: CodeChannel,
}

/// A code or link as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeCode {
    /// Its own id. The hash of a short code is bound to it.
    pub id: String,
    /// Whom it is for, and who may redeem it.
    pub binding: CodeBinding,
    /// Whether other clients of the application may redeem it too.
    pub any_client: bool,
    /// SHA-256, in hexadecimal, of how the user was named when it was asked for.
    pub named_as: String,
    /// Where it was sent; `None` if it was given to the client.
    pub address: Option<CodeAddress>,
    /// SHA-256, in hexadecimal, of the request id; `None` if none was asked for.
    pub request_hash: Option<String>,
    /// SHA-256 of a link, or the HMAC of a code, in hexadecimal.
    pub secret_hash: String,
    /// How many guesses are still looked at.
    pub tries_left: u32,
    /// What else is kept with it.
    pub details: CodeDetails,
    /// Seconds since 1970.
    pub created_at: i64,
    /// From this second on it is good for nothing. Seconds since 1970.
    pub expires_at: i64,
}

/// Draws a code of so many decimal digits, each code as likely as any other: a number of 64 random bits is used only below the
/// last whole multiple of all the codes there are.
///
/// # Errors
/// The random source failed, or gives the same unusable number again and again.
pub fn draw_code(random: &dyn Random, length: u32) -> Result<String, RandomError> {
    let length = length.clamp(*CODE_LENGTHS.start(), *CODE_LENGTHS.end());
    let count = 10u64.pow(length);
    let usable = u64::MAX - u64::MAX % count;
    for _ in 0..DRAWS {
        let mut bytes = [0; 8];
        random.fill(&mut bytes)?;
        let drawn = u64::from_be_bytes(bytes);
        if drawn < usable {
            return Ok(format!("{:0width$}", drawn % count, width = length as usize));
        }
    }
    Err(RandomError("it gives no number that a code can be made of".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::domain::random::SystemRandom;

    /// Gives these numbers, the last one for ever.
    #[derive(Debug)]
    struct Numbers(Mutex<Vec<u64>>);

    impl Random for Numbers {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
            let mut numbers = self.0.lock().expect("no panic");
            let number = if numbers.len() > 1 { numbers.remove(0) } else { numbers[0] };
            bytes.copy_from_slice(&number.to_be_bytes());
            Ok(())
        }
    }

    fn drawn(numbers: &[u64], length: u32) -> Result<String, RandomError> {
        draw_code(&Numbers(Mutex::new(numbers.to_vec())), length)
    }

    #[test]
    fn a_code_has_as_many_digits_as_are_wanted_with_zeros_in_front() {
        assert_eq!(drawn(&[7], 4).as_deref(), Ok("0007"));
        assert_eq!(drawn(&[1_234_567_890], 6).as_deref(), Ok("567890"));
        for (wanted, length) in [(0, 4), (4, 4), (8, 8), (99, 8)] {
            let code = draw_code(&SystemRandom, wanted).expect("random source");
            assert!(code.len() == length && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
        }
    }

    // 2^64 is no multiple of a million: without this, the codes below 551616 would be a little more likely.
    #[test]
    fn numbers_beyond_the_last_whole_multiple_are_drawn_again() {
        let last = u64::MAX - u64::MAX % 1_000_000;
        assert_eq!(drawn(&[u64::MAX, last, last - 1], 6).as_deref(), Ok("999999"));
        assert!(drawn(&[u64::MAX], 6).is_err(), "and not for ever");
    }

    #[test]
    fn every_digit_is_about_as_frequent_in_every_place() {
        let mut seen = [[0u32; 10]; 6];
        for _ in 0..20_000 {
            let code = draw_code(&SystemRandom, 6).expect("random source");
            for (place, digit) in code.bytes().enumerate() {
                seen[place][usize::from(digit - b'0')] += 1;
            }
        }
        // Seven standard deviations from 2000: one run in 10^10 fails by chance.
        assert!(seen.iter().flatten().all(|count| (1700..2300).contains(count)), "{seen:?}");
    }
}
