//! When an answer of "nothing" is not believed: an outage of the portal looks exactly like a quiet day.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDate, TimeDelta, Weekday};

/// Days that had at least so many records on average make a zero between them suspicious.
pub const COMPARABLE_MEAN: u32 = 5;
/// How far from a day its comparable days may be.
pub const COMPARABLE_WITHIN_DAYS: u64 = 7;
/// A zero that was suspected is believed when it is found again so long afterwards.
pub const BELIEVE_AFTER: TimeDelta = TimeDelta::hours(6);

/// What is known about a day and modalidade for which the portal has just said "nothing".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Whether the day is over; a day that is not may well have nothing yet.
    pub day_over: bool,
    /// How many records other days have, of [`comparable_days`], where that is known.
    pub known: BTreeMap<NaiveDate, u32>,
    /// Whether an earlier scan of the same day found records.
    pub had_records: bool,
    /// How long ago another execution found the same zero, the earliest of them.
    pub same_zero_ago: Option<TimeDelta>,
    /// Whether this run got records elsewhere: the portal does answer.
    pub portal_answers: bool,
}

/// What to make of a zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// There is nothing: the segment is complete.
    Believed,
    /// An outage is likelier: `suspected_outage`.
    Suspected,
}

impl Evidence {
    /// What to make of the zero for `day`.
    pub fn judge(&self, day: NaiveDate) -> Judgement {
        let odd = self.had_records || (self.day_over && self.neighbours_are_busy(day));
        let again = self.same_zero_ago.is_some_and(|ago| ago >= BELIEVE_AFTER);
        if odd && !(again && self.portal_answers) {
            Judgement::Suspected
        } else {
            Judgement::Believed
        }
    }

    /// The mean over the nearest known comparable day on either side.
    fn neighbours_are_busy(&self, day: NaiveDate) -> bool {
        let nearest = |wanted: fn(&NaiveDate, &NaiveDate) -> bool| {
            let mut days = comparable_days(day).filter(|other| wanted(other, &day));
            days.find_map(|other| self.known.get(&other))
        };
        let sides = [nearest(NaiveDate::lt), nearest(NaiveDate::gt)];
        let counts: Vec<u64> = sides
            .into_iter()
            .flatten()
            .map(|count| u64::from(*count))
            .collect();
        let sum: u64 = counts.iter().sum();
        !counts.is_empty() && sum >= u64::from(COMPARABLE_MEAN) * counts.len() as u64
    }
}

/// The days around `day` of its kind (weekday or weekend), nearest first.
pub fn comparable_days(day: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    let around = move |distance| {
        let days = Days::new(distance);
        [day.checked_sub_days(days), day.checked_add_days(days)]
    };
    let near = (1..=COMPARABLE_WITHIN_DAYS).flat_map(around).flatten();
    near.filter(move |other| is_weekend(*other) == is_weekend(day))
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}
