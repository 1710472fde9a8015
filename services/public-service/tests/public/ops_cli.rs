//! What operators type: flags, files and settings, and how a mistake is told.

use std::collections::BTreeSet;

use public_service::settings::Settings;
use service_kit::random::Random;
use service_kit::settings::ServiceSettings as _;
use test_kit::ServiceProcess;

const BINARY: &str = "public-service";

#[tokio::test]
async fn unusable_settings_are_all_told_at_once_and_end_with_2() {
    let environment = [
        ("PORT", "http"),
        ("OPS_HOST", "nowhere"),
        ("DATABASE_URL", "mysql://ana:s3cret-of-mysql@db/farol"),
        ("UNMAPPED_STATUS", "purple"),
        ("LOG_LEVEL", "loud"),
        ("DRAIN_SECONDS", "99999"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("TLS_CERT_FILE", "/cert.pem"),
    ];
    for arguments in [&[][..], &["--check-config"]] {
        let mut service = ServiceProcess::spawn_with(BINARY, arguments, &environment);
        assert_eq!(service.wait_exit().await, Some(2));
        let output = service.output();
        for (name, _) in environment {
            let name = name.replace("TLS_CERT_FILE", "TLS_KEY_FILE");
            assert!(output.contains(&name), "{name} is not in {output}");
        }
        assert!(!output.contains("s3cret-of-mysql"), "{output}");
        assert!(!output.contains("listening"), "{output}");
    }
}

#[tokio::test]
async fn a_setting_that_nobody_knows_is_named_with_its_neighbour() {
    let path = file("typo.toml", "cache_ttl_second = 5\n");
    let arguments = ["--check-config", "--config", &path];
    let url = ("DATABASE_URL", "postgres://ana@127.0.0.1/farol");
    let mut service = ServiceProcess::spawn_with(BINARY, &arguments, &[url]);
    assert_eq!(service.wait_exit().await, Some(2));
    let output = service.output();
    for told in ["cache_ttl_second", "cache_ttl_seconds"] {
        assert!(output.contains(told), "{output}");
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn the_contract_is_printed_as_it_is_committed() {
    let mut printing = ServiceProcess::spawn_with(BINARY, &["--print-openapi"], &[]);
    assert_eq!(printing.wait_exit().await, Some(0));
    let committed = include_str!("../../../../docs/openapi/public-service.json");
    assert_eq!(printing.output().trim_end(), committed.trim_end());
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

    let path = file("default.toml", &manual);
    let arguments = ["--check-config", "--config", &path];
    let url = ("DATABASE_URL", "postgres://ana:s3cret@127.0.0.1/farol");
    let mut checking = ServiceProcess::spawn_with(BINARY, &arguments, &[url]);
    assert_eq!(checking.wait_exit().await, Some(0), "{}", checking.output());
    assert_eq!(checking.output(), "OK\n");
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn the_version_is_told_without_any_setting() {
    let mut service = ServiceProcess::spawn_with(BINARY, &["--version"], &[]);
    assert_eq!(service.wait_exit().await, Some(0));
    let expected = format!("public-service {} (", service_kit::VERSION);
    assert!(
        service.output().starts_with(&expected),
        "{}",
        service.output()
    );
}

/// A file of this test run; its path.
fn file(name: &str, content: &str) -> String {
    let unique = Random::system().hex(6);
    let path = format!("{}/{unique}-{name}", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, content).unwrap();
    path
}
