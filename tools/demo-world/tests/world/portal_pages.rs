//! Lists: their pages, their order, their totals.

use demo_world::Portal;
use demo_world::portal::{Endpoint, Record, Weights, World};
use serde_json::json;

use crate::portal_reader::{at, day, get, keys_of, page_path, read_day, utc};

const DAY: &str = "2026-03-10";

/// 25 procurements of modalidade 6 on one day, one an hour before and after it, one of modalidade 8.
fn twenty_five() -> Portal {
    let portal = Portal::start().unwrap();
    for number in 1..=25 {
        // Numbered against the order of publication.
        let published = at(&format!("{DAY}T10:{:02}:00", 59 - number));
        portal.put(Record::new(number, 6, published));
    }
    portal.put(Record::new(26, 6, at("2026-03-09T23:59:59")));
    portal.put(Record::new(27, 6, at("2026-03-11T00:00:00")));
    portal.put(Record::new(28, 8, at(&format!("{DAY}T12:00:00"))));
    portal
}

#[tokio::test]
async fn a_page_comes_in_the_portals_envelope() {
    let portal = twenty_five();
    let answer = get(&portal, &page_path("publicacao", DAY, 6, 2, 10)).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut page = answer.json();
    assert_eq!(page["data"].as_array().unwrap().len(), 10);
    page["data"] = json!([]);
    assert_eq!(
        page,
        json!({"data": [], "totalRegistros": 25, "totalPaginas": 3, "numeroPagina": 2, "paginasRestantes": 1, "empty": false})
    );
}

#[tokio::test]
async fn the_publication_list_ascends_by_time_and_has_the_whole_day_and_nothing_else() {
    let portal = twenty_five();
    let read = read_day(&portal, "publicacao", DAY, 6, 10).await;
    let expected = (1..=25)
        .rev()
        .map(|number| Record::new(number, 6, at("2026-01-01T00:00:00")).key());
    assert_eq!(read, expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn the_update_list_goes_by_the_newest_update() {
    let portal = twenty_five();
    let key = Record::new(25, 6, at("2026-03-10T00:00:00")).key();
    assert!(portal.update(&key, at("2026-03-20T08:00:00")));
    assert_eq!(read_day(&portal, "atualizacao", DAY, 6, 50).await.len(), 24);
    assert_eq!(
        read_day(&portal, "atualizacao", "2026-03-20", 6, 50).await,
        std::slice::from_ref(&key)
    );
    assert_eq!(read_day(&portal, "publicacao", DAY, 6, 50).await[0], key);
}

#[tokio::test]
async fn the_update_list_can_lose_its_order_and_keeps_its_records() {
    let portal = twenty_five();
    let ordered = read_day(&portal, "atualizacao", DAY, 6, 10).await;
    portal.set_unordered(true);
    let mut unordered = read_day(&portal, "atualizacao", DAY, 6, 10).await;
    assert_ne!(unordered, ordered);
    unordered.sort();
    let window = utc("2026-03-10T00:00:00")..utc("2026-03-11T00:00:00");
    assert_eq!(unordered, portal.keys(Endpoint::Atualizacao, 6, window));
}

#[tokio::test]
async fn ten_records_make_a_page_unless_asked_otherwise() {
    let portal = twenty_five();
    let path = page_path("publicacao", DAY, 6, 1, 50);
    let whole = get(&portal, &path).await.json();
    assert_eq!(whole["totalPaginas"], 1);
    let small = get(&portal, path.strip_suffix("&tamanhoPagina=50").unwrap())
        .await
        .json();
    assert_eq!(
        (keys_of(&small).len(), &small["totalPaginas"]),
        (10, &json!(3))
    );
}

#[tokio::test]
async fn nothing_is_said_with_204_and_no_body() {
    let portal = twenty_five();
    for path in [
        page_path("publicacao", DAY, 1, 1, 10),
        page_path("publicacao", "2026-03-12", 6, 3, 10),
    ] {
        let heard = get(&portal, &path).await;
        assert_eq!((heard.status(), heard.body.len()), (204, 0));
        assert_eq!(
            (heard.header("content-type"), heard.header("content-length")),
            (None, None)
        );
    }
}

#[tokio::test]
async fn a_window_of_several_days_is_one_list() {
    let portal = twenty_five();
    let path = "/api/consulta/v1/contratacoes/publicacao?dataInicial=20260309&dataFinal=20260311&codigoModalidadeContratacao=6&pagina=1&tamanhoPagina=50";
    assert_eq!(keys_of(&get(&portal, path).await.json()).len(), 27);
}

#[tokio::test]
async fn parameters_that_nobody_knows_filter_nothing() {
    let portal = twenty_five();
    let path = page_path("publicacao", DAY, 6, 1, 50) + "&modalidadeId=8&uf=XX";
    assert_eq!(get(&portal, &path).await.json()["totalRegistros"], 25);
}

#[tokio::test]
async fn counts_and_keys_are_cut_to_the_instant() {
    let portal = twenty_five();
    // Published at 10:34 to 10:58.
    let window = utc("2026-03-10T10:34:00")..utc("2026-03-10T10:36:00");
    assert_eq!(portal.count(Endpoint::Publicacao, 6, window.clone()), 2);
    assert_eq!(portal.keys(Endpoint::Publicacao, 6, window).len(), 2);
    let day = utc("2026-03-10T00:00:00")..utc("2026-03-11T00:00:00");
    assert_eq!(portal.count(Endpoint::Publicacao, None, day.clone()), 26);
    let late = day.start + chrono::TimeDelta::milliseconds(1)..day.end;
    portal.put(Record::new(99, 6, at("2026-03-10T00:00:00")));
    assert_eq!(portal.count(Endpoint::Publicacao, None, late), 26);
    assert_eq!(portal.count(Endpoint::Publicacao, None, day), 27);
}

#[tokio::test]
async fn ten_thousand_records_are_read_to_the_last_one() {
    let portal = Portal::start().unwrap();
    let world = World::generated(7, day("2026-03-09"), 3, &Weights::national()).take(10_000);
    portal.load(world);
    assert_eq!(portal.len(), 10_000);
    let window = utc("2026-03-09T00:00:00")..utc("2026-03-12T00:00:00");
    let mut read = 0;
    for modalidade in 1..=15 {
        for day in ["2026-03-09", "2026-03-10", "2026-03-11"] {
            read += read_day(&portal, "publicacao", day, modalidade, 50)
                .await
                .len();
        }
    }
    assert_eq!(
        (read, portal.count(Endpoint::Publicacao, None, window)),
        (10_000, 10_000)
    );
}
