//! What goes over the broker: any bytes are a doorbell or are put aside, and what we write is the contract's message,
//! word for word. The golden bodies are written by hand.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use farol_core::sync::{Doorbell, Mode, Window, ring_body, topology};
use proptest::prelude::*;
use serde_json::Value;

fn golden(file: &str) -> Value {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/messages", file]
        .iter()
        .collect();
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn reason(body: &str) -> &'static str {
    Doorbell::parse(body.as_bytes()).unwrap_err().reason
}

proptest! {
    #[test]
    fn any_bytes_are_a_doorbell_or_are_put_aside(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(unusable) = Doorbell::parse(&body) {
            prop_assert!(unusable.detail.chars().count() <= 200);
        }
    }

    #[test]
    fn nearly_a_message_is_a_doorbell_or_is_put_aside(
        v in "null|0|1|2|1.0|\"1\"|\\[\\]", id in "null|-1|0|17|2147483648|\"17\"", mode in "null|\"update\"|\"backfill\"|\"\"|7",
    ) {
        let body = format!(r#"{{"v":{v},"execution_id":{id},"mode":{mode}}}"#);
        if let Ok(doorbell) = Doorbell::parse(body.as_bytes()) {
            let rings = matches!(doorbell, Doorbell::Ring { execution_id: 17, .. });
            prop_assert!(rings || doorbell == Doorbell::Update, "{body}");
        }
    }

    #[test]
    fn what_we_write_rings(execution_id in 1..i32::MAX, start in 0..2_000_000_000_i64, length in 1..1_000_000_i64) {
        let at = |second| DateTime::<Utc>::from_timestamp(second, 0).unwrap();
        let window = Window::new(at(start), at(start + length)).unwrap();
        for (mode, window) in [(Mode::Update, None), (Mode::Backfill, Some(&window))] {
            let body = ring_body(execution_id, mode, window, chrono_tz::America::Sao_Paulo).to_string();
            prop_assert_eq!(Doorbell::parse(body.as_bytes()), Ok(Doorbell::Ring { execution_id, mode }));
        }
    }
}

#[test]
fn the_message_is_that_of_the_contract() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let window = Window::new(at("2025-07-10T15:00:00Z"), at("2025-07-10T21:00:00Z")).unwrap();
    let zone = chrono_tz::America::Sao_Paulo;
    assert_eq!(
        ring_body(17, Mode::Backfill, Some(&window), zone),
        golden("ring_backfill.json")
    );
    assert_eq!(
        ring_body(18, Mode::Update, None, zone),
        golden("ring_update.json")
    );
}

#[test]
fn other_programs_ask_in_their_own_words() {
    for body in [
        "",
        " \n",
        "{}",
        r#"{"mode":"update"}"#,
        r#"{"mode":"update","data_ini":null,"by":"cron"}"#,
    ] {
        assert_eq!(
            Doorbell::parse(body.as_bytes()),
            Ok(Doorbell::Update),
            "{body}"
        );
    }
    let body =
        br#"{"mode":"backfill","data_ini":"2025-07-10T12:00:00","data_fim":"2025-07-10T18:00:00"}"#;
    let backfill = Doorbell::Backfill {
        data_ini: "2025-07-10T12:00:00".to_owned(),
        data_fim: "2025-07-10T18:00:00".to_owned(),
    };
    assert_eq!(Doorbell::parse(body), Ok(backfill));
}

#[test]
fn what_nobody_can_read_is_told_by_a_word() {
    for body in [
        "{",
        "update",
        "\u{feff}{}",
        r#"{"mode":"update"}{}"#,
        "{'mode':'update'}",
    ] {
        assert_eq!(reason(body), "not_json", "{body}");
    }
    for body in [
        "null",
        "[]",
        "17",
        r#"["update"]"#,
        r#"{"modo":"update"}"#,
        r#"{"mode":null}"#,
        r#"{"mode":7}"#,
        r#"{"mode":"backfill","data_ini":"2025-07-10"}"#,
        r#"{"v":1,"mode":"update"}"#,
        r#"{"v":1,"execution_id":0,"mode":"update"}"#,
        r#"{"execution_id":17,"mode":"update"}"#,
        r#"{"v":1,"execution_id":2147483648,"mode":"update"}"#,
        r#"{"v":1,"execution_id":17}"#,
    ] {
        assert_eq!(reason(body), "unknown_shape", "{body}");
    }
    for body in [
        r#"{"v":2,"execution_id":17,"mode":"update"}"#,
        r#"{"v":"1","mode":"update"}"#,
        r#"{"v":2,"run":{}}"#,
    ] {
        assert_eq!(reason(body), "unknown_version", "{body}");
    }
    assert_eq!(reason(r#"{"mode":"UPDATE"}"#), "unknown_mode");
}

#[test]
fn dead_letters_lie_beside_their_queue() {
    assert_eq!(
        topology::dead_letter_queue(topology::DEFAULT_QUEUE),
        "ingest.pncp.dead"
    );
}
