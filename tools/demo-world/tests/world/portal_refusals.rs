//! What the portal refuses, and in which words.

use demo_world::Portal;
use demo_world::portal::Record;
use serde_json::Value;

use crate::portal_reader::{at, get, page_path};

async fn refused(query: &str) -> (u16, Value) {
    let portal = Portal::start().unwrap();
    portal.put(Record::new(1, 6, at("2026-03-10T10:00:00")));
    let heard = get(
        &portal,
        &format!("/api/consulta/v1/contratacoes/publicacao?{query}"),
    )
    .await;
    assert_eq!(portal.requests()[0].status, Some(heard.status()));
    (heard.status(), heard.json())
}

#[tokio::test]
async fn a_missing_parameter_is_named() {
    let all = [
        ("dataInicial", "20260310"),
        ("dataFinal", "20260310"),
        ("codigoModalidadeContratacao", "6"),
        ("pagina", "1"),
    ];
    for (left_out, _) in all {
        let others = all.iter().filter(|(name, _)| *name != left_out);
        let query: Vec<_> = others
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let (status, body) = refused(&query.join("&")).await;
        assert_eq!(status, 400);
        assert_eq!(
            body["message"],
            format!("Required parameter '{left_out}' is not present.")
        );
    }
}

#[tokio::test]
async fn page_sizes_have_a_floor_and_a_ceiling_and_no_clamping() {
    let base = "dataInicial=20260310&dataFinal=20260310&codigoModalidadeContratacao=6&pagina=1&tamanhoPagina=";
    let (status, body) = refused(&format!("{base}9")).await;
    assert_eq!(status, 400);
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .ends_with("must be greater than or equal to 10")
    );
    let (status, body) = refused(&format!("{base}51")).await;
    assert_eq!(
        (status, &body["message"]),
        (400, &"Tamanho de página inválido".into())
    );
    for size in [10, 50] {
        assert_eq!(refused(&format!("{base}{size}")).await.0, 200);
    }
}

#[tokio::test]
async fn a_page_beyond_the_end_is_refused() {
    let portal = Portal::start().unwrap();
    portal.put(Record::new(1, 6, at("2026-03-10T10:00:00")));
    let heard = get(&portal, &page_path("publicacao", "2026-03-10", 6, 2, 10)).await;
    assert_eq!(heard.status(), 400);
    let heard = get(&portal, &page_path("publicacao", "2026-03-10", 6, 0, 10)).await;
    assert_eq!(heard.status(), 400);
}

#[tokio::test]
async fn windows_that_end_early_or_last_too_long_are_unprocessable() {
    let window = |from, to| {
        format!("dataInicial={from}&dataFinal={to}&codigoModalidadeContratacao=6&pagina=1")
    };
    let (status, body) = refused(&window(20_260_311, 20_260_310)).await;
    assert_eq!(
        (status, &body["error"]),
        (422, &"422 UNPROCESSABLE_ENTITY".into())
    );
    assert_eq!(
        body["message"],
        "Data Inicial deve ser anterior ou igual à Data Final"
    );
    let (status, body) = refused(&window(20_250_310, 20_260_311)).await;
    assert_eq!(
        (status, &body["message"]),
        (422, &"Período inicial e final maior que 365 dias.".into())
    );
    assert_eq!(refused(&window(20_250_310, 20_260_310)).await.0, 200);
}

#[tokio::test]
async fn dates_are_eight_digits_and_numbers_are_numbers() {
    for query in [
        "dataInicial=2026-03-10&dataFinal=20260310&codigoModalidadeContratacao=6&pagina=1",
        "dataInicial=20260310&dataFinal=20260231&codigoModalidadeContratacao=6&pagina=1",
        "dataInicial=20260310&dataFinal=20260310&codigoModalidadeContratacao=6,8&pagina=1",
        "dataInicial=20260310&dataFinal=20260310&codigoModalidadeContratacao=6&pagina=-1",
    ] {
        assert_eq!(refused(query).await.0, 400, "{query}");
    }
}
