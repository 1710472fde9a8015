//! What never comes back: credentials of client APIs, by the real binary, at its most talkative, beside a client API
//! that echoes them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use test_kit::{Database, Rabbit, ServiceProcess, http_get, http_request, rabbit_url};

use crate::connecting::sealed_with;
use crate::echo::{Echo, WAYS};
use crate::world::{AUTHORIZATION, PASSWORD, USER};

const KEY: &str = "s3cret-key-of-the-vault-5d1c";

/// A kind of credentials, what is stored first, what is tried and stored then, and every text in it that nobody may see.
struct Secretive {
    slug: &'static str,
    kind: &'static str,
    stored: Value,
    given: Value,
    secrets: Vec<String>,
}

fn secretive() -> Vec<Secretive> {
    let pair = |text: &str| {
        BASE64_STANDARD
            .encode(text)
            .trim_end_matches('=')
            .to_owned()
    };
    let texts = |all: &[&str]| all.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
    vec![
        Secretive {
            slug: "by-token",
            kind: "bearer",
            stored: json!({"token": "stored-t0ken-7a51"}),
            given: json!({"token": "given-t0ken-9e02"}),
            secrets: texts(&["stored-t0ken-7a51", "given-t0ken-9e02"]),
        },
        Secretive {
            slug: "by-key",
            kind: "api_key",
            stored: json!({"api_key": "Stored/K3y+\"b7c4\"", "api_key_header": "X-Client-Key"}),
            given: json!({"api_key": "81027394465", "api_key_header": "X-Other-Key"}),
            secrets: texts(&["Stored/K3y", "b7c4", "81027394465"]),
        },
        Secretive {
            slug: "by-password",
            kind: "basic",
            stored: json!({"username": "us3r-of-stored", "password": "stored-pass-f00d"}),
            given: json!({"username": "us3r-of-given", "password": "given-pass-beef"}),
            secrets: [
                texts(&[
                    "stored-pass-f00d",
                    "given-pass-beef",
                    "us3r-of-stored",
                    "us3r-of-given",
                ]),
                vec![
                    pair("us3r-of-stored:stored-pass-f00d"),
                    pair("us3r-of-given:given-pass-beef"),
                ],
            ]
            .concat(),
        },
        Secretive {
            slug: "by-long-token",
            kind: "bearer",
            stored: json!({"token": "l0ng".repeat(60)}),
            given: json!({"token": "l1ng".repeat(45)}),
            secrets: texts(&["l0ngl0ng", "l1ngl1ng"]),
        },
    ]
}

/// The service and all that it ever answered.
struct Told {
    service: ServiceProcess,
    base: String,
    ops: String,
    answers: Vec<String>,
}

impl Told {
    async fn ask(&mut self, method: &str, path: &str, body: &Value) -> u16 {
        let url = format!("{}{path}", self.base);
        let headers = [AUTHORIZATION, ("content-type", "application/json")];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = http_request(method, &url, &headers, body.as_bytes()).await;
        let head = format!("{:?}", answer.head);
        self.answers
            .push(format!("{method} {path} {head} {}", answer.text()));
        answer.status()
    }

    async fn look(&mut self, path: &str) {
        let answer = http_get(&format!("{}{path}", self.ops), &[]).await;
        self.answers.push(answer.text().to_owned());
    }
}

async fn start(database: &Database, queue: &str) -> Told {
    let service = ServiceProcess::spawn(
        "admin-sync-service",
        &[
            ("DATABASE_URL", &database.admin_url()),
            ("RABBITMQ_URL", &rabbit_url()),
            ("QUEUE_NAME", queue),
            ("ADMIN_USERNAME", USER),
            ("ADMIN_PASSWORD", PASSWORD),
            ("SECRET_KEY", KEY),
            ("LOG_LEVEL", "trace"),
            ("PORT", "0"),
            ("OPS_PORT", "0"),
            ("UPSTREAM_ALLOW_PRIVATE", "true"),
            ("SYNC_INTERVAL_MINUTES", "0"),
            ("DRAIN_SECONDS", "0"),
        ],
    );
    let base = format!("http://{}", service.address("public").await);
    let ops = format!("http://{}", service.address("ops").await);
    Told {
        service,
        base,
        ops,
        answers: Vec::new(),
    }
}

/// Everything that can be done with credentials, well and badly.
async fn exercise(told: &mut Told, one: &Secretive, echo: &str, ways: &[(&str, bool)]) {
    let project = format!("/api/projects/{}", one.slug);
    let integration = format!("{project}/integration");
    let test = format!("{integration}/test");
    let new = json!({"slug": one.slug, "name": one.slug});
    assert_eq!(told.ask("POST", "/api/projects", &new).await, 201);
    let whole = json!({"api_base_url": echo, "status_endpoint": "/list", "auth_type": one.kind, "timeout_seconds": 5,
                       "auth_credentials": one.stored});
    assert_eq!(told.ask("PUT", &integration, &whole).await, 200);
    for (way, is_stored) in ways {
        let mut overrides = json!({"status_endpoint": way});
        if !is_stored {
            overrides["auth_credentials"] = one.given.clone();
        }
        assert_eq!(told.ask("POST", &test, &overrides).await, 200);
    }
    let refused =
        json!({"auth_credentials": one.given, "timeout_seconds": 0, "auth_type": "nothing"});
    assert_eq!(told.ask("PUT", &integration, &refused).await, 422);
    let mut misplaced = one.given.clone();
    misplaced["more"] = one.stored.to_string().into();
    assert_eq!(
        told.ask("PUT", &integration, &json!({"auth_credentials": misplaced}))
            .await,
        422
    );
    assert_eq!(
        told.ask(
            "PUT",
            &integration,
            &json!({"auth_credentials": one.given.to_string()})
        )
        .await,
        422
    );
    let unusable = json!({"auth_credentials": {"token": format!("{}\n", one.given)}});
    assert_eq!(told.ask("PUT", &integration, &unusable).await, 422);
    assert_eq!(
        told.ask(
            "PUT",
            &integration,
            &json!({"api_base_url": "http://127.0.0.1:1"})
        )
        .await,
        422
    );
    assert_eq!(
        told.ask("PUT", &integration, &json!({"auth_credentials": one.given}))
            .await,
        200
    );
    for path in [
        project.clone(),
        integration.clone(),
        "/api/projects".to_owned(),
        "/api/audit?limit=200".to_owned(),
    ] {
        assert_eq!(told.ask("GET", &path, &Value::Null).await, 200);
    }
    let word = format!("{integration}/map-status?client_status=sold");
    assert_eq!(told.ask("POST", &word, &Value::Null).await, 200);
}

#[tokio::test]
async fn no_credential_is_ever_told_however_talkative_the_service_and_the_client_api_are() {
    let (database, rabbit, echo) = (
        Database::fresh().await,
        Rabbit::connect().await,
        Echo::start().await,
    );
    let mut told = start(&database, &rabbit.fresh_queue()).await;
    let all = secretive();
    let mut secrets = vec![KEY.to_owned()];
    for (number, one) in all.iter().enumerate() {
        // Trials are few a minute: each way with stored ones or with given ones, and with both where they are
        // hardest to find.
        let hard = matches!(one.slug, "by-password" | "by-long-token");
        let ways: Vec<(&str, bool)> = WAYS
            .iter()
            .enumerate()
            .flat_map(|(place, way)| {
                [
                    (*way, place % 2 == number % 2),
                    (*way, place % 2 != number % 2),
                ]
            })
            .enumerate()
            .filter_map(|(turn, way)| (hard || turn % 2 == 0).then_some(way))
            .collect();
        exercise(&mut told, one, &echo.base, &ways).await;
        secrets.extend(one.secrets.clone());
    }
    // Rows of other programs, in clear and under another key.
    for (slug, column) in [
        ("plain", json!({"token": "pl4in-t0ken-33"}).to_string()),
        (
            "foreign",
            sealed_with("another key", &json!({"token": "f0reign-t0ken"})),
        ),
    ] {
        let row = test_kit::ProjectRow::named(slug)
            .upstream(echo.base.clone(), "/list")
            .auth("bearer", column.clone());
        database.insert_project(row).await;
        for way in ["/list", "/refused"] {
            let path = format!("/api/projects/{slug}/integration/test");
            assert_eq!(
                told.ask("POST", &path, &json!({"status_endpoint": way}))
                    .await,
                200
            );
        }
        let path = format!("/api/projects/{slug}/integration");
        assert_eq!(told.ask("GET", &path, &Value::Null).await, 200);
        secrets.extend([
            column,
            "pl4in-t0ken-33".to_owned(),
            "f0reign-t0ken".to_owned(),
        ]);
    }
    let shown = told.answers.iter().filter(|it| it.contains("***")).count();
    assert!(shown > 20, "the echo was heard: {shown}");
    for path in ["/metrics", "/status", "/health/ready"] {
        told.look(path).await;
    }
    judge(&mut told, &database, &secrets).await;
}

async fn judge(told: &mut Told, database: &Database, secrets: &[String]) {
    let events: Vec<String> =
        sqlx_text(database, "SELECT row_to_json(e)::text FROM admin_events e").await;
    assert!(events.len() > 50, "{}", events.len());
    let sealed = sqlx_text(database, "SELECT auth_credentials FROM integration_configs").await;
    let ours: Vec<&String> = sealed.iter().filter(|it| !it.starts_with('{')).collect();
    told.service.sigterm();
    assert_eq!(
        told.service.wait_exit().await,
        Some(0),
        "{}",
        told.service.output()
    );
    let log = told.service.output();
    for level in ["\"level\":\"TRACE\"", "\"level\":\"DEBUG\""] {
        assert!(log.contains(level), "no line has {level}");
    }
    for secret in secrets.iter().chain(ours.iter().copied()) {
        let lower = secret.to_lowercase();
        for (place, text) in log
            .lines()
            .map(|it| ("the log", it))
            .chain(told.answers.iter().map(|it| ("an answer", it.as_str())))
            .chain(events.iter().map(|it| ("an event", it.as_str())))
        {
            assert!(
                !text.to_lowercase().contains(&lower),
                "{place} tells {secret}: {text}"
            );
        }
    }
}

async fn sqlx_text(database: &Database, query: &'static str) -> Vec<String> {
    let texts = sqlx::query_scalar(query)
        .fetch_all(database.owner_pool())
        .await;
    texts.unwrap()
}
