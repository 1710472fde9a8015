//! A list that moves while it is read: a scan that ends complete has missed nothing that stayed, and one that cannot
//! be sure says so.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use farol_core::sync::Window;
use farol_core::sync::scan::{Answered, Next, Scan, ScanEnd, ScanFrame};
use proptest::prelude::*;

/// Small pages make many.
const SIZE: usize = 3;
/// A scan of so few records that does not end by then never does.
const MOST_FETCHES: usize = 200;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + second, 0).unwrap()
}

/// What happens to the list between two answers.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Nothing,
    /// A new record, at the end.
    Publish,
    /// A record changes and moves to the end: by its place, in thousandths of the list.
    Touch(usize),
    /// A record leaves.
    Remove(usize),
    /// A new record in the middle: late, or in a list without order.
    Insert(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => Just(Happening::Nothing),
        1 => Just(Happening::Publish),
        1 => (0..1000_usize).prop_map(Happening::Touch),
        1 => (0..1000_usize).prop_map(Happening::Remove),
    ]
}

/// In a list that gains records anywhere, none leaves: what one hides, the other would uncover (see `scan`).
fn growth() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => Just(Happening::Nothing),
        1 => Just(Happening::Publish),
        1 => (0..1000_usize).prop_map(Happening::Touch),
        2 => (0..1000_usize).prop_map(Happening::Insert),
    ]
}

/// The portal: keys with their times, in order of time unless a test shuffles them.
#[derive(Clone, Debug)]
struct List {
    records: Vec<(String, i64)>,
    now: i64,
    born: usize,
}

impl List {
    /// One record each second, the first at second 0; the reading starts at second 1,000.
    fn of(count: usize) -> Self {
        let record = |n: usize| (format!("r{n}"), i64::try_from(n).unwrap());
        Self {
            records: (0..count).map(record).collect(),
            now: 1_000,
            born: count,
        }
    }

    fn happen(&mut self, what: Happening) {
        self.now += 1;
        let place = |thousandth: usize, len: usize| thousandth * len / 1000;
        match what {
            Happening::Nothing => {}
            Happening::Publish => {
                self.records.push((format!("r{}", self.born), self.now));
                self.born += 1;
            }
            Happening::Touch(_) | Happening::Remove(_) if self.records.is_empty() => {}
            Happening::Touch(which) => {
                let (key, _) = self.records.remove(place(which, self.records.len()));
                self.records.push((key, self.now));
            }
            Happening::Remove(which) => {
                self.records.remove(place(which, self.records.len()));
            }
            Happening::Insert(which) => {
                let place = place(which, self.records.len());
                let time = self.records.get(place).map_or(self.now, |(_, time)| *time);
                self.records
                    .insert(place, (format!("r{}", self.born), time));
                self.born += 1;
            }
        }
    }

    fn answer(&self, pass: i16, page: u32) -> Answered {
        let from = (usize::try_from(page).unwrap() - 1) * SIZE;
        let shown: Vec<_> = self.records.iter().skip(from).take(SIZE).collect();
        Answered {
            pass,
            page,
            total: u32::try_from(self.records.len()).unwrap(),
            pages: u32::try_from(self.records.len().div_ceil(SIZE)).unwrap(),
            keys: shown.iter().map(|(key, _)| key.clone()).collect(),
            times: shown.iter().map(|(_, time)| Some(at(*time))).collect(),
            read_at: at(self.now),
        }
    }
}

fn frame(from: i64, to: i64, day_end: i64, order_trusted: bool) -> ScanFrame {
    ScanFrame {
        cut: Window::new(at(from), at(to)).unwrap(),
        day_end: at(day_end),
        order_trusted,
        page_size: u32::try_from(SIZE).unwrap(),
    }
}

/// What came of a scan: how it ended, what was seen in the window, how often each was counted, every answer.
struct Outcome {
    end: ScanEnd,
    seen: BTreeSet<String>,
    counted: BTreeMap<String, usize>,
    answers: Vec<Answered>,
}

fn read(
    frame: ScanFrame,
    list: &mut List,
    mut happenings: impl Iterator<Item = Happening>,
) -> Outcome {
    let mut scan = Scan::new(frame, []);
    let (mut seen, mut counted) = (BTreeSet::new(), BTreeMap::new());
    let mut answers = Vec::new();
    for _ in 0..MOST_FETCHES {
        let (pass, page) = match scan.next() {
            Next::Fetch { pass, page } => (pass, page),
            Next::Ended(end) => {
                return Outcome {
                    end,
                    seen,
                    counted,
                    answers,
                };
            }
        };
        let answer = list.answer(pass, page);
        for (key, sighting) in answer.keys.iter().zip(scan.take(&answer)) {
            if sighting.in_cut {
                seen.insert(key.clone());
            }
            if sighting.first {
                *counted.entry(key.clone()).or_default() += 1;
            }
        }
        answers.push(answer);
        list.happen(happenings.next().unwrap_or(Happening::Nothing));
    }
    panic!("a scan of {} records does not end", list.records.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_complete_scan_has_seen_everything_that_was_there_before_it_and_stayed(
        count in 0..40_usize,
        from in 0..40_i64,
        day_over: bool,
        order_trusted: bool,
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut list = List::of(count);
        let before: BTreeMap<_, _> = list.records.iter().cloned().collect();
        let day_end = if day_over { 900 } else { 5_000 };
        let frame = frame(from, 4_000, day_end, order_trusted);
        let outcome = read(frame, &mut list, happenings.into_iter());
        if let ScanEnd::Complete { proven_until } | ScanEnd::Zero { proven_until } = outcome.end {
            let stayed = list.records.iter().filter(|(key, time)| before.get(key) == Some(time));
            for (key, time) in stayed {
                let proven = at(*time) >= at(from) && at(*time) < proven_until;
                prop_assert!(!proven || outcome.seen.contains(key), "{key} was missed");
            }
            prop_assert!(day_over || proven_until <= at(1_000));
        }
        prop_assert!(outcome.counted.values().all(|times| *times == 1));
    }

    #[test]
    fn a_list_that_gains_records_anywhere_hides_none_of_the_old_ones(
        list in (0..40_usize).prop_flat_map(|count| Just(List::of(count).records).prop_shuffle()),
        sorted: bool,
        day_over: bool,
        happenings in prop::collection::vec(growth(), 0..60),
    ) {
        let mut list = List { born: list.len(), records: list, now: 1_000 };
        if sorted {
            list.records.sort_by_key(|(_, time)| *time);
        }
        let before: BTreeMap<_, _> = list.records.iter().cloned().collect();
        let day_end = if day_over { 900 } else { 5_000 };
        // In a list in order a record in the middle is a late one: one of them must not hide another record.
        let mut late = 0..if sorted { 1 } else { usize::MAX };
        let allowed = |what: &Happening| !matches!(what, Happening::Insert(_)) || late.next().is_some();
        let happenings: Vec<_> = happenings.into_iter().filter(allowed).collect();
        let outcome = read(frame(0, 4_000, day_end, true), &mut list, happenings.into_iter());
        if matches!(outcome.end, ScanEnd::Complete { .. } | ScanEnd::Zero { .. }) {
            for (key, time) in &list.records {
                let stayed = before.get(key) == Some(time);
                prop_assert!(!stayed || outcome.seen.contains(key), "{key} was missed");
            }
        }
    }

    #[test]
    fn a_list_that_stands_still_is_read_once(count in 0..60_usize, day_over: bool) {
        let mut list = List::of(count);
        let day_end = if day_over { 900 } else { 5_000 };
        let outcome = read(frame(0, 4_000, day_end, true), &mut list, std::iter::empty());
        let pages = count.div_ceil(SIZE);
        // Page 1 is read twice where it is not the only one: first for the total, last for what slid into it.
        let fetches = if pages <= 1 { 1 } else { pages + 1 };
        prop_assert_eq!(outcome.answers.len(), fetches);
        prop_assert_eq!(outcome.seen.len(), count);
        let incomplete = matches!(outcome.end, ScanEnd::Incomplete { .. });
        prop_assert!(!incomplete);
    }

    #[test]
    fn a_scan_goes_on_where_the_committed_pages_end(
        count in 0..40_usize,
        happenings in prop::collection::vec(happening(), 0..60),
        crash in 0..20_usize,
    ) {
        let frame = frame(0, 4_000, 900, true);
        let outcome = read(frame, &mut List::of(count), happenings.into_iter());
        let committed: Vec<_> = outcome.answers.iter().take(crash).cloned().collect();
        let mut resumed = Scan::new(frame, committed.clone());
        for answer in outcome.answers.iter().skip(crash) {
            prop_assert_eq!(resumed.next(), Next::Fetch { pass: answer.pass, page: answer.page });
            resumed.take(answer);
        }
        prop_assert_eq!(resumed.next(), Next::Ended(outcome.end));
    }

    #[test]
    fn no_answer_whatever_it_claims_makes_a_scan_endless(
        claims in prop::collection::vec((0..9_u32, 0..20_u32, prop::collection::vec(0..6_u8, 0..5)), 1..100),
    ) {
        let mut scan = Scan::new(frame(0, 4_000, 5_000, true), []);
        let mut claims = claims.into_iter().cycle();
        for _ in 0..MOST_FETCHES {
            let Next::Fetch { pass, page } = scan.next() else { return Ok(()) };
            let (total, pages, keys) = claims.next().unwrap();
            let times = keys.iter().map(|key| (*key > 0).then(|| at(i64::from(*key)))).collect();
            let keys = keys.iter().map(|key| format!("k{key}")).collect();
            scan.take(&Answered { pass, page, total, pages, keys, times, read_at: at(1_000) });
        }
        prop_assert!(matches!(scan.next(), Next::Ended(_)));
    }
}

#[test]
fn a_pass_over_a_list_in_order_stops_behind_the_window() {
    let mut list = List::of(30);
    let outcome = read(frame(25, 4_000, 5_000, true), &mut list, std::iter::empty());
    let pages: Vec<u32> = outcome.answers.iter().map(|answer| answer.page).collect();
    assert_eq!(pages, [1, 10, 9]);
    assert_eq!(
        outcome.end,
        ScanEnd::Complete {
            proven_until: at(1_000)
        }
    );
    assert_eq!(outcome.seen.len(), 5);
}

#[test]
fn a_list_without_order_is_read_to_its_first_page() {
    let mut list = List::of(30);
    list.records.swap(27, 29);
    let outcome = read(frame(25, 4_000, 5_000, true), &mut list, std::iter::empty());
    assert_eq!(outcome.answers.len(), 11);
    assert_eq!(outcome.seen.len(), 5);
}

#[test]
fn a_record_that_moves_to_the_tail_costs_a_look_at_the_tail_and_not_another_reading() {
    let mut list = List::of(30);
    let happenings = [Happening::Nothing, Happening::Touch(500)];
    let outcome = read(
        frame(0, 4_000, 5_000, true),
        &mut list,
        happenings.into_iter(),
    );
    let pages: Vec<u32> = outcome.answers.iter().map(|answer| answer.page).collect();
    assert_eq!(pages, [1, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 10, 9]);
    assert!(matches!(outcome.end, ScanEnd::Complete { .. }));
    assert_eq!(outcome.seen.len(), 30);
}

#[test]
fn a_total_that_the_pages_do_not_have_is_incomplete() {
    let mut scan = Scan::new(frame(0, 4_000, 900, true), []);
    let list = List::of(5);
    while let Next::Fetch { pass, page } = scan.next() {
        let mut answer = list.answer(pass, page);
        answer.total = 6;
        scan.take(&answer);
    }
    let Next::Ended(ScanEnd::Incomplete { detail }) = scan.next() else {
        panic!("{:?}", scan.next());
    };
    assert_eq!(
        detail,
        "5 distinct records of 6 after 3 passes, the list kept moving"
    );
}
