//! Sets of procurements: given ones, or so many days of a synthetic country with the rhythm of the
//! real one (measured 2026-07-05): business days, modalidades of very different size, late updates.

use chrono::{
    DateTime, Datelike as _, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday,
};

use super::dice::Dice;
use super::record::Record;
use super::time::local;

/// Where a world of a given size begins: a Monday.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2025, 7, 7).unwrap();
/// The share of the expected count that chance leaves at the least, and a little less.
const LEAST: f64 = 0.89;

/// Procurements to load.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub(crate) records: Vec<Record>,
}

/// How many procurements of each modalidade are published on a business day.
#[derive(Debug, Clone)]
pub struct Weights(Vec<(i16, f64)>);

impl Weights {
    /// The whole country: some 5,800 a day.
    pub fn national() -> Self {
        let per_day = [
            6.0, 1.0, 3.0, 275.0, 15.0, 1_400.0, 50.0, 2_650.0, 1_300.0, 7.0, 5.0, 85.0, 2.0, 4.0,
            3.0,
        ];
        Self((1..).zip(per_day).collect())
    }

    fn total(&self) -> f64 {
        self.0.iter().map(|(_, per_day)| per_day).sum()
    }

    /// Explicit ones: (modalidade, procurements per business day).
    pub fn of(per_day: impl IntoIterator<Item = (i16, f64)>) -> Self {
        Self(per_day.into_iter().collect())
    }

    /// So many times as much of everything.
    pub fn scaled(mut self, factor: f64) -> Self {
        for (_, per_day) in &mut self.0 {
            *per_day *= factor;
        }
        self
    }
}

impl World {
    /// These procurements.
    pub fn of(records: impl IntoIterator<Item = Record>) -> Self {
        let records = records.into_iter().collect();
        Self { records }
    }

    /// `days` days from `from_day` (Brasília). Equal arguments give equal worlds. Weekends have a
    /// twentieth of a business day; a fifth of the procurements are updated on later days, some of
    /// them beyond the last one.
    pub fn generated(seed: u64, from_day: NaiveDate, days: u64, weights: &Weights) -> Self {
        let mut dice = Dice::new(seed);
        let mut records = Vec::new();
        for day in (0..days).map(|day| after(from_day, day)) {
            for (modalidade, per_day) in &weights.0 {
                for _ in 0..drawn_count(per_day * share_of(day), &mut dice) {
                    let sequencial = u32::try_from(records.len() + 1).unwrap_or(u32::MAX);
                    let published = day.and_time(moment(&mut dice));
                    records.push(made_up(sequencial, *modalidade, published, &mut dice));
                }
            }
        }
        records.sort_by_key(|record| record.published);
        Self { records }
    }

    /// At least `records`, at most a quarter more: so many whole days from Monday, 2025-07-07, as the
    /// whole country would need for them. Equal arguments give equal worlds.
    pub fn of_size(seed: u64, records: u32) -> Self {
        let national = Weights::national();
        let wanted = f64::from(records);
        let (mut days, mut expected) = (0, 0.0);
        while expected < wanted {
            expected += national.total() * share_of(after(FIRST_DAY, days));
            days += 1;
        }
        let factor = if expected > 0.0 {
            wanted / (LEAST * expected)
        } else {
            0.0
        };
        Self::generated(seed, FIRST_DAY, days, &national.scaled(factor))
    }

    /// As it stood at that instant: what was published later is left out, an update that came later
    /// has not happened.
    pub fn until(mut self, now: DateTime<Utc>) -> Self {
        let now = local(now);
        self.records.retain(|record| record.published <= now);
        for record in &mut self.records {
            if record.updated > now {
                record.updated = record.published;
            }
        }
        self
    }

    /// Exactly the first so many, if there are more.
    pub fn take(mut self, count: usize) -> Self {
        self.records.truncate(count);
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

/// A procurement as chance makes it.
pub(crate) fn made_up(
    sequencial: u32,
    modalidade: i16,
    published: NaiveDateTime,
    dice: &mut Dice,
) -> Record {
    let later = match dice.below(20) {
        0..11 => TimeDelta::zero(),
        11..16 => seconds(dice.below(5 * 3_600)),
        _ => TimeDelta::days(1) + seconds(dice.below(6 * 86_400)),
    };
    let items = match dice.below(20) {
        0..12 => 1 + dice.below(4),
        12..18 => 5 + dice.below(6),
        // More than the page that is sent to whoever does not ask for a size.
        _ => 11 + dice.below(20),
    };
    let items = u32::try_from(items).unwrap_or(1);
    let record = Record::new(sequencial, modalidade, published).items(items);
    if published.year() <= 2023 {
        return record.old_shape();
    }
    record.updated(published + later)
}

fn after(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_add_days(Days::new(days)).unwrap_or(day)
}

fn share_of(day: NaiveDate) -> f64 {
    match day.weekday() {
        Weekday::Sat | Weekday::Sun => 0.05,
        _ => 1.0,
    }
}

/// Around the expected count, give or take a tenth; the fraction is one more, that often.
fn drawn_count(expected: f64, dice: &mut Dice) -> u32 {
    let percent = u32::try_from(90 + dice.below(21)).unwrap_or(100);
    let fine = u32::try_from(dice.below(1_000)).unwrap_or_default();
    let whole = expected * f64::from(percent) / 100.0 + f64::from(fine) / 1_000.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of records: small, not negative"
    )]
    let count = whole as u32;
    count
}

/// Nine in ten within office hours.
fn moment(dice: &mut Dice) -> NaiveTime {
    let second = if dice.chance(90) {
        8 * 3_600 + dice.below(10 * 3_600)
    } else {
        dice.below(86_400)
    };
    let second = u32::try_from(second).unwrap_or_default();
    NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap_or_default()
}

fn seconds(count: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(count).unwrap_or_default())
}
