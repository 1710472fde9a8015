//! What the portal answers when it does: pages, nothing, beyond the end; items; and how it is asked.

use std::time::Duration;

use demo_world::Portal;
use demo_world::portal::{Fault as Weather, Match, Record, Rule};
use farol_core::sync::Endpoint;
use ingestor::infra::pncp_api::PncpApi;
use ingestor::ingest::answer::{ItemsAnswer, PageAnswer, PageQuery};
use ingestor::settings::PolicySettings;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

use crate::portal_faults::{MODALIDADE, api, ask, day, noon, portal, query};

fn client(portal: &Portal) -> PncpApi {
    api(&portal.base_url(), Duration::from_secs(20))
}

#[tokio::test]
async fn a_page_has_its_records_byte_for_byte_and_the_totals() {
    let portal = portal(0);
    let odd = r#"{ "numeroControlePNCP" : "1-1-000001/2026", "valorTotalEstimado":0.10000000000000000001,"x":"\u00e7" }"#;
    portal.put(Record::new(1, MODALIDADE, noon()).verbatim(odd));
    let PageAnswer::Page {
        records,
        total,
        pages,
    } = ask(&portal, 1).await.unwrap()
    else {
        panic!("no page");
    };
    assert_eq!((records.len(), total, pages), (1, 1, 1));
    assert_eq!(records[0].get(), odd);
}

#[tokio::test]
async fn all_pages_together_have_all_records() {
    let portal = portal(25);
    let mut sizes = Vec::new();
    for page in 1..=3 {
        match ask(&portal, page).await.unwrap() {
            PageAnswer::Page { records, .. } => sizes.push(records.len()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sizes, [10, 10, 5]);
}

#[tokio::test]
async fn a_page_past_the_last_is_beyond_the_end() {
    let portal = portal(25);
    assert!(matches!(ask(&portal, 4).await, Ok(PageAnswer::BeyondEnd)));
}

#[tokio::test]
async fn every_way_to_say_nothing_is_understood() {
    for weather in [
        Weather::NoContent204,
        Weather::ZeroLength200,
        Weather::EmptyArray200,
        Weather::EmptyEnvelope,
        Weather::Nothing404,
    ] {
        let told = format!("{weather:?}");
        let portal = portal(25);
        portal.script(Rule::forever(Match::any(), weather));
        let first = ask(&portal, 1).await;
        assert!(matches!(first, Ok(PageAnswer::Empty)), "{told}: {first:?}");
        let later = ask(&portal, 2).await;
        assert!(
            matches!(later, Ok(PageAnswer::BeyondEnd)),
            "{told}: {later:?}"
        );
    }
}

#[tokio::test]
async fn the_question_names_the_list_the_days_the_modalidade_and_the_page() {
    let portal = portal(25);
    for (endpoint, list) in [
        (Endpoint::Publicacao, "publicacao"),
        (Endpoint::Atualizacao, "atualizacao"),
    ] {
        let query = PageQuery {
            endpoint,
            ..query(2, 10)
        };
        client(&portal).page(&query).await.unwrap();
        let seen = portal.requests().pop().unwrap();
        let expected = format!(
            "/api/consulta/v1/contratacoes/{list}?dataInicial=20260210&dataFinal=20260210&codigoModalidadeContratacao=6&pagina=2&tamanhoPagina=10"
        );
        assert_eq!(seen.path, expected);
        assert_eq!(seen.header("accept"), Some("application/json"));
        assert!(seen.header("user-agent").unwrap().starts_with("farol/"));
    }
}

#[tokio::test]
async fn a_probe_is_the_first_page_in_the_smallest_size() {
    let probe = query(7, 50).probe();
    assert_eq!((probe.page, probe.size), (1, 10));
    assert_eq!((probe.day_from, probe.modalidade), (day(), MODALIDADE));
}

fn purchase(portal: &Portal, items: u32) -> Record {
    let record = Record::new(7, MODALIDADE, noon())
        .cnpj("12ABC34501DE35")
        .items(items);
    portal.put(record.clone());
    record
}

/// The pages of the purchase's items until the last one.
async fn items(portal: &Portal) -> Vec<(usize, bool)> {
    let mut pages = Vec::new();
    loop {
        let page = u32::try_from(pages.len()).unwrap() + 1;
        let answer = client(portal).items("12ABC34501DE35", 2026, 7, page).await;
        let ItemsAnswer::Page { items, more } = answer.unwrap() else {
            panic!("not registered");
        };
        pages.push((items.len(), more));
        if !more {
            return pages;
        }
    }
}

#[tokio::test]
async fn items_are_read_beyond_the_ten_that_the_portal_gives_unasked() {
    let portal = portal(0);
    purchase(&portal, 23);
    assert_eq!(items(&portal).await, [(23, false)]);
}

#[tokio::test]
async fn a_full_or_round_list_of_items_may_go_on() {
    for (count, pages) in [
        (0, vec![(0, false)]),
        (20, vec![(20, true), (0, false)]),
        (500, vec![(500, true), (0, false)]),
        (507, vec![(500, true), (7, false)]),
    ] {
        let portal = portal(0);
        purchase(&portal, count);
        assert_eq!(items(&portal).await, pages, "{count}");
    }
}

#[tokio::test]
async fn a_purchase_that_the_portal_does_not_know_is_told_apart_from_a_failure() {
    let portal = portal(0);
    let unknown = client(&portal).items("12ABC34501DE35", 2026, 8, 1).await;
    assert!(
        matches!(unknown, Ok(ItemsAnswer::NotRegistered)),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_refusal_by_the_limiter_is_never_no_items() {
    let portal = portal(0);
    purchase(&portal, 3);
    for weather in [
        Weather::Status429Html,
        Weather::Html200,
        Weather::GarbageJson,
    ] {
        portal.script(Rule::times(1, Match::any(), weather));
        let answer = client(&portal).items("12ABC34501DE35", 2026, 7, 1).await;
        assert!(answer.is_err(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_cnpj_that_holds_a_path_leads_nowhere_else() {
    let portal = portal(0);
    let _ = client(&portal).items("../../consulta?x=", 2026, 7, 1).await;
    let seen = portal.requests().pop().unwrap();
    assert!(
        seen.path
            .starts_with("/api/pncp/v1/orgaos/..%2F..%2Fconsulta%3Fx=/compras/2026/7/itens?"),
        "{}",
        seen.path
    );
}

/// The path that the next request to `listener` is for. It is not answered.
async fn asked_path(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await.unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn the_address_of_items_can_be_set_and_is_else_beside_the_lists() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    for (lists, set, expected) in [
        ("/api/consulta", None, "/api/pncp/v1/orgaos/"),
        ("/api/consulta/", None, "/api/pncp/v1/orgaos/"),
        ("/mirror", None, "/mirror/pncp/v1/orgaos/"),
        ("", None, "/pncp/v1/orgaos/"),
        ("/api/consulta", Some("/detalhe/"), "/detalhe/v1/orgaos/"),
    ] {
        let policy = PolicySettings {
            pncp_base_url: format!("{origin}{lists}").parse().unwrap(),
            pncp_items_url: set.map(|path| format!("{origin}{path}").parse().unwrap()),
            ..PolicySettings::default()
        };
        let api = PncpApi::new(&policy).unwrap();
        let (_, path) = tokio::join!(api.items("1", 2026, 7, 1), asked_path(&listener));
        assert!(path.starts_with(expected), "{lists}: {path}");
    }
}
