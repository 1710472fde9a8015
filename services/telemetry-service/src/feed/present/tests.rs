use std::collections::BTreeMap;

use live_hub::{Live as _, Next, Resume, RingLimits, Topic};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::feed::seen::Seen;
use crate::model::Alert;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn reading(second: i64, seq: Option<i64>, value: i64) -> Reading {
    let metrics = json!({"value": value});
    Reading {
        time: NOW + chrono::TimeDelta::seconds(second),
        seq,
        metrics: metrics.as_object().cloned().unwrap_or_else(Map::new),
    }
}

fn device() -> DeviceId {
    DeviceId::parse("dev-0001").unwrap()
}

fn message(frame: &Frame) -> Value {
    let bytes = frame.clone().into_bytes();
    let begin = bytes.iter().position(|byte| *byte == b'{').unwrap();
    serde_json::from_slice(&bytes[begin..]).unwrap()
}

/// All that `seen` is owed of the present.
fn owed(present: &mut Present, seen: &mut Seen) -> Vec<Value> {
    let Some(view) = present.snapshot() else {
        return Vec::new();
    };
    std::iter::from_fn(|| seen.owed(&view))
        .map(|push| message(&push.frame))
        .collect()
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    let kind = |message: &'static str| message;
    messages
        .iter()
        .map(|it| match (it["type"].as_str(), it["state"].as_str()) {
            (Some("state"), Some("stale")) => kind("stale"),
            (Some("state"), _) => kind("live"),
            (Some("telemetry"), _) => kind("telemetry"),
            _ => kind("alerts"),
        })
        .collect()
}

fn read(present: &mut Present, reading: Reading) -> bool {
    present
        .read(News::Reading(Some(reading)), NOW, None)
        .is_some()
}

#[test]
fn a_reading_is_told_as_the_contract_has_it() {
    let (mut present, mut seen) = (Present::device(device(), None), Seen::default());
    let mut first = reading(1, Some(7), 3);
    first.metrics.extend(
        json!({"on": true, "mode": "eco", "raw": [1, 2.5]})
            .as_object()
            .unwrap()
            .clone(),
    );
    assert!(read(&mut present, first));
    let expected = json!({
        "type": "telemetry",
        "device_id": "dev-0001",
        "data": {
            "timestamp": "1970-01-01T00:00:01Z",
            "metrics": {"value": 3, "on": true, "mode": "eco", "raw": [1, 2.5]},
            "seq": 7,
        },
    });
    assert_eq!(owed(&mut present, &mut seen), [expected]);
    assert_eq!(owed(&mut present, &mut seen), [] as [Value; 0], "once");
}

#[test]
fn alerts_are_told_with_their_total_also_when_there_are_none() {
    let (mut present, mut seen) = (Present::alerts(None), Seen::default());
    assert!(
        owed(&mut present, &mut seen).is_empty(),
        "not read yet is not none"
    );
    assert!(
        present
            .read(News::Alerts(OpenAlerts::default()), NOW, None)
            .is_some()
    );
    assert_eq!(
        owed(&mut present, &mut seen),
        [json!({"type": "alerts", "alerts": [], "total": 0})]
    );
    assert!(
        present
            .read(News::Alerts(OpenAlerts::default()), NOW, None)
            .is_none()
    );
    let alert = Alert {
        alert_id: 9,
        tenant_id: crate::model::TenantId::parse("a").unwrap(),
        device_id: Some("dev-0001".to_owned()),
        site_id: None,
        alert_type: "HOT".to_owned(),
        severity: 3,
        confidence: Some(0.5),
        summary: Some("Too hot".to_owned()),
        status: "OPEN".to_owned(),
        created_at: NOW,
    };
    let open = OpenAlerts {
        alerts: vec![alert],
        total: 1,
    };
    assert!(
        present
            .read(News::Alerts(open.clone()), NOW, None)
            .is_some()
    );
    let told = owed(&mut present, &mut seen);
    assert_eq!(
        told[0]["alerts"][0],
        json!({
            "alert_id": 9, "tenant_id": "a", "device_id": "dev-0001", "site_id": null, "alert_type": "HOT",
            "severity": 3, "confidence": 0.5, "summary": "Too hot", "status": "OPEN",
            "created_at": "1970-01-01T00:00:00Z",
        })
    );
    let closed = OpenAlerts::default();
    assert!(
        present.read(News::Alerts(closed), NOW, None).is_some(),
        "closing is a change"
    );
}

#[test]
fn only_what_is_later_or_other_is_told() {
    let mut present = Present::device(device(), None);
    assert!(read(&mut present, reading(5, Some(1), 1)));
    assert!(!read(&mut present, reading(5, Some(1), 1)), "the same row");
    assert!(!read(&mut present, reading(4, Some(9), 2)), "an older one");
    assert!(
        !read(&mut present, reading(5, None, 2)),
        "one without a number is older"
    );
    assert!(read(&mut present, reading(5, Some(1), 2)), "corrected");
    assert!(
        read(&mut present, reading(5, Some(2), 2)),
        "the next of that instant"
    );
    assert!(read(&mut present, reading(6, None, 2)));
    let gone = present.read(News::Reading(None), NOW, None);
    assert!(gone.is_none(), "a row that was deleted takes nothing back");
}

#[test]
fn an_outage_is_told_and_empties_nothing() {
    let (mut present, mut seen) = (Present::device(device(), None), Seen::default());
    read(&mut present, reading(1, None, 1));
    owed(&mut present, &mut seen);
    assert!(present.stale(true, NOW).is_some());
    assert!(present.stale(true, NOW).is_none(), "once");
    let told = owed(&mut present, &mut seen);
    assert_eq!(
        told,
        [json!({
            "type": "state", "channel": "device", "device_id": "dev-0001", "state": "stale",
            "since": "1970-01-01T00:00:00Z",
        })]
    );
    let late = owed(&mut present, &mut Seen::default());
    assert_eq!(
        kinds(&late),
        ["telemetry", "stale"],
        "who comes now sees what is known"
    );
    read(&mut present, reading(2, None, 2));
    assert_eq!(kinds(&owed(&mut present, &mut seen)), ["live", "telemetry"]);
    assert_eq!(
        kinds(&owed(&mut present, &mut Seen::default())),
        ["telemetry"]
    );
}

#[test]
fn who_heard_of_an_outage_hears_of_its_end_also_where_nothing_is_known_and_much_was_missed() {
    let limits = RingLimits {
        steps: 0,
        weight: 0,
    };
    let topic = Topic::new(Present::device(device(), None), limits, ());
    let mut seat = topic.join(Resume::Fresh).ok().unwrap();
    let mut seen = Seen::default();
    let mut next = || match seat.try_next() {
        Some(Next::Snapshot(view) | Next::Step(view) | Next::Fold(view)) => seen.owed(&view),
        _ => None,
    };
    let turn = |stale| topic.update(|present, _| present.stale(stale, NOW));
    turn(true);
    assert_eq!(kinds(&[message(&next().unwrap().frame)]), ["stale"]);
    for stale in [false, true, false] {
        turn(stale);
    }
    assert_eq!(kinds(&[message(&next().unwrap().frame)]), ["live"]);
}

#[test]
fn a_source_that_was_never_read_is_stale_and_not_empty() {
    let (mut present, mut seen) = (Present::alerts(Some(NOW)), Seen::default());
    assert_eq!(
        owed(&mut present, &mut seen),
        [
            json!({"type": "state", "channel": "alerts", "state": "stale", "since": "1970-01-01T00:00:00Z"})
        ]
    );
    present.read(News::Alerts(OpenAlerts::default()), NOW, None);
    assert_eq!(kinds(&owed(&mut present, &mut seen)), ["live", "alerts"]);
}

/// What can happen to a channel, and to one who watches it.
#[derive(Debug, Clone)]
enum Event {
    Read(i64, Option<i64>, i64),
    Nothing,
    Stale,
    Live,
    /// The watcher can take this many messages.
    Take(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..6_i64, proptest::option::of(0..3_i64), 0..3_i64).prop_map(|(at, seq, value)| Event::Read(at, seq, value)),
        1 => Just(Event::Nothing),
        2 => Just(Event::Stale),
        2 => Just(Event::Live),
        3 => (0..3_usize).prop_map(Event::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens, and however slowly somebody reads, nothing older follows anything newer, and in the end they
    /// know what is there and whether to believe it.
    #[test]
    fn a_slow_watcher_ends_with_the_present_and_never_goes_back(events in proptest::collection::vec(event(), 0..40)) {
        let limits = RingLimits { steps: 0, weight: 0 };
        let topic = Topic::new(Present::device(device(), None), limits, ());
        let mut seat = topic.join(Resume::Fresh).ok().unwrap();
        let (mut seen, mut view) = (Seen::default(), None);
        let mut told: Vec<Value> = Vec::new();
        let mut take = |most: usize, told: &mut Vec<Value>| {
            for _ in 0..most {
                while let Some(next) = seat.try_next() {
                    if let Next::Snapshot(frame) | Next::Step(frame) | Next::Fold(frame) = next {
                        view = Some(frame);
                    }
                }
                let Some(push) = view.as_ref().and_then(|view| seen.owed(view)) else { break };
                told.push(message(&push.frame));
            }
        };
        let (mut newest, mut stale, mut changes) = (None::<Reading>, false, 0);
        for event in events {
            match event {
                Event::Read(at, seq, value) => {
                    let row = reading(at, seq, value);
                    if newest.as_ref().is_none_or(|known| supersedes(&row, known)) {
                        newest = Some(row.clone());
                        changes += 1;
                    }
                    stale = false;
                    topic.update(|present, _| present.read(News::Reading(Some(row)), NOW, None));
                }
                Event::Nothing => {
                    stale = false;
                    topic.update(|present, _| present.read(News::Reading(None), NOW, None));
                }
                Event::Stale => {
                    stale = true;
                    topic.update(|present, _| present.stale(true, NOW));
                }
                Event::Live => {
                    stale = false;
                    topic.update(|present, _| present.stale(false, NOW));
                }
                Event::Take(most) => take(most, &mut told),
            }
        }
        take(10, &mut told);

        let readings: Vec<&Value> = told.iter().filter(|it| it["type"] == "telemetry").collect();
        let order = |it: &Value| (it["data"]["timestamp"].as_str().unwrap().to_owned(), it["data"]["seq"].as_i64());
        prop_assert!(readings.iter().map(|it| order(it)).is_sorted(), "{told:?}");
        prop_assert!(readings.len() <= changes, "{} for {changes} changes: {told:?}", readings.len());
        let last = readings.last().map(|it| it["data"]["metrics"].clone());
        prop_assert_eq!(last, newest.map(|it| Value::Object(it.metrics)));
        let states: Vec<&str> = told.iter().filter_map(|it| it["state"].as_str()).collect();
        prop_assert_eq!(states.last().copied().unwrap_or("live") == "stale", stale);
        let mut by_state = BTreeMap::new();
        for state in &states {
            *by_state.entry(*state).or_insert(0) += 1;
        }
        prop_assert!(by_state.get("live") <= by_state.get("stale"), "live is only told after stale: {told:?}");
    }
}
