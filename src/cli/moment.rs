//! Times as people give them to commands.

use std::str::FromStr;

use crate::domain::timestamp::from_rfc_3339;

/// A time, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Milliseconds since 1970.
    At(i64),
    /// Milliseconds before now.
    Ago(i64),
}

impl Moment {
    /// Milliseconds since 1970, when it is `now`.
    pub(super) fn millis(self, now: i64) -> i64 {
        match self {
            Moment::At(millis) => millis,
            Moment::Ago(millis) => now.saturating_sub(millis),
        }
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ago = || {
            let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                "d" => 86_400,
                _ => return None,
            };
            let count: i64 =
                Some(count).filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
            count.checked_mul(seconds)?.checked_mul(1000)
        };
        let moment = from_rfc_3339(text).map(Moment::At).or_else(|| ago().map(Moment::Ago));
        moment
            .ok_or("write a time as 2026-01-31T08:15:00Z, a day as 2026-01-31, or how long ago as 90s, 30m, 24h or 7d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_days_and_durations_are_read_and_nothing_else_is() {
        assert_eq!("24h".parse(), Ok(Moment::Ago(86_400_000)));
        assert_eq!("7d".parse::<Moment>().map(|moment| moment.millis(700_000_000)), Ok(95_200_000));
        assert_eq!("1970-01-02".parse(), Ok(Moment::At(86_400_000)));
        assert_eq!("1970-01-01T00:00:01+00:00".parse(), Ok(Moment::At(1000)));
        for wrong in ["", "d", "7", "7w", "-7d", "+7d", "7 d", "1.5h", "yesterday", "99999999999999999d", "7d ", "é"] {
            assert!(wrong.parse::<Moment>().is_err(), "{wrong}");
        }
    }
}
