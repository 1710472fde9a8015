//! What every answer of an application has, and what actix's extractors refuse.

use actix_web::{
    App, Error, HttpResponse, HttpServer, ResponseError as _,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};
use serde::Deserialize;
use service_kit::{http::Envelope, problem, problem::Problem, random::Random, request_id};
use test_kit::{Answer, http_get, http_post, http_request};
use tokio::task::JoinSet;

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// An application with one route of each kind; it ends with the returned set.
fn start() -> (String, JoinSet<std::io::Result<()>>) {
    let envelope = Envelope::new(&Random::seeded(1));
    let server = HttpServer::new(move || {
        App::new()
            .wrap(envelope.clone())
            .configure(problem::configure)
            .service(web::resource("/id").route(web::get().to(identity)))
            .service(web::scope("/closed").wrap(from_fn(refuse)))
            .route("/broken", web::get().to(broken))
            .route(
                "/mute",
                web::get().to(async || HttpResponse::NotFound().body("mine")),
            )
            .route(
                "/name",
                web::post().to(async |named: web::Json<Named>| named.into_inner().name),
            )
            .route(
                "/query",
                web::get().to(async |named: web::Query<Named>| named.into_inner().name),
            )
            .route(
                "/number/{number}",
                web::get().to(async |_: web::Path<u32>| "number"),
            )
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let mut running = JoinSet::new();
    running.spawn(server.run());
    (url, running)
}

/// A middleware that lets nothing through.
async fn refuse(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    Err(Problem::unavailable("database_unavailable", "The database is away", 3).into())
}

async fn identity() -> String {
    request_id::current().unwrap().to_string()
}

async fn broken() -> Result<HttpResponse, Problem> {
    let cause = std::io::Error::other("hunter2");
    Err(Problem::internal(&cause))
}

fn code(answer: &Answer) -> String {
    let told = answer.json();
    assert_eq!(answer.header("content-type"), Some(problem::CONTENT_TYPE));
    assert_eq!(told["status"], answer.status());
    assert_eq!(answer.header("x-request-id"), told["request_id"].as_str());
    told["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_handler_the_answer_and_the_client_agree_on_the_identity() {
    let (url, _running) = start();
    let url = format!("{url}/id");
    let answer = http_get(&url, &[("x-request-id", "from.client-1")]).await;
    assert_eq!(answer.header("x-request-id"), Some("from.client-1"));
    assert_eq!(answer.text(), "from.client-1");

    let (one, other) = (http_get(&url, &[]).await, http_get(&url, &[]).await);
    assert_eq!(one.header("x-request-id"), Some(one.text()));
    assert_ne!(one.text(), other.text());

    let answer = http_get(&url, &[("x-request-id", "not sane")]).await;
    assert!(answer.text().parse::<u64>().is_ok(), "a fresh one");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn an_unexpected_failure_is_500_with_an_identity_and_no_cause() {
    let (url, _running) = start();
    let answer = http_get(&format!("{url}/broken"), &[]).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(code(&answer), "internal_error");
    assert!(!answer.text().contains("hunter2"));
}

#[tokio::test]
async fn what_a_middleware_refuses_has_the_same_headers() {
    let (url, _running) = start();
    let answer = http_get(&format!("{url}/closed/x"), &[]).await;
    assert_eq!(
        (answer.status(), answer.header("retry-after")),
        (503, Some("3"))
    );
    assert_eq!(code(&answer), "database_unavailable");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn a_404_that_a_handler_wrote_is_left_alone() {
    let (url, _running) = start();
    let answer = http_get(&format!("{url}/mute"), &[]).await;
    assert_eq!((answer.status(), answer.text()), (404, "mine"));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let (url, _running) = start();
    let answer = http_get(&format!("{url}/nothing"), &[]).await;
    assert_eq!(code(&answer), "not_found");
    let answer = http_request("PUT", &format!("{url}/id"), &[], b"").await;
    assert_eq!(code(&answer), "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("GET"));
}

#[tokio::test]
async fn bodies_that_cannot_be_taken_are_problems() {
    let (url, _running) = start();
    let url = format!("{url}/name");
    let json = [("content-type", "application/json")];
    let answer = http_post(&url, &json, br#"{"name": "x"}"#).await;
    assert_eq!((answer.status(), answer.text()), (200, "x"));
    let huge = vec![b' '; problem::BODY_LIMIT + 1];
    for (headers, body, expected) in [
        (&json[..], &b"{"[..], "invalid_json"),
        (&json[..], &br#"{"name": 3}"#[..], "invalid_fields"),
        (
            &[("content-type", "text/plain")][..],
            &b"x"[..],
            "unsupported_media_type",
        ),
        (&json[..], &huge[..], "payload_too_large"),
    ] {
        assert_eq!(code(&http_post(&url, headers, body).await), expected);
    }
}

#[tokio::test]
async fn paths_and_queries_that_do_not_parse_are_problems() {
    let (url, _running) = start();
    let answer = http_get(&format!("{url}/number/seven"), &[]).await;
    assert_eq!(code(&answer), "not_found");
    let answer = http_get(&format!("{url}/query?nome=x"), &[]).await;
    assert_eq!(code(&answer), "invalid_fields");
}

#[test]
fn a_problem_outside_of_a_request_has_no_identity() {
    assert!(request_id::current().is_none());
    assert_eq!(Problem::not_found("x").status_code(), 404);
}
