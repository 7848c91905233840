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

/// Year, month and day of a day since 1970, in the Gregorian calendar.
fn date(days: i64) -> (i64, usize, i64) {
    let mut year = 1970 + days.div_euclid(CYCLE) * 400;
    let mut left = days.rem_euclid(CYCLE);
    while left >= days_of_year(year) {
        left -= days_of_year(year);
        year += 1;
    }
    let february = days_of_year(year) - 337;
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
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
        }
        assert_eq!(iso_8601_seconds(1_767_225_600), "2026-01-01T00:00:00Z");
    }
}
