//! Times as people and the portal write them, read as instants: ISO 8601, in a zone where no offset is given.
//! Windows made of them are next door.

use std::num::NonZero;
use std::ops::RangeInclusive;

use chrono::{
    DateTime, Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc,
};
use chrono_tz::GapInfo;

/// The zone of `SYNC_TIMEZONE`.
pub type Zone = chrono_tz::Tz;

/// Years that are written with four digits. Far inside what chrono can hold, so no sum of ours overflows.
pub(super) const YEARS: RangeInclusive<i32> = 1..=9999;

/// The instant that an ISO 8601 text names: a date (its midnight) or a date-time with up to nine decimals
/// of a second, seconds optional, with `Z` or an offset or, without one, in `zone`. Local times that occur
/// twice are the first of the two; one that is skipped is the moment at which the clock skipped it.
pub fn parse_instant(text: &str, zone: Zone) -> Option<DateTime<Utc>> {
    let (local, rest) = parse_front(text)?;
    match rest {
        "" => Some(resolve(local, zone)),
        rest => offset(rest)?
            .from_local_datetime(&local)
            .single()
            .map(|instant| instant.to_utc())
            .filter(|instant| YEARS.contains(&instant.year())),
    }
}

/// `t` as local time without an offset, to the second: `2025-07-10T12:00:00`.
pub fn local_text(t: DateTime<Utc>, zone: Zone) -> String {
    let local = t.with_timezone(&zone);
    local.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The first instant that `local` names in `zone`. Never decreasing in `local`, so that midnights split time.
pub(super) fn resolve(local: NaiveDateTime, zone: Zone) -> DateTime<Utc> {
    if let Some(instant) = zone.from_local_datetime(&local).earliest() {
        return instant.to_utc();
    }
    let after = GapInfo::new(&local, &zone).and_then(|gap| gap.end);
    after.map_or_else(|| local.and_utc(), |instant| instant.to_utc())
}

/// Date and time of day, and what stands behind them.
fn parse_front(text: &str) -> Option<(NaiveDateTime, &str)> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let year = i32::try_from(year)
        .ok()
        .filter(|year| YEARS.contains(year))?;
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    if rest.is_empty() {
        return Some((date.and_time(NaiveTime::MIN), rest));
    }
    let (hour, rest) = digits(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, nano, rest) = match rest.strip_prefix(':') {
        None => (0, 0, rest),
        Some(rest) => {
            let (second, rest) = digits(rest, 2)?;
            let (nano, rest) = decimals(rest)?;
            (second, nano, rest)
        }
    };
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nano)?;
    Some((date.and_time(time), rest))
}

/// Exactly `count` digits, and the rest.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (front, rest) = text.split_at_checked(count)?;
    let all = front.bytes().all(|byte| byte.is_ascii_digit());
    Some((front.parse().ok().filter(|_| all)?, rest))
}

/// Nanoseconds from `.` or `,` and one to nine digits; 0 where there is neither.
fn decimals(text: &str) -> Option<(u32, &str)> {
    let Some(fraction) = text.strip_prefix(['.', ',']) else {
        return Some((0, text));
    };
    let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let length = NonZero::new(length)
        .filter(|length| length.get() <= 9)?
        .get();
    let (value, rest) = digits(fraction, length)?;
    let missing = u32::try_from(9 - length).ok()?;
    Some((value * 10_u32.pow(missing), rest))
}

/// `Z`, `±hh:mm`, `±hhmm` or `±hh`, and nothing behind it.
fn offset(text: &str) -> Option<FixedOffset> {
    if matches!(text, "Z" | "z") {
        return FixedOffset::east_opt(0);
    }
    let east = text.starts_with('+');
    let (hours, rest) = digits(text.strip_prefix(['+', '-'])?, 2)?;
    let (minutes, rest) = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => (0, ""),
        rest => digits(rest, 2)?,
    };
    if !rest.is_empty() || hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    FixedOffset::east_opt(if east { seconds } else { -seconds })
}
