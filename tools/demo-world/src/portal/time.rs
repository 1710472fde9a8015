//! The portal's time: Brasília, without an offset and in whole seconds, as it stands in its records.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};

/// Brasília's distance from UTC. It has had no summer time since 2019, and the portal is younger.
const BEHIND_UTC: TimeDelta = TimeDelta::hours(-3);

/// What the portal writes for an instant.
pub fn local(instant: DateTime<Utc>) -> NaiveDateTime {
    let local = instant.naive_utc() + BEHIND_UTC;
    local.with_nanosecond(0).unwrap_or(local)
}

/// The instant that the portal means.
pub fn instant(local: NaiveDateTime) -> DateTime<Utc> {
    (local - BEHIND_UTC).and_utc()
}
