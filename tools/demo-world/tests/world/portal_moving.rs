//! Sets that move while they are read, and requests that are held back.

use demo_world::Portal;
use demo_world::portal::{Endpoint, Match, Record};

use crate::client::hear;
use crate::portal_reader::{at, get, keys_of, page_path, read_day, send, utc};

const DAY: &str = "2026-03-10";

fn key(number: u32) -> String {
    Record::new(number, 6, at("2026-03-10T10:00:00")).key()
}

/// 20 procurements, updated in the order of their numbers.
fn twenty() -> Portal {
    let portal = Portal::start().unwrap();
    for number in 1..=20 {
        portal.put(Record::new(number, 6, at(&format!("{DAY}T10:{number}:00"))));
    }
    portal
}

#[tokio::test]
async fn an_update_during_the_reading_makes_a_forward_reader_skip_a_record() {
    let portal = twenty();
    portal.while_reading(|read, store| {
        if read.nth == 1 {
            store.update(&key(1), at("2026-03-10T23:00:00"));
        }
    });
    let read = read_day(&portal, "atualizacao", DAY, 6, 10).await;
    assert!(
        !read.contains(&key(11)),
        "the shift is what readers must survive"
    );
    assert_eq!(read.iter().filter(|read| **read == key(1)).count(), 2);
}

#[tokio::test]
async fn totals_move_when_something_is_published_or_taken_away() {
    let portal = twenty();
    portal.while_reading(|read, store| match read.nth {
        1 => store.put(Record::new(99, 6, at("2026-03-10T23:00:00"))),
        2 => assert!(store.remove(&key(5))),
        _ => {}
    });
    let mut totals = Vec::new();
    for _ in 0..3 {
        let page = get(&portal, &page_path("publicacao", DAY, 6, 1, 10))
            .await
            .json();
        totals.push(page["totalRegistros"].as_u64().unwrap());
    }
    assert_eq!(totals, [20, 21, 20]);
}

#[tokio::test]
async fn the_hook_is_told_what_was_read_and_empty_answers_do_not_count() {
    let portal = twenty();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let teller = std::sync::Arc::clone(&told);
    portal.while_reading(move |read, _| teller.lock().unwrap().push(read.clone()));
    get(&portal, &page_path("publicacao", DAY, 9, 1, 10)).await;
    get(&portal, &page_path("atualizacao", DAY, 6, 2, 10)).await;
    let told = told.lock().unwrap();
    assert_eq!(
        (told.len(), told[0].endpoint, told[0].page, told[0].nth),
        (1, Endpoint::Atualizacao, 2, 1)
    );
}

#[tokio::test]
async fn an_update_changes_what_the_record_says() {
    let portal = twenty();
    let before = get(&portal, &page_path("publicacao", DAY, 6, 1, 10))
        .await
        .json()["data"][0]
        .clone();
    assert!(portal.update(&key(1), at("2026-03-12T09:30:00")));
    let after = get(&portal, &page_path("publicacao", DAY, 6, 1, 10))
        .await
        .json()["data"][0]
        .clone();
    assert_eq!(after["dataAtualizacaoGlobal"], "2026-03-12T09:30:00");
    assert_eq!(after["dataPublicacaoPncp"], before["dataPublicacaoPncp"]);
    assert_ne!(
        after["valorTotalHomologado"],
        before["valorTotalHomologado"]
    );
    assert_eq!(portal.version(&key(1)), Some(utc("2026-03-12T09:30:00")));
    assert!(!portal.update("nobody", at("2026-03-12T09:30:00")));
}

#[tokio::test]
async fn held_requests_are_counted_at_once_and_answered_after_release() {
    let portal = twenty();
    let gate = portal.hold_at(Match::any().page(2));
    assert_eq!(
        get(&portal, &page_path("publicacao", DAY, 6, 1, 10))
            .await
            .status(),
        200
    );
    let held = send(&portal, &page_path("publicacao", DAY, 6, 2, 10)).await;
    portal.wait_for_requests(2).await.unwrap();
    assert!(
        held.try_read(&mut [0; 1]).is_err(),
        "answered before the release"
    );
    portal.put(Record::new(99, 6, at("2026-03-10T23:00:00")));
    gate.release();
    // The answer is of the moment of release.
    assert_eq!(keys_of(&hear(held).await.json()).len(), 10);
    assert_eq!(
        get(&portal, &page_path("publicacao", DAY, 6, 3, 10))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn two_gates_hold_until_both_are_open() {
    let portal = twenty();
    let (one, other) = (portal.hold(), portal.hold());
    let held = send(&portal, &page_path("publicacao", DAY, 6, 1, 10)).await;
    portal.wait_for_requests(1).await.unwrap();
    one.release();
    assert_eq!(portal.in_flight(), 1);
    drop(other);
    assert_eq!(hear(held).await.status(), 200);
}
