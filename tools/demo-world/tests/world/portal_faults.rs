//! Every fault of the portal is what it says, and hits whom it is meant for.

use std::time::Duration;

use demo_world::Portal;
use demo_world::portal::{Endpoint, Fault, Match, Record, Rule};
use serde_json::json;

use crate::client::Heard;
use crate::portal_reader::{at, day, get, keys_of, page_path, send};

/// 20 procurements of modalidade 6 and one of modalidade 8 on 2026-03-10.
fn portal() -> Portal {
    let portal = Portal::start().unwrap();
    for number in 1..=20 {
        portal.put(Record::new(
            number,
            6,
            at(&format!("2026-03-10T10:{number}:00")),
        ));
    }
    portal.put(Record::new(30, 8, at("2026-03-10T10:00:00")));
    portal
}

async fn page(portal: &Portal, number: u32) -> Heard {
    get(
        portal,
        &page_path("publicacao", "2026-03-10", 6, number, 10),
    )
    .await
}

/// The first page, met by this fault.
async fn met(fault: Fault) -> Heard {
    let portal = portal();
    portal.script(Rule::times(1, Match::any(), fault));
    let heard = page(&portal, 1).await;
    assert!(portal.rules().is_empty());
    assert_eq!(page(&portal, 1).await.status(), 200);
    heard
}

#[tokio::test]
async fn failures_of_the_limiter_and_the_balancer_are_pages_for_people() {
    for (fault, status, words) in [
        (Fault::Status429Html, 429, "Limite de Requisições Excedido"),
        (Fault::Html502, 502, "Bad Gateway"),
        (Fault::Html503, 503, "No server is available"),
        (Fault::Html504, 504, "Gateway Time-out"),
        (Fault::Html200, 200, "manutenção"),
    ] {
        let heard = met(fault).await;
        assert_eq!(
            (heard.status(), heard.header("content-type")),
            (status, Some("text/html"))
        );
        assert_eq!(heard.header("retry-after"), None);
        assert!(heard.text().contains(words));
    }
}

#[tokio::test]
async fn failures_of_the_database_say_json_and_are_not_always() {
    let heard = met(Fault::Text500).await;
    assert_eq!(
        (heard.status(), heard.header("content-type")),
        (500, Some("application/json"))
    );
    assert!(serde_json::from_str::<serde_json::Value>(heard.text()).is_err());
    let heard = met(Fault::Json500).await;
    assert_eq!(
        (heard.status(), &heard.json()["status"]),
        (500, &json!(500))
    );
    let heard = met(Fault::Spurious422).await;
    assert_eq!(
        (heard.status(), &heard.json()["error"]),
        (422, &json!("422 UNPROCESSABLE_ENTITY"))
    );
}

#[tokio::test]
async fn there_are_five_ways_to_say_that_there_is_nothing() {
    assert_eq!(met(Fault::NoContent204).await.status(), 204);
    let heard = met(Fault::ZeroLength200).await;
    assert_eq!(
        (
            heard.status(),
            heard.body.len(),
            heard.header("content-type")
        ),
        (200, 0, None)
    );
    assert_eq!(met(Fault::EmptyArray200).await.json(), json!([]));
    let heard = met(Fault::EmptyEnvelope).await.json();
    assert_eq!(
        (&heard["data"], &heard["totalRegistros"], &heard["empty"]),
        (&json!([]), &json!(0), &json!(true))
    );
    let heard = met(Fault::Nothing404).await;
    assert_eq!(heard.status(), 404);
    assert!(
        heard.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("Nenhum")
    );
}

#[tokio::test]
async fn envelopes_can_lie() {
    let lost = met(Fault::LostRecords { count: 3 }).await.json();
    assert_eq!(
        (keys_of(&lost).len(), &lost["totalRegistros"]),
        (7, &json!(20))
    );
    let other = met(Fault::OtherModalidade).await.json();
    assert_eq!(other["data"][0]["modalidadeId"], 8);
    assert_eq!(met(Fault::WrongPageNumber).await.json()["numeroPagina"], 2);
    let negative = met(Fault::NegativeTotals).await.json();
    assert_eq!(
        (&negative["totalRegistros"], &negative["totalPaginas"]),
        (&json!(-1), &json!(-1))
    );
}

#[tokio::test]
async fn answers_break_off_in_every_way() {
    let whole = page(&portal(), 1).await.body;
    let heard = met(Fault::Truncated).await;
    assert_eq!(
        heard.header("content-length"),
        Some(whole.len().to_string().as_str())
    );
    assert_eq!((heard.body.len(), heard.reset), (whole.len() / 2, false));
    assert!(met(Fault::ResetMidBody).await.reset);
    let heard = met(Fault::GarbageJson).await;
    assert!(serde_json::from_str::<serde_json::Value>(heard.text()).is_err());
    let portal = portal();
    portal.script(Rule::times(1, Match::any(), Fault::Reset));
    let heard = page(&portal, 1).await;
    assert!(heard.reset && heard.head.is_empty());
    assert_eq!(portal.requests()[0].status, None);
}

#[tokio::test]
async fn late_answers_are_right_and_silence_lasts_until_the_reader_goes() {
    assert_eq!(
        met(Fault::slow(Duration::from_millis(20))).await.status(),
        200
    );
    let portal = portal();
    portal.script(Rule::forever(Match::any(), Fault::Hang));
    let stream = send(&portal, &page_path("publicacao", "2026-03-10", 6, 1, 10)).await;
    portal.wait_for_requests(1).await.unwrap();
    assert!(stream.try_read(&mut [0; 1]).is_err());
    assert_eq!(portal.in_flight(), 1);
    drop(stream);
    let gone = async || portal.in_flight() == 0;
    test_kit::wait_until("the reader's leaving is noticed", test_kit::PATIENCE, gone).await;
}

#[tokio::test]
async fn answers_test_the_readers_own_guards() {
    let heard = met(Fault::Redirect {
        location: "http://other.example/".to_owned(),
    })
    .await;
    assert_eq!(
        (heard.status(), heard.header("location")),
        (302, Some("http://other.example/"))
    );
    assert_eq!(met(Fault::Status { code: 403 }).await.status(), 403);
    let heard = met(Fault::Huge { bytes: 1_000_000 }).await;
    assert_eq!(heard.header("transfer-encoding"), Some("chunked"));
    assert!(heard.body.len() > 1_000_000);
}

#[tokio::test]
async fn a_rule_hits_whom_it_is_meant_for() {
    let portal = portal();
    let second = Match::any()
        .endpoint(Endpoint::Publicacao)
        .modalidade(6)
        .day(day("2026-03-10"))
        .page(2);
    portal.script(Rule::forever(second, Fault::Text500));
    assert_eq!(page(&portal, 1).await.status(), 200);
    assert_eq!(page(&portal, 2).await.status(), 500);
    let others = [
        page_path("atualizacao", "2026-03-10", 6, 2, 10),
        page_path("publicacao", "2026-03-11", 6, 2, 10),
        page_path("publicacao", "2026-03-10", 8, 2, 10),
    ];
    for other in others {
        assert_ne!(get(&portal, &other).await.status(), 500, "{other}");
    }
    portal.clear_faults();
    assert_eq!(page(&portal, 2).await.status(), 200);
}

#[tokio::test]
async fn rules_are_spent_one_after_the_other() {
    let portal = portal();
    portal.script(Rule::times(2, Match::any(), Fault::Status429Html));
    portal.script(Rule::times(1, Match::any(), Fault::Text500));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(page(&portal, 1).await.status());
    }
    assert_eq!(statuses, [429, 429, 500, 200]);
    let seen = portal.requests();
    assert_eq!(
        seen.iter().map(|seen| seen.status).collect::<Vec<_>>(),
        statuses.into_iter().map(Some).collect::<Vec<_>>()
    );
    assert_eq!(seen[0].query("pagina").as_deref(), Some("1"));
}

#[tokio::test]
async fn every_rule_survives_json() {
    for rule in [
        json!({"fault": {"kind": "status_429_html"}, "times": 2}),
        json!({"fault": {"kind": "slow", "ms": 5}, "endpoint": "atualizacao", "modalidade": 6, "day": "2026-03-10", "page": 1}),
        json!({"fault": {"kind": "lost_records", "count": 3}}),
    ] {
        let parsed: Rule = serde_json::from_value(rule.clone()).unwrap();
        assert_eq!(serde_json::to_value(parsed).unwrap(), rule);
    }
}
