//! Traces played back: the outcomes in their order, the answers those of now.

use demo_world::Portal;
use demo_world::portal::{Fault, Match, Record, Rule, TraceStep};

use crate::portal_reader::{at, get, page_path, send};

const DAY: &str = "2026-03-10";
/// Faster than anybody waits.
const SPEED: f64 = 10_000.0;

/// Sixty lines in the form of a recorded trace.
const TRACE: &str = include_str!("portal_trace.jsonl");

fn portal() -> Portal {
    let portal = Portal::start().unwrap();
    portal.put(Record::new(1, 6, at("2026-03-10T10:00:00")));
    portal
}

/// The status that a request got; `None` if there was no answer when the portal was asked again.
async fn outcome(portal: &Portal, step: &TraceStep) -> Option<u16> {
    let path = page_path("publicacao", DAY, 6, 1, 10);
    if step.status.is_some() {
        return Some(get(portal, &path).await.status());
    }
    let before = portal.request_count();
    let _unanswered = send(portal, &path).await;
    portal.wait_for_requests(before + 1).await.unwrap();
    None
}

#[tokio::test]
async fn request_n_meets_what_step_n_met() {
    let portal = portal();
    let trace = TraceStep::read_all(TRACE).unwrap();
    portal.replay(trace.clone(), SPEED);
    for (n, step) in trace.iter().enumerate() {
        let left = portal.replay_left();
        let status = outcome(&portal, step).await;
        // An empty window of then says nothing about the window of now.
        let expected = step
            .status
            .map(|status| if status == 204 { 200 } else { status });
        assert_eq!(status, expected, "step {n}");
        if step.status.is_some() {
            assert_eq!(portal.replay_left(), left - 1);
        }
    }
    let path = page_path("publicacao", DAY, 6, 1, 10);
    assert_eq!(
        (portal.replay_left(), get(&portal, &path).await.status()),
        (0, 200)
    );
}

#[tokio::test]
async fn the_fixture_has_every_outcome() {
    let trace = TraceStep::read_all(TRACE).unwrap();
    assert_eq!(trace.len(), 60);
    for status in [Some(200), Some(204), Some(429), Some(500), None] {
        assert!(trace.iter().any(|step| step.status == status), "{status:?}");
    }
}

#[tokio::test]
async fn both_forms_of_500_are_told_apart_by_the_recorded_words() {
    let portal = portal();
    let trace = TraceStep::read_all(TRACE).unwrap();
    let failures = trace
        .into_iter()
        .filter(|step| step.status == Some(500))
        .collect();
    portal.replay(failures, SPEED);
    let mut labels = Vec::new();
    while portal.replay_left() > 0 {
        let heard = get(&portal, &page_path("publicacao", DAY, 6, 1, 10)).await;
        labels.push(heard.text().starts_with('{'));
    }
    assert!(labels.contains(&true) && labels.contains(&false));
}

#[tokio::test]
async fn rules_wait_until_the_trace_is_over() {
    let portal = portal();
    portal.script(Rule::times(1, Match::any(), Fault::Html503));
    portal.replay(TraceStep::weather(1, 1), SPEED);
    let path = page_path("publicacao", DAY, 6, 1, 10);
    let first = get(&portal, &path).await.status();
    assert_ne!(first, 503);
    assert_eq!(get(&portal, &path).await.status(), 503);
}

#[tokio::test]
async fn generated_weather_has_the_recorded_shares() {
    let trace = TraceStep::weather(7, 446);
    let count = |wanted: Option<u16>| trace.iter().filter(|step| step.status == wanted).count();
    let shares = [Some(200), Some(204), Some(429), Some(500), None].map(count);
    assert_eq!(shares, [414, 4, 21, 3, 4]);
    assert_eq!(trace, TraceStep::weather(7, 446));
    assert_ne!(trace, TraceStep::weather(8, 446));
    let mut seconds: Vec<f64> = trace
        .iter()
        .filter(|step| step.success)
        .map(|step| step.duration_seconds)
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    assert!((1.1..1.8).contains(&median), "{median}");
}

#[tokio::test]
async fn a_trace_survives_its_text() {
    let trace = TraceStep::weather(7, 20);
    let lines: Vec<String> = trace
        .iter()
        .map(|step| serde_json::to_string(step).unwrap())
        .collect();
    assert_eq!(TraceStep::read_all(&lines.join("\n")).unwrap(), trace);
    assert!(TraceStep::read_all("{\"attempt\": 1}").is_err());
}
