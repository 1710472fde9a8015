//! The command line: what it refuses, what it tells, and `migrate`.

use std::collections::BTreeSet;

use admin_sync_service::settings::Settings;
use service_kit::random::Random;
use service_kit::settings::ServiceSettings as _;
use test_kit::{Database, ServiceProcess};

const BINARY: &str = "admin-sync-service";
const URL: (&str, &str) = (
    "DATABASE_URL",
    "postgres://ana:s3cret-of-db@127.0.0.1/farol",
);
/// As long as it has to be.
const JWT_SECRET: &str = "s3cret-s3cret-s3cret-s3cret-s3cret";

#[tokio::test]
async fn without_credentials_it_does_not_start_unless_told_that_nobody_needs_any() {
    for (environment, code) in [
        (vec![], 2),
        (vec![("ADMIN_USERNAME", "ana")], 2),
        (vec![("ADMIN_PASSWORD", "s3cret-of-ana")], 2),
        (
            vec![
                ("ADMIN_USERNAME", "ana"),
                ("ADMIN_PASSWORD", "s3cret-of-ana"),
            ],
            0,
        ),
        (
            vec![
                ("ADMIN_USERNAME", "ana"),
                (
                    "ADMIN_PASSWORD_HASH",
                    "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
                ),
            ],
            0,
        ),
        (vec![("ADMIN_AUTH", "off")], 0),
        (vec![("JWT_HS256_SECRET", JWT_SECRET)], 0),
        (vec![("KEYCLOAK_PUBLIC_URL", "https://id.example.org")], 0),
        (
            vec![
                ("ADMIN_USERNAME", "ana"),
                ("ADMIN_PASSWORD", "s3cret-of-ana"),
                ("JWT_HS256_SECRET", JWT_SECRET),
            ],
            0,
        ),
        (
            vec![("ADMIN_USERNAME", "ana"), ("JWT_HS256_SECRET", JWT_SECRET)],
            2,
        ),
        (vec![("JWT_HS256_SECRET", "s3cret too short")], 2),
        (
            vec![
                ("JWT_HS256_SECRET", JWT_SECRET),
                ("KEYCLOAK_PUBLIC_URL", "https://id.example.org"),
            ],
            2,
        ),
        (vec![("ADMIN_AUTH", "perhaps")], 2),
    ] {
        let all: Vec<_> = environment.iter().copied().chain([URL]).collect();
        let mut service = ServiceProcess::spawn_with(BINARY, &["--check-config"], &all);
        assert_eq!(
            service.wait_exit().await,
            Some(code),
            "{environment:?}: {}",
            service.output()
        );
        assert!(!service.output().contains("s3cret"), "{}", service.output());
    }
    let mut service = ServiceProcess::spawn(BINARY, &[URL]);
    assert_eq!(service.wait_exit().await, Some(2));
    let output = service.output();
    assert!(
        output.contains("ADMIN_AUTH=off") && !output.contains("listening"),
        "{output}"
    );
}

#[tokio::test]
async fn alerts_that_could_never_leave_are_told_at_the_start() {
    for (name, value) in [
        ("SMTP_URL", "smtp://ana:s3cret@mail.example.org"),
        ("ALERT_EMAIL_TO", "ana@example.org"),
        ("ALERT_WEBHOOK_URL", "ftp://ana:s3cret@example.org/"),
        ("RABBITMQ_URL", "http://ana:s3cret@example.org/"),
        ("SYNC_TIMEZONE", "Mars/Olympus"),
        ("QUEUE_NAME", "amq.s3cret"),
    ] {
        let environment = [URL, ("ADMIN_AUTH", "off"), (name, value)];
        let mut service = ServiceProcess::spawn_with(BINARY, &["--check-config"], &environment);
        assert_eq!(service.wait_exit().await, Some(2), "{name}");
        let output = service.output();
        assert!(output.contains(name), "{output}");
        assert!(
            name == "QUEUE_NAME" || !output.contains("s3cret"),
            "{output}"
        );
    }
}

#[tokio::test]
async fn the_default_file_names_every_setting_and_is_itself_usable() {
    let mut printing = ServiceProcess::spawn_with(BINARY, &["--print-default-config"], &[]);
    assert_eq!(printing.wait_exit().await, Some(0));
    let manual = printing.output();
    let keys = manual.lines().filter_map(|line| {
        let (key, _) = line.trim_start_matches(['#', ' ']).split_once(" =")?;
        (!key.contains(' ')).then_some(key)
    });
    let keys: BTreeSet<&str> = keys.collect();
    let groups = Settings::groups();
    let fields = groups.iter().flat_map(|group| group.fields);
    assert_eq!(keys, fields.map(|field| field.key).collect());

    let path = format!(
        "{}/{}.toml",
        env!("CARGO_TARGET_TMPDIR"),
        Random::system().hex(6)
    );
    std::fs::write(&path, &manual).unwrap();
    let arguments = ["--check-config", "--config", &path];
    let mut checking =
        ServiceProcess::spawn_with(BINARY, &arguments, &[URL, ("ADMIN_AUTH", "off")]);
    assert_eq!(checking.wait_exit().await, Some(0), "{}", checking.output());
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn migrate_needs_the_database_alone_and_does_nothing_twice() {
    let database = Database::fresh().await;
    for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
        sqlx::query(statement)
            .execute(database.owner_pool())
            .await
            .unwrap();
    }
    let url = database.owner_url();
    let environment = [("DATABASE_URL", url.as_str())];
    let mut first = ServiceProcess::spawn_with(BINARY, &["migrate"], &environment);
    assert_eq!(first.wait_exit().await, Some(0), "{}", first.output());
    assert!(
        first.output().starts_with("applied 0001 "),
        "{}",
        first.output()
    );
    let mut second = ServiceProcess::spawn_with(BINARY, &["migrate"], &environment);
    assert_eq!(second.wait_exit().await, Some(0));
    assert_eq!(second.output(), "nothing to apply\n");
}

#[tokio::test]
async fn migrate_says_what_it_lacks_and_ends_badly() {
    let mut lacking = ServiceProcess::spawn_with(BINARY, &["migrate"], &[]);
    assert_eq!(lacking.wait_exit().await, Some(2));
    assert!(
        lacking.output().contains("DATABASE_URL"),
        "{}",
        lacking.output()
    );
    let nowhere = ("DATABASE_URL", "postgres://ana:s3cret@127.0.0.1:1/farol");
    let mut failing = ServiceProcess::spawn_with(BINARY, &["migrate"], &[nowhere]);
    assert_eq!(failing.wait_exit().await, Some(1));
    assert!(!failing.output().contains("s3cret"), "{}", failing.output());
}
