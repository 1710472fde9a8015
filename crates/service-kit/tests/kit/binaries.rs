//! The binaries of the kit, and through them the command line that every binary has.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use test_kit::PrivatePostgres;

const SECRET: &str = env!("CARGO_BIN_EXE_farol-secret");
const TOKEN: &str = env!("CARGO_BIN_EXE_farol-token");
const MIGRATE: &str = env!("CARGO_BIN_EXE_farol-migrate");

fn run(binary: &str, arguments: &[&str], env: &[(&str, &str)], input: &str) -> Output {
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .env_clear()
        .envs(env.iter().copied());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn told(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim_end()
}

#[test]
fn what_farol_secret_seals_it_opens() {
    let key = [("SECRET_KEY", "correct horse")];
    let sealed = run(SECRET, &["seal"], &key, r#"{"token": "hunter2"}"#);
    assert_eq!(sealed.status.code(), Some(0));
    let token = told(&sealed.stdout);
    assert!(!token.contains("hunter2"));
    let opened = run(SECRET, &["open"], &key, token);
    assert_eq!(told(&opened.stdout), r#"{"token":"hunter2"}"#);
    let refused = run(
        SECRET,
        &["open", "--set", "SECRET_KEY=another"],
        &key,
        token,
    );
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_token_of_the_shared_secret_names_its_tenant_and_ends_in_30_days() {
    let secret = "0123456789abcdef0123456789abcdef";
    let env = [("JWT_HS256_SECRET", secret), ("JWT_ISSUER", "joe")];
    let output = run(TOKEN, &["for", "demo-a", "demo-b"], &env, "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let lines: Vec<_> = told(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 2);
    let token = lines[1].strip_prefix("demo-b ").unwrap();
    let payload = token.split('.').nth(1).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        (&claims["tenant_id"], &claims["iss"], &claims["aud"]),
        (&"demo-b".into(), &"joe".into(), &"pulse-ui".into())
    );
    let days = (claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap()) / 86_400;
    assert_eq!(days, 30);
    assert_eq!(token, test_kit::hs256_token(secret, &claims));
    for (arguments, code) in [(&[][..], 1), (&["for"], 1), (&["demo-a"], 2)] {
        let output = run(TOKEN, arguments, &env, "");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn help_names_the_words_and_settings_of_a_tool() {
    let named = [
        (SECRET, "farol-secret seal, farol-secret open, SECRET_KEY"),
        (
            TOKEN,
            "farol-token for TENANT, JWT_HS256_SECRET, JWT_AUDIENCE, JWT_ISSUER",
        ),
    ];
    for (binary, words) in named {
        let output = run(binary, &["--help"], &[], "");
        assert_eq!(output.status.code(), Some(0));
        for word in words.split(", ") {
            assert!(told(&output.stdout).contains(word), "{word}: {output:?}");
        }
    }
}

#[test]
fn unusable_settings_are_told_and_exit_2() {
    let output = run(MIGRATE, &["--check-config"], &[], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output.stderr).contains("DATABASE_URL is required"),
        "{output:?}"
    );
    let output = run(MIGRATE, &["--no-such-flag"], &[], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn usable_settings_are_ok_and_exit_0() {
    let env = [("DATABASE_URL", "postgres://me:hunter2@localhost/farol")];
    let output = run(MIGRATE, &["--check-config"], &env, "");
    assert_eq!(
        (output.status.code(), told(&output.stdout)),
        (Some(0), "OK")
    );
}

#[test]
fn version_help_and_manual_need_no_settings() {
    let output = run(MIGRATE, &["--version"], &[], "");
    let expected = format!("farol-migrate {}", service_kit::VERSION);
    assert!(told(&output.stdout).starts_with(&expected), "{output:?}");
    assert_eq!(output.status.code(), Some(0));
    let output = run(MIGRATE, &["--help"], &[], "");
    assert!(
        told(&output.stdout).contains("--print-default-config"),
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(0));
    let output = run(MIGRATE, &["--print-default-config"], &[], "");
    assert!(
        told(&output.stdout).contains("# database_url = \"\""),
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_answers_nobody_has_no_document_to_print() {
    let output = run(MIGRATE, &["--print-openapi"], &[], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn an_unreachable_database_is_told_without_its_password_and_exits_1() {
    let env = [("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/farol")];
    let output = run(MIGRATE, &[], &env, "");
    assert_eq!(output.status.code(), Some(1));
    assert!(!told(&output.stderr).is_empty() && !told(&output.stderr).contains("hunter2"));
}

#[test]
fn what_an_example_leaves_open_is_no_value() {
    let given = [
        ("SECRET_KEY", "hunter2-CHANGE-ME"),
        ("JWT_HS256_SECRET", "hunter2-CHANGE-ME"),
        (
            "DATABASE_URL",
            "postgres://me:hunter2-CHANGE-ME@localhost/zoo",
        ),
    ];
    for (binary, (name, text)) in [SECRET, TOKEN, MIGRATE].into_iter().zip(given) {
        let output = run(binary, &["--check-config"], &given, "");
        assert_eq!(output.status.code(), Some(2), "{name}");
        let complaint = format!("{name} still has CHANGE-ME in it: put a value");
        let stderr = told(&output.stderr);
        assert!(stderr.contains(&complaint), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
        let mended = [(
            name,
            text.replace("CHANGE-ME", "0123456789abcdef0123456789abcdef"),
        )];
        let mended = mended.each_ref().map(|(name, text)| (*name, text.as_str()));
        let output = run(binary, &["--check-config"], &mended, "");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[tokio::test]
async fn what_the_server_warns_of_in_a_migration_is_told_and_its_notices_are_not() {
    let server = PrivatePostgres::start().await;
    let migrate = |url: &str| run(MIGRATE, &[], &[("DATABASE_URL", url)], "");
    let first = migrate(&server.url());
    assert_eq!(
        (first.status.code(), told(&first.stderr)),
        (Some(0), ""),
        "a superuser is warned of nothing"
    );
    // The roles are there now, so an owner who may make none gets through, and is no member of farol_devices.
    let mut superuser = PgConnection::connect(&server.url()).await.unwrap();
    for sql in [
        "CREATE ROLE plain LOGIN",
        "CREATE DATABASE theirs OWNER plain",
    ] {
        sqlx::raw_sql(sql).execute(&mut superuser).await.unwrap();
    }
    let options: PgConnectOptions = server.url().parse().unwrap();
    let options = options.username("plain").database("theirs");
    let second = migrate(options.to_url_lossy().as_str());
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    let lines: Vec<_> = told(&second.stderr).lines().collect();
    assert!(
        matches!(lines[..], [line] if line.starts_with("warning: plain may not make itself a member of farol_devices")),
        "{second:?}"
    );
}
