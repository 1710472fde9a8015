//! Envelopes that the look-alike does not write: the portal is not trusted to be right about itself.

use chrono::NaiveDate;
use farol_core::sync::Endpoint;
use service_kit::http_client::{HeaderMap, HeaderValue};

use super::*;
use crate::ingest::fault::FaultClass;

fn asked(page: u32) -> PageQuery {
    PageQuery {
        endpoint: Endpoint::Publicacao,
        modalidade: 6,
        day_from: NaiveDate::MIN,
        day_to: NaiveDate::MIN,
        page,
        size: 10,
    }
}

fn response(status: u16, label: &'static str, body: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(label));
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: body.to_owned().into(),
    }
}

fn answered(page_number: u32, body: &str) -> Result<PageAnswer, Fault> {
    page(
        &asked(page_number),
        &response(200, "application/json", body),
    )
}

#[test]
fn an_envelope_that_contradicts_itself_is_no_answer() {
    for (body, why) in [
        (
            r#"{"data":[],"totalRegistros":9,"totalPaginas":1,"numeroPagina":1}"#,
            "no record on page 1 of 1",
        ),
        (
            r#"{"data":[{}],"totalRegistros":0,"totalPaginas":0,"numeroPagina":1}"#,
            "1 records of a total of 0",
        ),
        (
            r#"{"data":[{}],"totalRegistros":9,"totalPaginas":4000000,"numeroPagina":1}"#,
            "4000000 pages for 9 records",
        ),
        (
            r#"{"data":[{}],"totalRegistros":9999999999,"totalPaginas":1,"numeroPagina":1}"#,
            "totalRegistros is 9999999999",
        ),
        (
            r#"{"data":[{}],"totalRegistros":9,"totalPaginas":-1,"numeroPagina":1}"#,
            "totalPaginas is -1",
        ),
        (
            r#"{"data":[{}],"totalRegistros":9,"totalPaginas":1,"numeroPagina":2}"#,
            "page 1 was asked for, page 2 came",
        ),
        (
            r#"{"data":[1,2,3,4,5,6,7,8,9,10,11],"totalRegistros":11,"totalPaginas":2,"numeroPagina":1}"#,
            "11 records on a page of 10",
        ),
        (
            r#"{"totalRegistros":9,"totalPaginas":1,"numeroPagina":1}"#,
            "no record on page 1 of 1",
        ),
        (r#"{"data":[{}]}"#, "missing field"),
        (r#"{"status":"maintenance"}"#, "missing field"),
        ("null", "invalid type"),
        ("[{}]", "invalid type"),
    ] {
        let fault = answered(1, body).expect_err(body);
        assert_eq!(fault.class, FaultClass::BadContent, "{body}");
        assert!(fault.detail.contains(why), "{body}: {fault}");
    }
}

#[test]
fn an_envelope_without_records_past_its_own_end_is_the_end() {
    let body = r#"{"data":[],"totalRegistros":9,"totalPaginas":1,"numeroPagina":2,"empty":true}"#;
    assert!(matches!(answered(2, body), Ok(PageAnswer::BeyondEnd)));
}

#[test]
fn fields_of_the_envelope_that_nobody_knows_do_no_harm() {
    let body = r#" {"novo":{},"data":[{}],"totalRegistros":1,"totalPaginas":1,"numeroPagina":1} "#;
    assert!(matches!(answered(1, body), Ok(PageAnswer::Page { .. })));
}

#[test]
fn a_web_page_is_told_by_its_label_and_by_its_look() {
    for (label, body) in [
        ("TEXT/HTML; charset=utf-8", "oops"),
        ("application/json", " \n<html>"),
    ] {
        let fault = page(&asked(1), &response(200, label, body)).unwrap_err();
        assert_eq!(fault.class, FaultClass::BadContent, "{label} {body}");
    }
}

#[test]
fn a_web_page_with_404_does_not_say_that_nothing_is_there() {
    let answer = response(404, "text/html", "<p>Nenhum servidor, nada cadastrada</p>");
    assert_eq!(
        page(&asked(1), &answer).unwrap_err().class,
        FaultClass::BadContent
    );
    assert_eq!(items(&answer).unwrap_err().class, FaultClass::BadContent);
}

#[test]
fn other_statuses_have_their_class_too() {
    for (status, class) in [
        (301, FaultClass::BadContent),
        (401, FaultClass::BadContent),
        (403, FaultClass::BadContent),
        (408, FaultClass::Timeout),
        (418, FaultClass::Rejected),
        (501, FaultClass::ServerError),
        (599, FaultClass::ServerError),
    ] {
        let fault = page(&asked(1), &response(status, "text/plain", "")).unwrap_err();
        assert_eq!((fault.class, fault.status), (class, Some(status)));
    }
}
