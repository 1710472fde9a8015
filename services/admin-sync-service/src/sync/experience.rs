//! How large a run will be, from what the ledger remembers of its like. Pure; the portal is not asked.

use std::collections::HashMap;

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use farol_core::sync::PlannedSegment;

/// Requests a second where no ingestor has told lately: the default of `PNCP_RATE_PER_SECOND`.
const PACE: f64 = 1.0;
/// A day of a modalidade of which nothing is known: all 15 together have 150 to 300 pages of 50 records a day.
const GUESS: Size = Size {
    pages: 15.0,
    records: 700.0,
};
/// Shorter than the shortest day: one with a change of clocks is whole, too.
const WHOLE_DAY: TimeDelta = TimeDelta::hours(23);

/// What is remembered that tells how large a run will be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Experience {
    /// Medians, by modalidade and kind.
    pub usual: HashMap<(i16, Kind), Size>,
    /// What was read of whole days of the window before, by modalidade: it would be read again.
    pub known: HashMap<(i16, NaiveDate), Size>,
    /// Requests for items for each record of the last runs.
    pub items_per_record: f64,
    /// Requests a second, where an ingestor has told lately.
    pub pace: Option<f64>,
}

/// What a segment's size depends on, beside its modalidade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// All of a day, or a part of it.
    pub whole: bool,
    /// Saturday or Sunday, or not; `None` is either.
    pub weekend: Option<bool>,
}

/// How much there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Size {
    /// Pages.
    pub pages: f64,
    /// Distinct records.
    pub records: f64,
}

/// All of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// What its segments have.
    pub size: Size,
    /// Requests for the items of what is new.
    pub item_pages: f64,
    /// Requests a second.
    pub pace: f64,
    /// Nothing like some segment has ever been read here.
    pub guessed: bool,
}

/// Where the size of a segment is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    SameDay,
    Alike,
    Nowhere,
}

impl Experience {
    /// What a run of these segments would be.
    pub fn of(&self, planned: &[PlannedSegment]) -> Forecast {
        let (mut all, mut fresh, mut guessed) = (Size::default(), 0.0, false);
        for segment in planned {
            let (size, origin) = self.size(segment);
            // Nothing at all has a page, too: the one that says so.
            all.pages += size.pages.max(1.0);
            all.records += size.records;
            // What has been read before is found unchanged, and its items are not asked for.
            if origin != Origin::SameDay {
                fresh += size.records;
            }
            guessed |= origin == Origin::Nowhere;
        }
        Forecast {
            size: all,
            item_pages: fresh * self.items_per_record,
            pace: self.pace.filter(|pace| *pace > 0.0).unwrap_or(PACE),
            guessed,
        }
    }

    fn size(&self, segment: &PlannedSegment) -> (Size, Origin) {
        let (modalidade, day) = (segment.key.modalidade, segment.key.day);
        let length = segment.cut.end() - segment.cut.start();
        let whole = length >= WHOLE_DAY;
        if let Some(size) = self.known.get(&(modalidade, day)).filter(|_| whole) {
            return (*size, Origin::SameDay);
        }
        let weekend = day.weekday().number_from_monday() > 5;
        if let Some(size) = self.usual(modalidade, whole, weekend) {
            return (size, Origin::Alike);
        }
        // Of whole days a part can be had, of parts no whole day.
        let day = self.usual(modalidade, true, weekend);
        let origin = if day.is_some() {
            Origin::Alike
        } else {
            Origin::Nowhere
        };
        let day = day.unwrap_or(GUESS);
        let size = if whole { day } else { day.part(share(length)) };
        (size, origin)
    }

    fn usual(&self, modalidade: i16, whole: bool, weekend: bool) -> Option<Size> {
        let of = |weekend| self.usual.get(&(modalidade, Kind { whole, weekend }));
        of(Some(weekend)).or_else(|| of(None)).copied()
    }
}

impl Size {
    /// Page 1 is read of any part, for what it says of the others.
    fn part(self, share: f64) -> Self {
        Self {
            pages: 1.0 + (self.pages - 1.0).max(0.0) * share,
            records: self.records * share,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "minutes of a day")]
fn share(length: TimeDelta) -> f64 {
    length.num_minutes() as f64 / TimeDelta::days(1).num_minutes() as f64
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::Sao_Paulo;
    use farol_core::sync::{Mode, Window, plan};

    use super::*;

    /// Segments of modalidade 6, local times.
    fn planned(from: &str, to: &str) -> Vec<PlannedSegment> {
        let at = |text: &str| format!("{text}-03:00").parse().unwrap();
        let window = Window::new(at(from), at(to)).unwrap();
        plan(Mode::Backfill, &window, &[6], Sao_Paulo)
    }

    fn size(pages: f64, records: f64) -> Size {
        Size { pages, records }
    }

    fn kind(whole: bool, weekend: Option<bool>) -> (i16, Kind) {
        (6, Kind { whole, weekend })
    }

    fn assert_near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 0.01, "{found} is not {wanted}");
    }

    #[test]
    fn a_day_that_was_read_before_is_as_large_as_it_was_and_has_no_new_items() {
        let experience = Experience {
            known: [((6, "2025-07-10".parse().unwrap()), size(40.0, 2000.0))].into(),
            usual: [(kind(true, None), size(10.0, 500.0))].into(),
            items_per_record: 1.5,
            pace: Some(2.0),
        };
        let told = experience.of(&planned("2025-07-10T00:00:00", "2025-07-12T00:00:00"));
        assert_eq!(told.size, size(50.0, 2500.0));
        assert_near(told.item_pages, 750.0);
        assert_near(told.pace, 2.0);
        assert!(!told.guessed);
        // A part of that day is not what was read of the whole.
        let part = experience.of(&planned("2025-07-10T12:00:00", "2025-07-10T18:00:00"));
        assert_eq!(part.size, size(3.25, 125.0));
    }

    #[test]
    fn weekends_are_like_weekends_and_parts_like_parts() {
        let experience = Experience {
            usual: [
                (kind(true, None), size(10.0, 500.0)),
                (kind(true, Some(false)), size(20.0, 1000.0)),
                (kind(true, Some(true)), size(2.0, 60.0)),
                (kind(false, None), size(3.0, 70.0)),
            ]
            .into(),
            ..Experience::default()
        };
        let of = |from, to| experience.of(&planned(from, to)).size;
        // Friday, Saturday.
        assert_eq!(
            of("2025-07-11T00:00:00", "2025-07-12T00:00:00"),
            size(20.0, 1000.0)
        );
        assert_eq!(
            of("2025-07-12T00:00:00", "2025-07-13T00:00:00"),
            size(2.0, 60.0)
        );
        assert_eq!(
            of("2025-07-11T10:00:00", "2025-07-11T10:15:00"),
            size(3.0, 70.0)
        );
        assert_eq!(
            of("2025-07-11T00:00:00", "2025-07-13T12:00:00"),
            size(25.0, 1130.0)
        );
    }

    #[test]
    fn what_was_never_read_is_guessed_and_says_so() {
        let day = planned("2025-07-10T00:00:00", "2025-07-11T00:00:00");
        let told = Experience::default().of(&day);
        assert!(told.guessed);
        assert_eq!(told.size, GUESS);
        assert_near(told.item_pages, 0.0);
        assert_near(told.pace, PACE);
        // Parts of days tell nothing of whole ones.
        let parts = Experience {
            usual: [(kind(false, None), size(1.0, 5.0))].into(),
            ..Experience::default()
        };
        assert!(parts.of(&day).guessed);
        let quarter =
            Experience::default().of(&planned("2025-07-10T00:00:00", "2025-07-10T06:00:00"));
        assert_eq!(quarter.size, size(4.5, 175.0));
    }

    #[test]
    fn silence_costs_a_page_and_a_pace_of_nothing_is_none() {
        let experience = Experience {
            usual: [(kind(true, None), size(0.0, 0.0))].into(),
            pace: Some(0.0),
            ..Experience::default()
        };
        let told = experience.of(&planned("2025-07-10T00:00:00", "2025-07-13T00:00:00"));
        assert_eq!(told.size, size(3.0, 0.0));
        assert_near(told.pace, PACE);
    }
}
