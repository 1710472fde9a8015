//! Every way in which the portal does not answer, against its look-alike: each is told in its class, and none of
//! them passes for "nothing there".

use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use demo_world::Portal;
use demo_world::portal::{Fault as Weather, Match, Record, Rule};
use farol_core::sync::Endpoint;
use ingestor::infra::pncp_api::PncpApi;
use ingestor::ingest::answer::{PageAnswer, PageQuery};
use ingestor::ingest::fault::{Fault, FaultClass};
use ingestor::settings::PolicySettings;

pub(crate) const MODALIDADE: i16 = 6;

pub(crate) fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, 10).unwrap()
}

pub(crate) fn noon() -> NaiveDateTime {
    day().and_hms_opt(12, 0, 0).unwrap()
}

/// A portal with so many records on one day.
pub(crate) fn portal(records: u32) -> Portal {
    let portal = Portal::start().unwrap();
    for number in 1..=records {
        portal.put(Record::new(number, MODALIDADE, noon()));
    }
    portal
}

pub(crate) fn api(base_url: &str, timeout: Duration) -> PncpApi {
    let policy = PolicySettings {
        pncp_base_url: base_url.parse().unwrap(),
        http_timeout: timeout,
        ..PolicySettings::default()
    };
    PncpApi::new(&policy).unwrap()
}

pub(crate) fn query(page: u32, size: u32) -> PageQuery {
    PageQuery {
        endpoint: Endpoint::Publicacao,
        modalidade: MODALIDADE,
        day_from: day(),
        day_to: day(),
        page,
        size,
    }
}

pub(crate) async fn ask(portal: &Portal, page: u32) -> Result<PageAnswer, Fault> {
    let api = api(&portal.base_url(), Duration::from_secs(20));
    api.page(&query(page, 10)).await
}

/// What the first page of a portal with records becomes in this weather.
async fn in_weather(weather: Weather) -> Result<PageAnswer, Fault> {
    let portal = portal(25);
    portal.script(Rule::forever(Match::any(), weather));
    ask(&portal, 1).await
}

#[tokio::test]
async fn every_failure_has_its_class() {
    for (weather, class, status) in [
        (Weather::Status429Html, FaultClass::RateLimited, Some(429)),
        (Weather::Text500, FaultClass::ServerError, Some(500)),
        (Weather::Json500, FaultClass::ServerError, Some(500)),
        (Weather::Html502, FaultClass::Overloaded, Some(502)),
        (Weather::Html503, FaultClass::Overloaded, Some(503)),
        (Weather::Html504, FaultClass::Overloaded, Some(504)),
        (Weather::Spurious422, FaultClass::Unprocessable, Some(422)),
        (Weather::Html200, FaultClass::BadContent, Some(200)),
        (Weather::GarbageJson, FaultClass::BadContent, Some(200)),
        (Weather::WrongPageNumber, FaultClass::BadContent, Some(200)),
        (Weather::NegativeTotals, FaultClass::BadContent, Some(200)),
        (Weather::Truncated, FaultClass::Unreachable, None),
        (Weather::ResetMidBody, FaultClass::Unreachable, None),
        (Weather::Reset, FaultClass::Unreachable, None),
    ] {
        let told = format!("{weather:?}");
        let fault = in_weather(weather).await.expect_err(&told);
        assert_eq!(
            (fault.class, fault.status),
            (class, status),
            "{told}: {fault}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_a_timeout() {
    let portal = portal(25);
    portal.script(Rule::forever(Match::any(), Weather::Hang));
    let api = api(&portal.base_url(), Duration::from_millis(300));
    let fault = api.page(&query(1, 10)).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::Timeout);
}

#[tokio::test]
async fn a_portal_that_is_not_there_is_unreachable() {
    let portal = portal(0);
    let base_url = portal.base_url();
    drop(portal);
    let api = api(&base_url, Duration::from_secs(20));
    let fault = api.page(&query(1, 10)).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::Unreachable);
}

#[tokio::test]
async fn the_portals_own_words_are_told_in_short() {
    for (weather, detail) in [
        (
            Weather::Text500,
            "the portal answered 500: Erro na comunicação com o banco de dados.",
        ),
        (
            Weather::Status429Html,
            "the portal answered 429: a web page",
        ),
        (
            Weather::Spurious422,
            "the portal answered 422: Data Inicial deve ser anterior ou igual à Data Final",
        ),
    ] {
        assert_eq!(in_weather(weather).await.unwrap_err().detail, detail);
    }
    let long = in_weather(Weather::Json500).await.unwrap_err().detail;
    assert!(long.chars().count() < 220, "{long}");
}

#[tokio::test]
async fn a_page_that_lost_all_its_records_is_no_empty_page() {
    let portal = portal(25);
    portal.script(Rule::forever(
        Match::any(),
        Weather::LostRecords { count: 50 },
    ));
    let fault = ask(&portal, 2).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::BadContent, "{fault}");
}

#[tokio::test]
async fn a_question_that_the_portal_refuses_is_rejected_whichever_page_it_is_for() {
    let portal = portal(25);
    let api = api(&portal.base_url(), Duration::from_secs(20));
    for (page, size) in [(1, 51), (3, 51), (1, 9), (3, 9)] {
        let fault = api.page(&query(page, size)).await.unwrap_err();
        assert_eq!(fault.class, FaultClass::Rejected, "{page} {size}: {fault}");
    }
}
