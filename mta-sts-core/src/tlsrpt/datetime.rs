//! Times of RFC 3339.

use alloc::format;
use alloc::string::String;

use crate::error::DeviationKind;
use crate::time::UnixTime;

const DAY: u64 = 86_400;

/// Parses a time in the form of RFC 3339, or in another one that senders use, with its deviation.
///
/// Fractions of a second are dropped, and a leap second counts as the second before. Without a zone it is
/// UTC.
pub(super) fn parse(text: &str) -> Result<(UnixTime, Option<DeviationKind>), DeviationKind> {
    let (time, zone) = text.as_bytes().split_at_checked(19).ok_or(DeviationKind::BadDatetime)?;
    let number = |start: usize, end: usize| {
        time[start..end].iter().try_fold(0, |number, digit| match digit {
            b'0'..=b'9' => Ok(number * 10 + u64::from(digit - b'0')),
            _ => Err(DeviationKind::BadDatetime),
        })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_time = hour <= 23 && minute <= 59 && second <= 60 || (hour, minute, second) == (24, 0, 0);
    let has_delimiters =
        [time[4], time[7], time[10].to_ascii_uppercase(), time[13], time[16]].iter().eq(b"--T::");
    let has_blank = [time[4], time[7], time[10], time[13], time[16]].iter().eq(b"-- ::");
    if !is_time || !(has_delimiters || has_blank) || day == 0 || day > days_of(year, month) {
        return Err(DeviationKind::BadDatetime);
    }
    let (east, zone_fault) = parse_zone(zone)?;
    let is_usual = time[10] == b'T' && hour <= 23 && second <= 59;
    let fault = zone_fault.or((!is_usual).then_some(DeviationKind::UnusualDatetime));
    let seconds = days_before(year, month, day)
        .and_then(|days| {
            let local = days * DAY + hour * 3600 + minute * 60 + second.min(59);
            local.checked_add_signed(-east)
        })
        .ok_or(DeviationKind::DatetimeOutOfRange)?;
    Ok((UnixTime::from_secs(seconds), fault))
}

/// The offset of the zone from UTC, in seconds.
fn parse_zone(zone: &[u8]) -> Result<(i64, Option<DeviationKind>), DeviationKind> {
    if zone == b"Z" {
        return Ok((0, None));
    }
    let fraction = match zone {
        [b'.' | b',', digits @ ..] => 1 + digits.iter().take_while(|digit| digit.is_ascii_digit()).count(),
        _ => 0,
    };
    let pair = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
            .ok_or(DeviationKind::BadDatetime)
    };
    match (fraction, &zone[fraction..]) {
        (1, _) => Err(DeviationKind::BadDatetime),
        (_, b"") => Ok((0, Some(DeviationKind::DatetimeWithoutZone))),
        (_, b"Z" | b"z") => Ok((0, Some(DeviationKind::UnusualDatetime))),
        (_, [sign @ (b'+' | b'-'), a, b, b':', c, d] | [sign @ (b'+' | b'-'), a, b, c, d]) => {
            let (hours, minutes) = (pair(*a, *b)?, pair(*c, *d)?);
            if hours > 23 || minutes > 59 {
                return Err(DeviationKind::BadDatetime);
            }
            let ahead = hours * 3600 + minutes * 60;
            Ok((if *sign == b'+' { ahead } else { -ahead }, Some(DeviationKind::UnusualDatetime)))
        }
        _ => Err(DeviationKind::BadDatetime),
    }
}

/// Formats a time as `2016-04-01T00:00:00Z`; `None` after the year 9999, which RFC 3339 cannot express.
pub(super) fn format(time: UnixTime) -> Option<String> {
    let (days, second) = (time.as_secs() / DAY, time.as_secs() % DAY);
    if days >= days_before(10_000, 1, 1)? {
        return None;
    }
    // Because of leap days the estimate is too low by at most 6 years.
    let mut year = 1970 + days / 366;
    while days_before(year + 1, 1, 1)? <= days {
        year += 1;
    }
    let mut day = days - days_before(year, 1, 1)?;
    let mut month = 1;
    while day >= days_of(year, month) {
        day -= days_of(year, month);
        month += 1;
    }
    Some(format!(
        "{year:04}-{month:02}-{:02}T{:02}:{:02}:{:02}Z",
        day + 1,
        second / 3600,
        second / 60 % 60,
        second % 60
    ))
}

const fn is_leap(year: u64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of days in a month; 0 for an invalid month.
const fn days_of(year: u64, month: u64) -> u64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// The number of days from 1970-01-01 to a date; `None` for an earlier one.
fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leaps_before = |year: u64| year / 4 - year / 100 + year / 400;
    let past = year.checked_sub(1970)?;
    let leaps = leaps_before(year - 1) - leaps_before(1969);
    let leap_day = u64::from(is_leap(year) && month > 2);
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    past.checked_mul(365)?.checked_add(leaps + BEFORE_MONTH.get(month)? + leap_day + day - 1)
}
