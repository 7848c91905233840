//! Identifiers in the form in which two that mean the same are equal.

use super::IdentifierKind;

/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 less the brackets).
const MAX_EMAIL: usize = 254;

/// `text` as an identifier of that kind; `None` if it cannot be one.
///
/// Mailboxes that differ in case alone are taken for one: no provider of note tells them apart, and two accounts for one
/// mailbox would be a way to take one over.
pub fn normalized(kind: IdentifierKind, text: &str) -> Option<String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    match kind {
        IdentifierKind::Email => email(text),
        IdentifierKind::PhoneNumber => phone_number(text),
        IdentifierKind::Username => Some(text.to_lowercase()),
        IdentifierKind::UserId | IdentifierKind::ExternalUserId => Some(text.to_owned()),
    }
}

fn email(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let is_plain = text.len() <= MAX_EMAIL && text.bytes().all(|byte| byte.is_ascii_graphic());
    let has_names = !local.is_empty() && !local.contains(['@', '<', '>', '"', ',', ';']) && !domain.is_empty();
    (is_plain && has_names).then(|| text.to_ascii_lowercase())
}

/// E.164: a plus and up to 15 digits.
fn phone_number(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+')?;
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (fits && !digits.starts_with('0')).then(|| text.to_owned())
}
