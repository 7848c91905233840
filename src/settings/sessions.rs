//! `[sessions]`: how long refresh tokens are good for.

use std::time::Duration;

use super::reader::Reader;

/// The longest life of a session that can be set: a year, in seconds.
const LONGEST: i64 = 31_536_000;

/// How long refresh tokens are good for.
#[derive(Debug, Clone)]
pub struct Sessions {
    /// Unused for so long, a session is over.
    pub idle_lifetime: Duration,
    /// The longest life of a session, however much it is used.
    pub absolute_lifetime: Duration,
    /// For how long a used refresh token may be sent again.
    pub reuse_grace: Duration,
}

impl Sessions {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            idle_lifetime: reader.seconds("sessions.idle_lifetime", 60..=LONGEST),
            absolute_lifetime: reader.seconds("sessions.absolute_lifetime", 60..=LONGEST),
            // Longer than a minute, and whoever copied a token would have time to use it.
            reuse_grace: reader.seconds("sessions.reuse_grace", 0..=60),
        }
    }
}
