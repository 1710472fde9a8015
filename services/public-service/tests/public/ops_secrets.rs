//! What never leaves: credentials, keys and passwords; and what the service can
//! never do: write. By the real binary, at its most talkative.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use demo_world::{Auth, ClientApi, Fault, ProjectHandle};
use public_service::settings::Settings;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use test_kit::{
    Database, PATIENCE, ProjectRow, ServiceProcess, SseClient, http_get, http_post, wait_until,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::source_auth::sealed;
use crate::world::World;

const BINARY: &str = "public-service";
const KEY: &str = "s3cret-key-of-the-vault-71c0";
/// What a viewer sends is nobody's business either.
const OF_A_VIEWER: &str = "s3cret-of-a-viewer-d3a1";

/// What the demo world wants, and the row that has it.
struct Secretive {
    slug: &'static str,
    kind: &'static str,
    wanted: Auth,
    stored: String,
    secrets: Vec<String>,
}

fn secretive() -> Vec<Secretive> {
    let token = "s3cret-bearer-token-5e2a";
    let key = "s3cret-api-key-93bd";
    let password = "s3cret-password-c4f7";
    let plain = "s3cret-plain-token-08aa";
    let project = |slug, kind, wanted, stored: String, secrets: &[&str]| {
        let mut secrets: Vec<String> = secrets.iter().map(|&secret| secret.to_owned()).collect();
        secrets.push(stored.clone());
        Secretive {
            slug,
            kind,
            wanted,
            stored,
            secrets,
        }
    };
    let sealed = |credentials: Value| sealed(KEY, &credentials);
    let pair = BASE64_STANDARD.encode(format!("ana:{password}"));
    vec![
        project(
            "by-token",
            "bearer",
            Auth::bearer(token),
            sealed(json!({"token": token})),
            &[token],
        ),
        project(
            "by-key",
            "api_key",
            Auth::api_key("X-Client-Key", key),
            sealed(json!({"api_key": key, "api_key_header": "X-Client-Key"})),
            &[key],
        ),
        project(
            "by-password",
            "basic",
            Auth::basic("ana", password),
            sealed(json!({"username": "ana", "password": password})),
            &[password, &pair],
        ),
        project(
            "by-plain-token",
            "bearer",
            Auth::bearer(plain),
            json!({"token": plain}).to_string(),
            &[plain],
        ),
        project(
            "by-another-key",
            "bearer",
            Auth::bearer(token),
            crate::source_auth::sealed("another key", &json!({"token": token})),
            &[],
        ),
        project(
            "by-what-no-header-carries",
            "bearer",
            Auth::bearer(token),
            sealed(json!({"token": "s3cret-broken-61d9\n"})),
            &["s3cret-broken-61d9"],
        ),
    ]
}

#[tokio::test]
async fn no_secret_is_ever_told_however_talkative_the_service_is() {
    let database = Database::fresh().await;
    let client_api = ClientApi::start().unwrap();
    // Also where it does not belong: in an address.
    let in_address = "s3cret-of-the-address-2f6b";
    let mut secrets = vec![
        KEY.to_owned(),
        in_address.to_owned(),
        OF_A_VIEWER.to_owned(),
        password_of(&database.public_url()),
    ];
    let mut projects = Vec::new();
    for Secretive {
        slug,
        kind,
        wanted,
        stored,
        secrets: own,
    } in secretive()
    {
        let project = client_api.project(slug);
        project.set_units([("A101", "sold"), ("A102", "no such word")]);
        project.require_auth(wanted);
        let endpoint = format!("{}?token={in_address}", project.endpoint());
        let row = ProjectRow::named(slug).timeout(1).retries(1);
        let row = row
            .upstream(client_api.base_url(), endpoint)
            .auth(kind, stored);
        database.insert_project(row).await;
        projects.push(project);
        secrets.extend(own);
    }
    let mut service = ServiceProcess::spawn(
        BINARY,
        &[
            ("DATABASE_URL", &database.public_url()),
            ("SECRET_KEY", KEY),
            ("LOG_LEVEL", "trace"),
            ("PORT", "0"),
            ("OPS_PORT", "0"),
            ("UPSTREAM_ALLOW_PRIVATE", "true"),
            ("SETTINGS_RELOAD_SECONDS", "1"),
            ("REFRESH_PER_MINUTE", "10000"),
            ("DRAIN_SECONDS", "0"),
        ],
    );

    let told = exercise(&service, &projects).await;
    service.sigterm();
    assert_eq!(service.wait_exit().await, Some(0), "{}", service.output());

    let log = service.output();
    let levels = [
        "\"level\":\"TRACE\"",
        "\"level\":\"DEBUG\"",
        "\"level\":\"WARN\"",
    ];
    for level in levels {
        assert!(log.contains(level), "no line has {level}");
    }
    for secret in secrets {
        for line in log.lines() {
            assert!(!line.contains(&secret), "the log tells {secret}: {line}");
        }
        for answer in &told {
            assert!(!answer.contains(&secret), "{secret} is answered: {answer}");
        }
    }
    for project in ["by-token", "by-key", "by-password", "by-plain-token"] {
        let shown = told
            .iter()
            .any(|told| told.contains(project) && told.contains("\"live\""));
        assert!(shown, "{project} was never let in");
    }
}

/// Good days and bad days of every project; all that was answered meanwhile.
async fn exercise(service: &ServiceProcess, projects: &[ProjectHandle]) -> Vec<String> {
    let public = format!("http://{}", service.address("public").await);
    let ops = format!("http://{}", service.address("ops").await);
    let mut told = Vec::new();
    for project in projects {
        let url = format!("{public}/api/public/{}/status", project.name());
        let bearer = format!("Bearer {OF_A_VIEWER}");
        let headers = [("authorization", &*bearer), ("cookie", &*bearer)];
        let with_query = format!("{url}?token={OF_A_VIEWER}");
        told.push(http_get(&with_query, &headers).await.text().to_owned());
        let mut stream = SseClient::connect(&format!("{url}/stream"), &headers).await;
        stream.expect("connected").await;
        for fault in [
            Fault::status(500),
            Fault::Reset,
            Fault::Redirect {
                location: "http://192.0.2.1/else".into(),
            },
        ] {
            project.set_fault_for(1, fault);
            let refreshed = http_post(&format!("{url}/refresh"), &headers, b"").await;
            told.push(refreshed.text().to_owned());
        }
        told.push(String::from_utf8_lossy(stream.raw_bytes()).into_owned());
    }
    // Credentials that are refused.
    for project in projects {
        project.clear_fault();
        project.require_auth(Auth::bearer("another one"));
    }
    for path in [
        "/api/status/nobody",
        "/api/status/by-token?token=1",
        "/nothing",
    ] {
        told.push(
            http_get(&format!("{public}{path}"), &[])
                .await
                .text()
                .to_owned(),
        );
    }
    wait_until("a refusal is seen", PATIENCE, async || {
        let status = http_get(&format!("{ops}/status"), &[])
            .await
            .text()
            .to_owned();
        let seen = status.contains("refused with 403");
        told.push(status);
        seen
    })
    .await;
    for path in ["/metrics", "/health/ready", "/health/live"] {
        told.push(
            http_get(&format!("{ops}{path}"), &[])
                .await
                .text()
                .to_owned(),
        );
    }
    told
}

fn password_of(url: &str) -> String {
    let password = url
        .split('@')
        .next()
        .and_then(|start| start.rsplit(':').next());
    password.expect("a URL with a password").to_owned()
}

#[tokio::test]
async fn the_role_of_the_service_cannot_write_and_reads_only_what_it_needs() {
    let database = Database::fresh().await;
    database.insert_project(ProjectRow::named("tower")).await;
    let mut connection = PgConnection::connect(&database.public_url()).await.unwrap();
    for allowed in [
        "SELECT slug, name, is_active FROM projects",
        "SELECT auth_credentials FROM integration_configs",
        "SELECT version, checksum, success FROM _sqlx_migrations",
    ] {
        connection.execute(allowed).await.unwrap();
    }
    for refused in [
        "INSERT INTO projects (slug, name) VALUES ('other', 'other')",
        "UPDATE projects SET name = 'other'",
        "DELETE FROM projects",
        "TRUNCATE projects CASCADE",
        "INSERT INTO integration_configs (project_id) SELECT id FROM projects",
        "UPDATE integration_configs SET auth_credentials = NULL",
        "DELETE FROM integration_configs",
        "DELETE FROM _sqlx_migrations",
        "CREATE TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE projects ADD COLUMN mine int",
        "DROP TABLE integration_configs",
        "SELECT * FROM projects FOR UPDATE",
        "SELECT description FROM projects",
        "SELECT sync_error FROM integration_configs",
        "CREATE ROLE mine",
    ] {
        let error = connection
            .execute(AssertSqlSafe(refused))
            .await
            .unwrap_err();
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{refused}: {error}");
    }
    connection.close().await.unwrap();
}

/// Postgres itself cannot be asked about another session's settings, so somebody
/// else answers the service's call and reads how it introduces itself.
#[tokio::test]
async fn every_connection_asks_to_be_read_only() {
    let postgres = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://ana@{}/farol", postgres.local_addr().unwrap());
    let world = World::with(|settings| settings.database.database_url = url.into()).await;
    let mut reader = tokio::task::JoinSet::new();
    let status = world.url("/api/status/tower");
    reader.spawn(async move { http_get(&status, &[]).await });

    for _ in 0..2 {
        // The watch over the schema is one, the pool's connection the other.
        let (mut stream, _) = postgres.accept().await.unwrap();
        let mut tls_wish = [0; 8];
        stream.read_exact(&mut tls_wish).await.unwrap();
        stream.write_all(b"N").await.unwrap();
        let size = stream.read_u32().await.unwrap();
        let mut startup = vec![0; usize::try_from(size).unwrap() - 4];
        stream.read_exact(&mut startup).await.unwrap();
        let startup = String::from_utf8_lossy(&startup).into_owned();
        let read_only = "default_transaction_read_only=on";
        assert!(startup.contains(read_only), "{startup:?}");
        assert!(startup.contains("statement_timeout=5000"), "{startup:?}");
        assert!(startup.contains("public-service"), "{startup:?}");
    }
    drop(postgres);
    let answer = reader.join_next().await.unwrap().unwrap();
    assert_eq!(answer.status(), 503);
    world.shutdown().await;
}

#[test]
fn settings_that_print_show_no_secret() {
    let mut settings = Settings::default();
    settings.database.database_url = "postgres://ana:s3cret-one@db/farol".to_owned().into();
    settings.integration.secret_key = Some("s3cret-two".to_owned().into());
    let shown = format!("{:?} {:?}", settings.database, settings.integration);
    assert!(!shown.contains("s3cret-"), "{shown}");
}
