//! `[limits]`: how much may fail.

use std::time::Duration;

use super::reader::Reader;

/// The most that can be set: as good as no limit.
const MOST: i64 = 1_000_000;

/// How much may fail. There is no "off", so that none of these is switched off by mistake.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Failed authentications of one client from one address.
    pub failures_per_client: u32,
    /// Failed authentications from one address.
    pub failures_per_address: u32,
    /// Refused subject and actor tokens of one client.
    pub refused_tokens_per_client: u32,
    /// Refused subject and actor tokens from one address.
    pub refused_tokens_per_address: u32,
    /// Messages with codes and links to one address.
    pub messages_per_address: u32,
    /// Messages with codes and links to one user, and codes for one that the caller gets.
    pub messages_per_user: u32,
    /// How long those are counted from the first one on, then anew.
    pub messages_window: Duration,
    /// How long it takes until a limit that was used up is whole again.
    pub window: Duration,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let mut most = |key| u32::try_from(reader.integer(key, 1..=MOST)).unwrap_or(1);
        Self {
            failures_per_client: most("limits.failures_per_client"),
            failures_per_address: most("limits.failures_per_address"),
            refused_tokens_per_client: most("limits.refused_tokens_per_client"),
            refused_tokens_per_address: most("limits.refused_tokens_per_address"),
            messages_per_address: most("limits.messages_per_address"),
            messages_per_user: most("limits.messages_per_user"),
            messages_window: reader.seconds("limits.messages_window", 1..=86_400),
            window: reader.seconds("limits.window", 1..=3600),
        }
    }
}
