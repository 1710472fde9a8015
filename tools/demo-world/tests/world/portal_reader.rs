//! Asks the portal as a reader does: a page of a list, all pages of a day, the items of a purchase.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use demo_world::Portal;
use demo_world::portal::instant;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::client::{Heard, hear, send_to};

/// A Brasília time.
pub(crate) fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

/// The instant of a Brasília time.
pub(crate) fn utc(text: &str) -> DateTime<Utc> {
    instant(at(text))
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The path of one page of a list, for one day.
pub(crate) fn page_path(list: &str, day: &str, modalidade: i16, page: u32, size: u32) -> String {
    let day = day.replace('-', "");
    format!(
        "/api/consulta/v1/contratacoes/{list}?dataInicial={day}&dataFinal={day}&codigoModalidadeContratacao={modalidade}&pagina={page}&tamanhoPagina={size}"
    )
}

/// Only asks.
pub(crate) async fn send(portal: &Portal, path: &str) -> TcpStream {
    send_to(&portal.address().to_string(), path, &[]).await
}

/// Asks and reads until the end.
pub(crate) async fn get(portal: &Portal, path: &str) -> Heard {
    let stream = send(portal, path).await;
    tokio::time::timeout(Duration::from_secs(20), hear(stream))
        .await
        .expect("an answer that ends")
}

/// The control numbers of a page.
pub(crate) fn keys_of(page: &Value) -> Vec<String> {
    let records = page["data"].as_array().unwrap();
    let key = |record: &Value| record["numeroControlePNCP"].as_str().unwrap().to_owned();
    records.iter().map(key).collect()
}

/// The control numbers of all pages of a day, in the order read, asked `size` at a time.
pub(crate) async fn read_day(
    portal: &Portal,
    list: &str,
    day: &str,
    modalidade: i16,
    size: u32,
) -> Vec<String> {
    let mut keys = Vec::new();
    let mut page = 1;
    loop {
        let heard = get(portal, &page_path(list, day, modalidade, page, size)).await;
        if heard.status() == 204 {
            return keys;
        }
        assert_eq!(heard.status(), 200, "{}", heard.text());
        let answer = heard.json();
        keys.extend(keys_of(&answer));
        if answer["paginasRestantes"] == 0 {
            return keys;
        }
        page += 1;
    }
}
