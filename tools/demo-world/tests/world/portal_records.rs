//! Records as the portal writes them: every shape that was seen there, and those that a test makes.

use demo_world::Portal;
use demo_world::portal::{Record, Weights, World};
use serde_json::{Value, json};

use crate::portal_reader::{at, day, get, page_path};

const DAY: &str = "2026-03-10";

/// The one record of the day.
async fn shown(record: Record) -> Value {
    let portal = Portal::start().unwrap();
    portal.put(record);
    let mut page = get(&portal, &page_path("publicacao", DAY, 6, 1, 10))
        .await
        .json();
    page["data"][0].take()
}

fn plain() -> Record {
    Record::new(1, 6, at("2026-03-10T10:00:00"))
}

/// Some hundred records as the generator makes them.
async fn many() -> Vec<Value> {
    let portal = Portal::start().unwrap();
    portal.load(World::generated(
        3,
        day(DAY),
        1,
        &Weights::of([(6, 1_000.0)]),
    ));
    let mut records = Vec::new();
    for page in 1..=15 {
        let page = get(&portal, &page_path("publicacao", DAY, 6, page, 50))
            .await
            .json();
        records.extend(page["data"].as_array().unwrap().iter().cloned());
    }
    records
}

#[tokio::test]
async fn a_record_says_the_same_each_time() {
    assert_eq!(shown(plain()).await, shown(plain()).await);
}

#[tokio::test]
async fn fields_are_changed_left_out_and_added_by_tests() {
    let record = plain()
        .field("situacaoCompraId", "1")
        .field("objetoCompra", Value::Null)
        .field("campoNovo", json!({"qualquer": [1]}))
        .without("srp");
    let record = shown(record).await;
    assert_eq!(
        (&record["situacaoCompraId"], &record["objetoCompra"]),
        (&json!("1"), &Value::Null)
    );
    assert_eq!(
        (&record["campoNovo"], record.get("srp")),
        (&json!({"qualquer": [1]}), None)
    );
    assert_eq!(record["modalidadeId"], 6);
}

#[tokio::test]
async fn the_shape_of_2023_has_no_global_update() {
    let record = shown(plain().old_shape()).await;
    assert_eq!(record.get("dataAtualizacaoGlobal"), None);
    assert_eq!(record["dataAtualizacao"], "2026-03-10T10:00:00");
}

#[tokio::test]
async fn what_cannot_be_read_stands_among_the_rest() {
    assert_eq!(shown(plain().verbatim("7")).await, json!(7));
    assert_eq!(
        shown(plain().field("dataPublicacaoPncp", "ontem")).await["dataPublicacaoPncp"],
        "ontem"
    );
}

#[tokio::test]
async fn a_record_can_be_any_organs() {
    let record = shown(plain().cnpj("12ABC34501DE99")).await;
    assert_eq!(record["orgaoEntidade"]["cnpj"], "12ABC34501DE99");
    assert_eq!(record["numeroControlePNCP"], "12ABC34501DE99-1-000001/2026");
}

#[tokio::test]
async fn times_have_no_offset() {
    for record in many().await {
        for name in [
            "dataInclusao",
            "dataPublicacaoPncp",
            "dataAtualizacao",
            "dataAtualizacaoGlobal",
        ] {
            assert_eq!(record[name].as_str().unwrap().len(), 19, "{record}");
        }
    }
}

#[tokio::test]
async fn nothing_is_said_in_two_ways_and_numbers_come_as_text_too() {
    let records = many().await;
    let has =
        |name: &str, wanted: fn(&Value) -> bool| records.iter().any(|record| wanted(&record[name]));
    for name in [
        "informacaoComplementar",
        "linkSistemaOrigem",
        "justificativaPresencial",
    ] {
        assert!(has(name, |value| value == ""), "{name}");
        assert!(has(name, Value::is_null), "{name}");
    }
    assert!(has("situacaoCompraId", Value::is_string) && has("situacaoCompraId", Value::is_number));
    assert!(
        has("valorTotalHomologado", Value::is_null)
            && has("valorTotalHomologado", Value::is_number)
    );
    assert!(
        has("emendaParlamentar", Value::is_object) && has("emendaParlamentar", Value::is_boolean)
    );
    assert!(
        records
            .iter()
            .any(|record| record.get("emendaParlamentar").is_none())
    );
}

#[tokio::test]
async fn amounts_have_four_decimals() {
    let portal = Portal::start().unwrap();
    portal.put(plain());
    let heard = get(&portal, &page_path("publicacao", DAY, 6, 1, 10)).await;
    let (_, rest) = heard.text().split_once("\"valorTotalEstimado\":").unwrap();
    let (amount, _) = rest.split_once(',').unwrap();
    assert_eq!(amount.split_once('.').unwrap().1.len(), 4, "{amount}");
}

#[tokio::test]
async fn a_record_is_about_as_long_as_a_real_one() {
    let records = many().await;
    let bytes: usize = records.iter().map(|record| record.to_string().len()).sum();
    let mean = bytes / records.len();
    assert!(
        (1_500..2_300).contains(&mean),
        "{mean} bytes; 1,850 was measured"
    );
}
