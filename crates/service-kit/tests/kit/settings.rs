//! Layers, complaints and the manual.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use service_kit::{
    service_settings,
    settings::{
        Complaints, DatabaseSettings, ExposeSecret as _, IpNet, ListenSettings, LogSettings,
        Secret, ShutdownSettings, Sources, TlsSettings, Url, load, manual,
    },
};

service_kit::settings! {
    /// One field of every type.
    pub struct ZooSettings {
        /// Text.
        name: String = "farol";
        /// A switch.
        eager: bool = "false";
        /// A bounded number.
        most: usize = "10" in 1..=100;
        /// A wait in seconds.
        wait_seconds: Duration = "30" in 1..=3600;
        /// A wait in milliseconds.
        settle_ms: Duration = "250";
        /// Networks.
        proxies: Vec<IpNet> = "";
        /// Words.
        words: Vec<String> = "a,b";
        /// A page.
        page: Option<PathBuf> = "";
        /// An address.
        backend: Url = "http://localhost:3000";
        /// A key that may be missing.
        api_key: Option<Secret> = "";
    }
}

service_settings! {
    "zoo-service";
    PORT = "8123";
    listen: ListenSettings,
    log: LogSettings,
    database: DatabaseSettings,
    shutdown: ShutdownSettings,
    tls: TlsSettings,
    zoo: ZooSettings,
}

const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://me:hunter2@localhost/zoo");

fn env(pairs: &[(&str, &str)]) -> Sources {
    let pairs = pairs.iter().chain([&DATABASE]).rev();
    let owned = pairs.map(|&(name, text)| (name.to_owned(), text.to_owned()));
    Sources {
        env: owned.collect(),
        ..Sources::default()
    }
}

fn read(pairs: &[(&str, &str)]) -> Result<Settings, Complaints> {
    load(&env(pairs))
}

/// A file of its own for one test; the folder of Cargo's is emptied by `cargo clean`.
fn file(text: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("settings-{}-{number}.toml", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn with_file(text: &str, pairs: &[(&str, &str)]) -> Result<Settings, Complaints> {
    load(&Sources {
        file: Some(file(text)),
        ..env(pairs)
    })
}

fn complaints(result: Result<Settings, Complaints>) -> Vec<String> {
    result.unwrap_err().lines().to_vec()
}

#[test]
fn the_defaults_are_the_declared_ones_and_the_binarys_own() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.listen.port, 8123);
    assert_eq!(settings.listen.host, IpAddr::from([127, 0, 0, 1]));
    assert_eq!(settings.zoo.wait_seconds, Duration::from_secs(30));
    assert_eq!(settings.zoo.settle_ms, Duration::from_millis(250));
    assert_eq!(settings.zoo.words, ["a", "b"]);
    assert!(settings.zoo.page.is_none() && settings.zoo.api_key.is_none());
    assert_eq!(settings.shutdown.hard_stop(), Duration::from_secs(15));
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let text = "name = \"file\"\nmost = 11\nwords = [\"x\", \"y\"]\neager = true\n";
    let settings = with_file(text, &[("MOST", "12"), ("NAME", "environment")]).unwrap();
    assert_eq!(settings.zoo.name, "environment");
    assert_eq!(settings.zoo.most, 12);
    assert_eq!(settings.zoo.words, ["x", "y"]);
    assert!(settings.zoo.eager);

    let flags = vec![("Most".to_owned(), "13".to_owned())];
    let sources = Sources {
        flags,
        ..env(&[("MOST", "12")])
    };
    assert_eq!(load::<Settings>(&sources).unwrap().zoo.most, 13);
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let path = file("most = 77\n");
    let settings = read(&[("CONFIG_FILE", path.to_str().unwrap())]).unwrap();
    assert_eq!(settings.zoo.most, 77);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let settings = with_file("most = 11\n", &[("MOST", ""), ("CONFIG_FILE", "")]).unwrap();
    assert_eq!(settings.zoo.most, 11);
}

#[test]
fn lists_of_networks_take_single_addresses_too() {
    let settings = read(&[("PROXIES", "10.0.0.0/8, ::1,")]).unwrap();
    let expected: [IpNet; 2] = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    assert_eq!(settings.zoo.proxies, expected);
}

#[test]
fn every_complaint_comes_at_once_and_names_variable_rule_value_and_place() {
    let lines = complaints(load(&Sources {
        env: HashMap::from(
            [
                ("PORT", "eighty"),
                ("EAGER", "maybe"),
                ("PROXIES", "10.0.0.0/99"),
            ]
            .map(|(name, text)| (name.to_owned(), text.to_owned())),
        ),
        file: Some(file("wait_seconds = 0\n")),
        ..Sources::default()
    }));
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert_eq!(
        lines[0],
        "PORT must be a whole number from 0 to 65535, not \"eighty\" (from the environment)"
    );
    assert!(
        lines[1].starts_with("DATABASE_URL is required"),
        "{lines:#?}"
    );
    assert!(lines[2].starts_with("EAGER must be true or false, not \"maybe\""));
    assert!(
        lines[3].starts_with(
            "WAIT_SECONDS must be a whole number of seconds from 1 to 3600, not \"0\""
        ) && lines[3].contains(".toml"),
        "{lines:#?}"
    );
    assert!(lines[4].starts_with("PROXIES must be a comma list of networks"));
}

#[test]
fn an_unknown_key_is_told_with_its_nearest_and_a_key_of_another_service_is_not() {
    let lines = complaints(with_file("rabbitmq_url = \"amqp://x\"\nmots = 3\n", &[]));
    assert_eq!(
        lines,
        ["\"mots\" in the configuration file is not a setting; the nearest one is \"most\""]
    );
}

#[test]
fn an_unknown_flag_is_told() {
    let flags = vec![("WAIT_SECOND".to_owned(), "3".to_owned())];
    let lines = complaints(load(&Sources { flags, ..env(&[]) }));
    assert_eq!(
        lines,
        ["--set WAIT_SECOND is not a setting; the nearest one is \"wait_seconds\""]
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_one_complaint() {
    let sources = Sources {
        file: Some("/nowhere/farol.toml".into()),
        ..env(&[])
    };
    let lines = complaints(load(&sources));
    assert!(
        lines.len() == 1 && lines[0].contains("/nowhere/farol.toml"),
        "{lines:#?}"
    );
    let lines = complaints(with_file("most = = 3", &[]));
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

#[test]
fn a_broken_file_is_told_by_line_and_never_quoted() {
    let lines = complaints(with_file("most = 3\nsecret_key = \"hunter2\n", &[]));
    assert!(
        lines.len() == 1 && lines[0].contains("line 2"),
        "{lines:#?}"
    );
    assert!(!lines[0].contains("hunter2"), "{lines:#?}");
}

#[test]
fn a_table_where_a_value_belongs_is_told() {
    let lines = complaints(with_file("[most]\nvalue = 3\n", &[]));
    assert!(
        lines.len() == 1 && lines[0].starts_with("MOST must be one value"),
        "{lines:#?}"
    );
}

#[test]
fn rules_between_fields_hold() {
    let lines = complaints(read(&[
        ("TLS_CERT_FILE", "/cert.pem"),
        ("DRAIN_SECONDS", "30"),
        ("SHUTDOWN_SECONDS", "30"),
    ]));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("SHUTDOWN_SECONDS must be more than DRAIN_SECONDS (30)"));
    assert!(lines[1].starts_with("TLS_KEY_FILE is required"));
}

#[test]
fn a_drain_of_zero_is_allowed() {
    let settings = read(&[("DRAIN_SECONDS", "0")]).unwrap();
    assert_eq!(settings.shutdown.hard_stop(), Duration::from_secs(5));
}

#[test]
fn a_log_level_that_is_no_level_is_refused() {
    for good in ["info", "WARN", "info,sqlx=warn", "public_service=debug"] {
        assert!(read(&[("LOG_LEVEL", good)]).is_ok(), "{good}");
    }
    for bad in ["loud", "info,loud", "sqlx=loud"] {
        assert!(read(&[("LOG_LEVEL", bad)]).is_err(), "{bad}");
    }
}

#[test]
fn an_address_with_user_info_is_refused_where_it_would_print() {
    let lines = complaints(read(&[("BACKEND", "http://me:hunter2@localhost")]));
    assert!(!lines[0].contains("hunter2"), "{lines:#?}");
    assert!(read(&[("BACKEND", "ftp://localhost")]).is_err());
}

#[test]
fn no_secret_prints() {
    let settings = read(&[("API_KEY", "hunter3")]).unwrap();
    let shown = format!("{settings:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("hunter3"),
        "{shown}"
    );
    let key = settings.zoo.api_key.unwrap();
    assert_eq!(key.expose_secret(), "hunter3");

    let wrong = ("DATABASE_URL", "mysql://me:hunter4@localhost");
    let sources = Sources {
        env: HashMap::from([(wrong.0.to_owned(), wrong.1.to_owned())]),
        ..Sources::default()
    };
    let lines = complaints(load(&sources));
    assert!(
        lines.len() == 1 && !lines[0].contains("hunter4"),
        "{lines:#?}"
    );
}

#[test]
fn the_manual_parses_back_to_the_defaults() {
    let text = manual::<Settings>();
    let read_back = with_file(&text, &[]).unwrap();
    let defaults = read(&[]).unwrap();
    assert_eq!(format!("{read_back:?}"), format!("{defaults:?}"));
}

#[test]
fn the_manual_says_a_sentence_a_rule_and_a_default_for_every_setting() {
    let text = manual::<Settings>();
    assert!(
        text.contains(
            "# A wait in seconds.\n# Must be a whole number of seconds from 1 to 3600.\nwait_seconds = 30\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("\nport = 8123\n"),
        "the binary's own default: {text}"
    );
    assert!(
        text.contains("Required.\n# database_url = \"\"\n"),
        "{text}"
    );
    assert!(text.contains("\nwords = \"a,b\"\n"), "{text}");
    assert!(text.contains("\n# page = \"\"\n"), "{text}");
}

#[test]
fn settings_for_a_test_start_from_the_defaults() {
    let settings = Settings {
        zoo: ZooSettings {
            most: 1,
            ..ZooSettings::default()
        },
        ..Settings::default()
    };
    assert_eq!(settings.zoo.name, "farol");
    assert_eq!(settings.listen.port, 8123);
    assert_eq!(settings.database.database_url.expose_secret(), "");
}

/// A binary that is of use only where one of two concerns is filled in.
mod either {
    use service_kit::{
        jwt::JwtSettings,
        settings::{Sources, load},
    };

    use super::ZooSettings;

    service_kit::service_settings! {
        "either-service";
        zoo: ZooSettings,
        jwt: JwtSettings;
        check = Settings::one_of_both;
    }

    impl Settings {
        fn one_of_both(&self) -> Result<(), String> {
            if self.zoo.page.is_some() || self.jwt.is_configured() {
                return Ok(());
            }
            Err("PAGE or JWT_HS256_SECRET is required".to_owned())
        }
    }

    /// What is complained about.
    fn told(pairs: &[(&str, &str)]) -> Vec<String> {
        let owned = pairs
            .iter()
            .map(|&(name, text)| (name.to_owned(), text.to_owned()));
        let sources = Sources {
            env: owned.collect(),
            ..Sources::default()
        };
        let read = load::<Settings>(&sources);
        read.map_or_else(|complaints| complaints.lines().to_vec(), |_| Vec::new())
    }

    #[test]
    fn rules_between_concerns_hold() {
        let secret = ("JWT_HS256_SECRET", "0123456789abcdef0123456789abcdef");
        assert_eq!(told(&[("PAGE", "a.html")]), [""; 0]);
        assert_eq!(told(&[secret]), [""; 0]);
        assert_eq!(told(&[]), ["PAGE or JWT_HS256_SECRET is required"]);
        assert!(
            Settings::default().zoo.page.is_none(),
            "defaults alone may lack it"
        );
    }

    #[test]
    fn tokens_that_are_proven_in_two_ways_are_refused_without_the_secret() {
        let secret = (
            "JWT_HS256_SECRET",
            "hunter2-hunter2-hunter2-hunter2-hunter2",
        );
        let told_of = |others: &[(&str, &str)]| told(&[&[secret], others].concat()).join("\n");
        let both = told_of(&[("KEYCLOAK_PUBLIC_URL", "https://id.example.org")]);
        assert!(both.contains("must not be set beside each other"), "{both}");
        assert!(!both.contains("hunter2"), "{both}");
        let short = told(&[("JWT_HS256_SECRET", "hunter2")]).join("\n");
        assert!(
            short.contains("at least 32 bytes") && !short.contains("hunter2"),
            "{short}"
        );
        let unset = told_of(&[("KEYCLOAK_PUBLIC_URL", "")]);
        assert_eq!(unset, "", "an empty variable is unset");
    }
}
