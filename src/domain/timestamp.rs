//! Times as people and other services write them.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Days of 400 years, after which the calendar repeats itself.
const CYCLE: i64 = 146_097;

/// ISO 8601 in UTC with milliseconds, such as `2026-01-31T08:15:00.250Z`, of milliseconds since 1970.
pub fn iso_8601(millis: i64) -> String {
    let (year, month, day) = date(millis.div_euclid(DAY));
    let of_day = millis.rem_euclid(DAY);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// ISO 8601 in UTC, such as `2026-01-31T08:15:00Z`, of seconds since 1970.
pub fn iso_8601_seconds(seconds: i64) -> String {
    iso_8601(seconds.saturating_mul(1000)).replace(".000Z", "Z")
}

/// Milliseconds since 1970 of a time as RFC 3339 has it, such as `2026-01-31T08:15:00Z` or `2026-01-31T09:15:00.25+01:00`; of a day
/// alone, its beginning in UTC. `None` if it is none. Of a second's fraction three digits count.
pub fn from_rfc_3339(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' ']).map_or((text, None), |(date, time)| (date, Some(time)));
    let day = day_number(date)?;
    let of_day = time.map_or(Some(0), millis_of_day)?;
    day.checked_mul(DAY)?.checked_add(of_day)
}

fn day_number(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) {
        return None;
    }
    let lengths = months(year);
    let (before, this) = lengths.split_at_checked(usize::try_from(month - 1).ok()?)?;
    if !(1..=*this.first()?).contains(&day) {
        return None;
    }
    let years: i64 =
        if year >= 1970 { (1970..year).map(days_of_year).sum() } else { -(year..1970).map(days_of_year).sum::<i64>() };
    Some(years + before.iter().sum::<i64>() + day - 1)
}

fn millis_of_day(time: &str) -> Option<i64> {
    let end = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(end)?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = whole.split(':');
    let (hour, minute, second) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    // A leap second counts as the one before it.
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || !is_fraction {
        return None;
    }
    let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
    let local = (hour * 60 + minute) * 60_000 + second.min(59) * 1000 + millis.parse::<i64>().ok()?;
    Some(local - zone_offset(zone)?)
}

fn zone_offset(zone: &str) -> Option<i64> {
    let sign = match zone.chars().next()? {
        'Z' | 'z' => return (zone.len() == 1).then_some(0),
        '+' => 1,
        _ => -1,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    if text.len() != count || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Year, month and day of a day since 1970, in the Gregorian calendar.
fn date(days: i64) -> (i64, usize, i64) {
    let mut year = 1970 + days.div_euclid(CYCLE) * 400;
    let mut left = days.rem_euclid(CYCLE);
    while left >= days_of_year(year) {
        left -= days_of_year(year);
        year += 1;
    }
    let mut month = 1;
    for length in months(year).into_iter().take(11) {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

/// The lengths of the months of a year.
fn months(year: i64) -> [i64; 12] {
    [31, days_of_year(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

fn days_of_year(year: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if is_leap { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_with_milliseconds() {
        for (millis, written) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_767_225_599_001, "2025-12-31T23:59:59.001Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso_8601(millis), written);
            assert_eq!(from_rfc_3339(written), Some(millis));
        }
    }

    #[test]
    fn moments_are_read_as_rfc_3339_has_them_and_nothing_else_is() {
        for (written, millis) in [
            ("2000-02-29", 951_782_400_000),
            ("2000-02-29T01:00:00+01:00", 951_782_400_000),
            ("2000-02-28 18:30:00.5-05:30", 951_782_400_500),
            ("2000-02-29t00:00:00.1239z", 951_782_400_123),
            ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ] {
            assert_eq!(from_rfc_3339(written), Some(millis), "{written}");
        }
        for wrong in [
            "",
            "2000",
            "2000-2-1",
            "2001-02-29",
            "2000-13-01",
            "2000-00-01",
            "2000-01-00",
            "2000-01-01T",
            "2000-01-01T00:00:00",
            "2000-01-01T24:00:00Z",
            "2000-01-01T00:00Z",
            "2000-01-01T00:00:00.Z",
            "2000-01-01T00:00:00Zx",
            "+200-01-01",
            "2000-01-01T00:00:00+1:00",
            "2000-01-01T00:00:00.1a2Z",
            "2000-01-01-01",
            "20000-01-01",
            "２000-01-01",
        ] {
            assert_eq!(from_rfc_3339(wrong), None, "{wrong}");
        }
        assert_eq!(iso_8601_seconds(1_767_225_600), "2026-01-01T00:00:00Z");
    }
}
