//! Moments for people and management systems.

use std::time::{SystemTime, UNIX_EPOCH};

/// `yang:date-and-time` (RFC 6991 section 3), in UTC and to the microsecond like the log's lines.
pub(super) fn date_and_time(moment: SystemTime) -> String {
    // Before 1970 there were no virtual routers, only clocks that are not set.
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86400, since.as_secs() % 86400);
    let (year, month, day) = date(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_micros()
    )
}

/// Year, month and day of the Gregorian calendar, from the days since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that a leap day is the last day of its year and of its 400 years.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months have 153 days, from March on.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> String {
        date_and_time(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// `date -u -d @SECONDS`.
    #[test]
    fn dates_are_those_of_date() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (951_868_800, "2000-03-01T00:00:00.000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000Z"),
            (1_735_689_600, "2025-01-01T00:00:00.000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(at(seconds), text);
        }
    }

    #[test]
    fn microseconds_are_kept_and_a_clock_that_is_not_set_is_1970() {
        let moment = UNIX_EPOCH + Duration::new(1, 2_345_999);
        assert_eq!(date_and_time(moment), "1970-01-01T00:00:01.002345Z");
        let unset = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(date_and_time(unset), "1970-01-01T00:00:00.000000Z");
    }
}
