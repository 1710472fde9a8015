//! Time as runs cut it: any text is read or refused, days split a window exactly, in every zone, and a complete plan
//! leaves no gap.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use farol_core::sync::{
    Interval, Mode, Window, WindowError, Zone, common, first_gap, gaps_within, local_text,
    parse_instant, plan, plan_items, requested, union,
};
use proptest::prelude::*;

/// Zones of every kind: none of their own rules, half hours, midnights that do not exist (São Paulo until 2018, Beirut,
/// Santiago), a day that does not (Apia, 30 December 2011), a fold across midnight (Lord Howe, half an hour).
const ZONES: [Zone; 9] = [
    chrono_tz::UTC,
    chrono_tz::America::Sao_Paulo,
    chrono_tz::America::Cuiaba,
    chrono_tz::America::Santiago,
    chrono_tz::Asia::Beirut,
    chrono_tz::Asia::Kathmandu,
    chrono_tz::Australia::Lord_Howe,
    chrono_tz::Europe::London,
    chrono_tz::Pacific::Apia,
];

fn zone() -> impl Strategy<Value = Zone> {
    proptest::sample::select(&ZONES[..])
}

/// 1990 to 2035.
fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    (631_152_000..2_051_222_400_i64).prop_map(|second| DateTime::from_timestamp(second, 0).unwrap())
}

fn window() -> impl Strategy<Value = Window> {
    (instant(), 1..20 * 86_400_i64)
        .prop_map(|(start, length)| Window::new(start, start + TimeDelta::seconds(length)).unwrap())
}

/// Small, so that they meet.
fn interval() -> impl Strategy<Value = Interval> {
    (0..60_i64, 0..15_i64).prop_map(|(from, length)| Interval {
        from: minute(from),
        to: minute(from + length),
    })
}

fn intervals() -> impl Strategy<Value = Vec<Interval>> {
    proptest::collection::vec(interval(), 0..8)
}

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000 + minute * 60, 0).unwrap()
}

fn has(intervals: &[Interval], t: DateTime<Utc>) -> bool {
    intervals.iter().any(|it| it.from <= t && t < it.to)
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

proptest! {
    #[test]
    fn any_text_is_an_instant_or_is_refused(text in "\\PC*", zone in zone()) {
        let _ = parse_instant(&text, zone);
    }

    #[test]
    fn nearly_a_time_is_an_instant_or_is_refused(
        text in "[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{0,10})?)?)?(Z|[+-][0-9:]{0,5})?",
        zone in zone(),
    ) {
        let _ = parse_instant(&text, zone);
    }

    #[test]
    fn what_is_written_locally_is_read_back(t in instant(), zone in zone()) {
        let text = local_text(t, zone);
        let read = parse_instant(&text, zone).unwrap();
        // Of two instants with one name it is the first.
        prop_assert!(read <= t);
        prop_assert_eq!(local_text(read, zone), text);
    }

    #[test]
    fn an_offset_overrides_the_zone(t in instant(), zone in zone(), hours in -12..=14_i32) {
        let offset = chrono::FixedOffset::east_opt(hours * 3600).unwrap();
        let text = t.with_timezone(&offset).to_rfc3339();
        prop_assert_eq!(parse_instant(&text, zone), Some(t));
    }

    #[test]
    fn days_split_a_window_exactly(window in window(), zone in zone()) {
        let days = window.days(zone);
        prop_assert_eq!(days.first().unwrap().cut.start(), window.start());
        prop_assert_eq!(days.last().unwrap().cut.end(), window.end());
        for pair in days.windows(2) {
            prop_assert_eq!(pair[0].cut.end(), pair[1].cut.start());
            prop_assert!(pair[0].day < pair[1].day);
        }
        for day in &days {
            prop_assert_eq!(day.whole, Some(day.cut) == Window::of_day(day.day, zone));
        }
    }

    /// The portal gives times without an offset: each must fall into the cut of the day that it was asked for.
    #[test]
    fn a_local_time_is_in_the_day_that_it_names(days in 0..16_000_u64, seconds in 0..86_400_u32, zone in zone()) {
        let day = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + Days::new(days);
        let local = day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap());
        prop_assume!(zone.from_local_datetime(&local).earliest().is_some());
        let text = local.format("%Y-%m-%dT%H:%M:%S").to_string();
        let t = parse_instant(&text, zone).unwrap();
        prop_assert!(Window::of_day(day, zone).unwrap().contains(t));
    }

    #[test]
    fn overlap_is_a_shared_instant(a in window(), shift in -30..30_i64, length in 1..30 * 86_400_i64) {
        let start = a.start() + TimeDelta::days(shift);
        let b = Window::new(start, start + TimeDelta::seconds(length)).unwrap();
        let shared = a.contains(b.start()) || b.contains(a.start());
        prop_assert_eq!(a.overlaps(&b), shared);
        prop_assert_eq!(b.overlaps(&a), shared);
    }

    #[test]
    fn union_has_the_same_instants_as_islands(parts in intervals()) {
        let islands = union(parts.clone());
        for pair in islands.windows(2) {
            prop_assert!(pair[0].to < pair[1].from);
        }
        for t in (0..80).map(minute) {
            prop_assert_eq!(has(&islands, t), has(&parts, t));
        }
    }

    #[test]
    fn common_is_what_is_in_each(sets in proptest::collection::vec(intervals(), 1..4)) {
        let both = common(sets.clone());
        for t in (0..80).map(minute) {
            prop_assert_eq!(has(&both, t), sets.iter().all(|set| has(set, t)));
        }
    }

    #[test]
    fn gaps_are_what_is_not_proven(proven in intervals(), within in interval()) {
        let gaps = gaps_within(&proven, within);
        for t in (0..80).map(minute) {
            prop_assert_eq!(has(&gaps, t), has(&[within], t) && !has(&proven, t));
        }
    }

    /// An update from there on closes every gap that there is in the horizon.
    #[test]
    fn nothing_before_the_first_gap_is_unproven(
        sets in proptest::collection::vec(intervals(), 1..4),
        horizon in 0..40_i64,
        length in 1..40_i64,
    ) {
        let (horizon, now) = (minute(horizon), minute(horizon + length));
        let history = union(sets.concat());
        let Some(gap) = first_gap(&sets, horizon, now) else {
            prop_assert!(history.is_empty());
            return Ok(());
        };
        let begin = horizon.max(history[0].from).min(now);
        prop_assert!(begin <= gap && gap <= now);
        let proven = |t| sets.iter().all(|set| has(set, t));
        for t in (0..80).map(minute).filter(|t| begin <= *t && *t < gap) {
            prop_assert!(proven(t));
        }
        prop_assert!(gap == now || !proven(gap));
    }

    #[test]
    fn a_complete_plan_leaves_no_gap(
        window in window(),
        zone in zone(),
        modalidades in proptest::collection::btree_set(1..20_i16, 1..4),
    ) {
        let ids: Vec<i16> = modalidades.iter().copied().collect();
        let planned = plan(Mode::Update, &window, &ids, zone);
        let keys: BTreeSet<_> = planned.iter().map(|segment| segment.key).collect();
        prop_assert_eq!(keys.len(), planned.len());
        let proven: Vec<Vec<Interval>> = ids.iter().map(|id| {
            let own = planned.iter().filter(|segment| segment.key.modalidade == *id);
            own.map(|segment| Interval { from: segment.cut.start(), to: segment.cut.end() }).collect()
        }).collect();
        let whole = Interval { from: window.start(), to: window.end() };
        for set in &proven {
            prop_assert_eq!(gaps_within(set, whole), []);
        }
        prop_assert_eq!(first_gap(&proven, window.start(), window.end()), Some(window.end()));
        prop_assert_eq!(plan_items(&window, zone).unwrap().cut, window);
    }
}

#[test]
fn days_of_sao_paulo_begin_three_hours_after_utc() {
    let window = Window::new(at("2025-07-10T15:00:00Z"), at("2025-07-12T03:00:00Z")).unwrap();
    let days = window.days(chrono_tz::America::Sao_Paulo);
    let told: Vec<_> = days
        .iter()
        .map(|day| (day.day.to_string(), day.cut.start(), day.whole))
        .collect();
    assert_eq!(
        told,
        [
            ("2025-07-10".to_owned(), at("2025-07-10T15:00:00Z"), false),
            ("2025-07-11".to_owned(), at("2025-07-11T03:00:00Z"), true),
        ]
    );
}

#[test]
fn a_day_whose_midnight_was_skipped_begins_when_the_clock_skipped_it() {
    let day = NaiveDate::from_ymd_opt(2018, 11, 4).unwrap();
    let window = Window::of_day(day, chrono_tz::America::Sao_Paulo).unwrap();
    assert_eq!(window.start(), at("2018-11-04T03:00:00Z"));
    assert_eq!(window.end(), at("2018-11-05T02:00:00Z"));
}

#[test]
fn a_day_that_was_skipped_is_no_day() {
    let day = NaiveDate::from_ymd_opt(2011, 12, 30).unwrap();
    assert_eq!(Window::of_day(day, chrono_tz::Pacific::Apia), None);
}

#[test]
fn a_window_is_neither_empty_nor_longer_than_a_year() {
    let start = at("2025-01-01T00:00:00Z");
    assert_eq!(Window::new(start, start), Err(WindowError::NotBefore));
    assert_eq!(
        Window::new(start, start + TimeDelta::days(367)),
        Err(WindowError::TooLong)
    );
    assert_eq!(
        Window::new(DateTime::<Utc>::MIN_UTC, start),
        Err(WindowError::OutOfRange)
    );
}

#[test]
fn a_request_is_told_all_that_is_wrong_with_it_by_field() {
    let (zone, now) = (chrono_tz::America::Sao_Paulo, at("2025-08-01T12:00:00Z"));
    let wrong = |from, to| -> Vec<&'static str> {
        let problems = requested(from, to, zone, now).unwrap_err();
        problems.iter().map(|problem| problem.field).collect()
    };
    assert_eq!(wrong("ontem", "10/07/2025"), ["data_ini", "data_fim"]);
    assert_eq!(wrong("2025-07-11", "2025-07-10"), ["data_ini"]);
    assert_eq!(wrong("2025-07-11", "2025-07-11"), ["data_ini"]);
    assert_eq!(wrong("2025-07-11", "2025-08-02"), ["data_fim"]);
    assert_eq!(wrong("2024-07-01", "2025-07-02"), ["data_fim"]);
    assert_eq!(wrong("2023-07-01", "2025-08-02"), ["data_fim", "data_fim"]);
    assert_eq!(wrong("2025-08-03", "2025-08-02"), ["data_ini", "data_fim"]);
    let year = requested("2024-07-01", "2025-07-01T00:00:00", zone, now).unwrap();
    assert_eq!(year.start(), at("2024-07-01T03:00:00Z"));
}

#[test]
fn times_are_read_as_people_write_them() {
    let zone = chrono_tz::America::Sao_Paulo;
    let noon = at("2025-07-10T15:00:00Z");
    for text in [
        "2025-07-10T12:00:00",
        "2025-07-10 12:00",
        "2025-07-10T12:00:00.000000000",
        "2025-07-10t15:00:00z",
        "2025-07-10T12:00:00-03:00",
        "2025-07-10T12:00-0300",
        "2025-07-10T17:30:00+02:30",
        "2025-07-10T12:00:00,0-03",
    ] {
        assert_eq!(parse_instant(text, zone), Some(noon), "{text}");
    }
    assert_eq!(
        parse_instant("2025-07-10", zone),
        Some(at("2025-07-10T03:00:00Z"))
    );
    assert_eq!(
        parse_instant("2025-07-10T12:00:00.25", zone),
        Some(at("2025-07-10T15:00:00.250Z"))
    );
    for text in [
        "",
        "2025",
        "2025-7-10",
        "20250710",
        "2025-02-30",
        "2025-07-10T24:00:00",
        "2025-07-10T12:00:60",
        "2025-07-10T12:00:00.",
        "2025-07-10T12:00:00.1234567890",
        "2025-07-10T12:00:00+24:00",
        "2025-07-10T12:00:00Zz",
        "0000-01-01",
        "2025-07-10T",
        "2025-07-10T12",
        " 2025-07-10",
        "２０２５-07-10",
        "2025-07-10T12:00:00+",
        "+025-07-10",
    ] {
        assert_eq!(parse_instant(text, zone), None, "{text}");
    }
}
