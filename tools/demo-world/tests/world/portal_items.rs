//! The detail service: items, flat and paged.

use demo_world::Portal;
use demo_world::portal::{Endpoint, Fault, Match, Record, Rule};

use crate::portal_reader::{at, get};

fn path(record: &Record, query: &str) -> String {
    let key = record.key();
    let (cnpj, rest) = key.split_once("-1-").unwrap();
    let (number, year) = rest.split_once('/').unwrap();
    let number: u32 = number.parse().unwrap();
    format!("/api/pncp/v1/orgaos/{cnpj}/compras/{year}/{number}/itens{query}")
}

fn with_items(count: u32) -> (Portal, Record) {
    let portal = Portal::start().unwrap();
    let record = Record::new(7, 6, at("2026-03-10T10:00:00")).items(count);
    portal.put(record.clone());
    (portal, record)
}

#[tokio::test]
async fn whoever_asks_for_no_page_gets_ten_items_only() {
    let (portal, record) = with_items(25);
    let items = get(&portal, &path(&record, "")).await.json();
    assert_eq!(items.as_array().unwrap().len(), 10);
    assert_eq!(portal.items(&record.key()), Some(25));
}

#[tokio::test]
async fn pages_of_items_go_on_to_an_empty_list() {
    let (portal, record) = with_items(25);
    let mut numbers = Vec::new();
    for page in 1..=4 {
        let query = format!("?pagina={page}&tamanhoPagina=10");
        let heard = get(&portal, &path(&record, &query)).await;
        assert_eq!(heard.status(), 200);
        let items = heard.json();
        numbers.push(
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["numeroItem"].as_u64().unwrap())
                .collect::<Vec<_>>(),
        );
    }
    let expected: Vec<u64> = (1..=25).collect();
    assert_eq!(numbers.concat(), expected);
    assert_eq!(numbers[3], Vec::<u64>::new());
}

#[tokio::test]
async fn many_items_fit_on_a_large_page() {
    let (portal, record) = with_items(300);
    let items = get(&portal, &path(&record, "?pagina=1&tamanhoPagina=500"))
        .await
        .json();
    assert_eq!(items.as_array().unwrap().len(), 300);
}

#[tokio::test]
async fn a_purchase_that_is_not_registered_has_no_items_to_show() {
    let (portal, record) = with_items(1);
    let unknown = Record::new(8, 6, at("2026-03-10T10:00:00")).unknown_items();
    portal.put(unknown.clone());
    let absent = Record::new(9, 6, at("2026-03-10T10:00:00"));
    for record in [unknown, absent] {
        let heard = get(&portal, &path(&record, "")).await;
        assert_eq!(
            (heard.status(), &heard.json()["message"]),
            (404, &"Contratação não cadastrada.".into())
        );
    }
    assert_eq!(get(&portal, &path(&record, "")).await.status(), 200);
}

#[tokio::test]
async fn items_change_with_an_update_and_can_vanish() {
    let (portal, record) = with_items(2);
    let before = get(&portal, &path(&record, "")).await.json();
    portal.update(&record.key(), at("2026-03-11T10:00:00"));
    let after = get(&portal, &path(&record, "")).await.json();
    assert_ne!(before[0]["valorTotal"], after[0]["valorTotal"]);
    assert_eq!(after[0]["dataAtualizacao"], "2026-03-11T10:00:00");
    portal.put(record.clone().items(1));
    assert_eq!(
        get(&portal, &path(&record, ""))
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn organs_with_letters_in_their_number_are_asked_like_others() {
    let portal = Portal::start().unwrap();
    let record = Record::new(3, 6, at("2026-03-10T10:00:00"));
    assert!(record.key().contains("FAR"), "{}", record.key());
    portal.put(record.clone());
    assert_eq!(get(&portal, &path(&record, "")).await.status(), 200);
}

#[tokio::test]
async fn the_detail_service_fails_on_its_own() {
    let (portal, record) = with_items(1);
    let items = Match::any().endpoint(Endpoint::Itens);
    portal.script(Rule::forever(items, Fault::Status429Html));
    assert_eq!(get(&portal, &path(&record, "")).await.status(), 429);
    let list = "/api/consulta/v1/contratacoes/publicacao?dataInicial=20260310&dataFinal=20260310&codigoModalidadeContratacao=6&pagina=1";
    assert_eq!(get(&portal, list).await.status(), 200);
}
