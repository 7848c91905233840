//! Users and their profiles.

/// The longest name under which others know a user, in bytes: what an index of both databases bears well.
pub const MAX_SUBJECT_ID: usize = 255;
/// The longest e-mail address (RFC 5321 §4.5.3.1.3 less the brackets), name or profile identifier, in bytes.
pub const MAX_TEXT: usize = 254;

/// The most profiles of a user: callers make them by naming them.
pub const MAX_PROFILES: usize = 100;

/// An end user of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// UUID: `sub` of the user's tokens.
    pub id: String,
    /// As last heard from whoever vouches for the user.
    pub email: Option<String>,
    /// As last heard from whoever vouches for the user.
    pub name: Option<String>,
    /// A disabled user gets no tokens, and those that the user has are refused.
    pub enabled: bool,
    /// The profile of tokens for which none is named.
    pub active_profile_id: String,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub updated_at: i64,
}

/// One of the faces of a user, such as the members of a household have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// UUID: `profileId` of tokens.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// What callers know it by; unique among the profiles of the user.
    pub unique_identifier: Option<String>,
    /// For people.
    pub display_name: Option<String>,
    /// For people.
    pub picture_url: Option<String>,
    /// Seconds since 1970.
    pub created_at: i64,
}

/// Under which name somebody who vouches for users knows one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The identity connection.
    pub connection: String,
    /// The name there, whatever it is.
    pub subject_id: String,
}

/// Whether `text` can be kept as a name of something or somebody: not empty, bounded, without control characters.
pub fn is_text(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && !text.chars().any(char::is_control)
}
