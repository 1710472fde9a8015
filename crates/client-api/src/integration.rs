//! A project's integration as its owner wrote it, and as it is used. Reading it
//! is total: a bad column gives a default and a complaint, never a dead project.

use std::fmt;
use std::time::Duration;

use farol_core::status::{Mapping, Status};
use secrecy::SecretString;
use serde_json::Value;
use service_kit::secrets::{Credentials, Vault};

use crate::source::{Auth, Source};

/// Complaints about one row that are told and kept, and characters of each.
const MOST_COMPLAINTS: usize = 20;
const MOST_COMPLAINT_CHARS: usize = 300;

/// The columns of `integration_configs`; rows of other programs may hold NULL anywhere.
#[derive(Clone, Default, PartialEq)]
pub struct StoredIntegration {
    /// Where the API is.
    pub api_base_url: Option<String>,
    /// What is asked there, from its first `/` on.
    pub status_endpoint: Option<String>,
    /// `none`, `bearer`, `api_key` or `basic`.
    pub auth_type: Option<String>,
    /// A Fernet token, or a plain JSON object.
    pub auth_credentials: Option<String>,
    /// JSON, unread: what Postgres takes for it may be more than we can.
    pub status_mapping: Option<String>,
    /// What becomes of words that nobody mapped.
    pub unmapped_status: Option<String>,
    /// `polling`; anything else is polled with a complaint.
    pub update_method: Option<String>,
    /// 1 to 300; 30.
    pub polling_interval_seconds: Option<i32>,
    /// 1 to 60; 10.
    pub timeout_seconds: Option<i32>,
    /// 0 to 10; 3.
    pub retry_count: Option<i32>,
}

impl fmt::Debug for StoredIntegration {
    /// Without credentials, and without the URL, which may carry some.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredIntegration").finish_non_exhaustive()
    }
}

/// Whom to ask.
#[derive(Debug, Clone)]
pub enum Ask {
    /// No integration, or no address in it: the state stays unknown, without a request.
    Nobody,
    /// This API.
    Source(Source),
    /// The credentials cannot be used; asking without them is not an option.
    Broken(String),
}

/// An integration as it is used.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Whom to ask, and how.
    pub ask: Ask,
    /// What its words mean.
    pub mapping: Mapping,
    /// Between two polls.
    pub interval: Duration,
    /// Of one request; a viewer's GET waits no longer.
    pub timeout: Duration,
    /// Further attempts in a cycle.
    pub retries: u32,
    /// What was wrong with the row, for the log and `/status`.
    pub complaints: Vec<String>,
}

/// What a missing or unreadable `unmapped_status` means, and the key to the credentials.
#[derive(Clone)]
pub struct Reading {
    /// What becomes of words that nobody mapped, where the row does not say.
    pub unmapped: Status,
    /// Opens `auth_credentials`.
    pub vault: Vault,
}

impl Integration {
    /// Why nobody is asked, for operators.
    pub fn problem(&self) -> Option<String> {
        match &self.ask {
            Ask::Nobody => Some("no integration, or no address in it".into()),
            Ask::Broken(reason) => Some(format!("credentials cannot be used: {reason}")),
            Ask::Source(_) => None,
        }
    }

    /// Makes sense of a row; `None` is a project without integration.
    pub fn read(stored: Option<&StoredIntegration>, reading: &Reading) -> Self {
        let none = StoredIntegration::default();
        let stored = stored.unwrap_or(&none);
        let mut complaints = Vec::new();
        let unmapped = unmapped_status(stored, reading.unmapped, &mut complaints);
        let mapping = mapping(stored, unmapped, &mut complaints);
        if let Some(method) = stored.update_method.as_deref().filter(|m| *m != "polling") {
            complaints.push(format!("update_method {method:?} is polled all the same"));
        }
        let timeout = seconds(stored.timeout_seconds, 10, 1..=60);
        Self {
            ask: ask(stored, reading, timeout, &mut complaints),
            mapping,
            interval: seconds(stored.polling_interval_seconds, 30, 1..=300),
            timeout,
            retries: stored.retry_count.unwrap_or(3).clamp(0, 10).unsigned_abs(),
            complaints: bounded(complaints),
        }
    }
}

/// A column may hold any amount of nonsense; nobody reads more than the beginning.
fn bounded(mut complaints: Vec<String>) -> Vec<String> {
    let beyond = complaints.len().saturating_sub(MOST_COMPLAINTS);
    complaints.truncate(MOST_COMPLAINTS);
    for complaint in &mut complaints {
        if let Some((end, _)) = complaint.char_indices().nth(MOST_COMPLAINT_CHARS) {
            complaint.truncate(end);
        }
    }
    if beyond > 0 {
        complaints.push(format!("and {beyond} more"));
    }
    complaints
}

fn seconds(stored: Option<i32>, default: i32, bounds: std::ops::RangeInclusive<i32>) -> Duration {
    let clamped = stored
        .unwrap_or(default)
        .clamp(*bounds.start(), *bounds.end());
    Duration::from_secs(clamped.unsigned_abs().into())
}

fn unmapped_status(
    stored: &StoredIntegration,
    default: Status,
    complaints: &mut Vec<String>,
) -> Status {
    let Some(word) = stored.unmapped_status.as_deref() else {
        return default;
    };
    word.parse().unwrap_or_else(|_| {
        complaints.push(format!("unmapped_status {word:?} is none of the five"));
        default
    })
}

fn mapping(stored: &StoredIntegration, unmapped: Status, complaints: &mut Vec<String>) -> Mapping {
    let text = stored.status_mapping.as_deref().unwrap_or("null");
    let custom: Value = serde_json::from_str(text).unwrap_or_else(|error| {
        complaints.push(format!("status_mapping cannot be read: {error}"));
        Value::Null
    });
    let (mapping, ambiguities) = Mapping::overlaid(&custom, unmapped);
    complaints.extend(ambiguities.iter().map(|c| format!("status_mapping: {c}")));
    mapping
}

fn ask(
    stored: &StoredIntegration,
    reading: &Reading,
    timeout: Duration,
    complaints: &mut Vec<String>,
) -> Ask {
    let text = |column: &Option<String>| column.clone().filter(|text| !text.trim().is_empty());
    let (Some(base), Some(endpoint)) = (text(&stored.api_base_url), text(&stored.status_endpoint))
    else {
        return Ask::Nobody;
    };
    match auth(stored, reading, complaints) {
        Ok(auth) => Ask::Source(Source {
            url: format!("{}{}", base.trim().trim_end_matches('/'), endpoint.trim()),
            auth,
            timeout,
        }),
        Err(reason) => Ask::Broken(reason),
    }
}

fn auth(
    stored: &StoredIntegration,
    reading: &Reading,
    complaints: &mut Vec<String>,
) -> Result<Auth, String> {
    let kind = stored.auth_type.as_deref().unwrap_or("none");
    if kind == "none" {
        return Ok(Auth::None);
    }
    let credentials = open(stored, reading)?;
    if credentials.is_plain() {
        complaints.push("auth_credentials are stored unencrypted".into());
    }
    let member = |name: &str| {
        let value = credentials.get(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("auth_type {kind} needs a {name:?}"))
    };
    let secret = |name: &str| member(name).map(SecretString::from);
    match kind {
        "bearer" => Ok(Auth::Bearer(secret("token")?)),
        "api_key" => Ok(Auth::ApiKey {
            header: member("api_key_header").unwrap_or("X-API-Key").to_owned(),
            key: secret("api_key")?,
        }),
        "basic" => Ok(Auth::Basic {
            username: member("username")?.to_owned(),
            password: SecretString::from(credentials.get("password").unwrap_or_default()),
        }),
        other => Err(format!("auth_type {other:?} is not known")),
    }
}

fn open(stored: &StoredIntegration, reading: &Reading) -> Result<Credentials, String> {
    let sealed = stored.auth_credentials.as_deref();
    let Some(sealed) = sealed.filter(|sealed| !sealed.trim().is_empty()) else {
        return Err("no credentials are stored".into());
    };
    reading
        .vault
        .open(sealed)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    fn reading() -> Reading {
        Reading {
            unmapped: Status::Available,
            vault: Vault::new(&"key".to_owned().into()),
        }
    }

    fn with_auth(kind: &str, credentials: &Value) -> Ask {
        let map = credentials.as_object().cloned().unwrap_or_default();
        let stored = StoredIntegration {
            api_base_url: Some("https://api.example/v1/".into()),
            status_endpoint: Some("/units".into()),
            auth_type: Some(kind.into()),
            auth_credentials: Some(reading().vault.seal(&map)),
            ..StoredIntegration::default()
        };
        Integration::read(Some(&stored), &reading()).ask
    }

    #[test]
    fn a_row_of_nulls_means_the_defaults_and_nobody_to_ask() {
        let read = Integration::read(Some(&StoredIntegration::default()), &reading());
        assert!(matches!(read.ask, Ask::Nobody));
        assert_eq!(read.interval, Duration::from_secs(30));
        assert_eq!(read.timeout, Duration::from_secs(10));
        assert_eq!(read.retries, 3);
        assert_eq!(read.mapping.unmapped(), Status::Available);
        assert!(read.complaints.is_empty());
    }

    #[test]
    fn numbers_out_of_bounds_are_brought_into_them() {
        let stored = StoredIntegration {
            polling_interval_seconds: Some(0),
            timeout_seconds: Some(10_000),
            retry_count: Some(-3),
            ..StoredIntegration::default()
        };
        let read = Integration::read(Some(&stored), &reading());
        assert_eq!(read.interval, Duration::from_secs(1));
        assert_eq!(read.timeout, Duration::from_mins(1));
        assert_eq!(read.retries, 0);
    }

    #[test]
    fn the_address_is_the_base_without_its_slash_and_the_endpoint() {
        let Ask::Source(source) = with_auth("none", &Value::Null) else {
            unreachable!("an address was given");
        };
        assert_eq!(source.url, "https://api.example/v1/units");
    }

    #[test]
    fn every_auth_type_reads_its_members() {
        let Ask::Source(source) = with_auth("bearer", &json!({"token": "t"})) else {
            unreachable!("complete credentials");
        };
        assert!(matches!(source.auth, Auth::Bearer(token) if token.expose_secret() == "t"));
        let Ask::Source(source) = with_auth("api_key", &json!({"api_key": "k"})) else {
            unreachable!("complete credentials");
        };
        assert!(matches!(source.auth, Auth::ApiKey { header, .. } if header == "X-API-Key"));
        let Ask::Source(source) = with_auth("basic", &json!({"username": "u", "password": "p"}))
        else {
            unreachable!("complete credentials");
        };
        assert!(matches!(source.auth, Auth::Basic { username, .. } if username == "u"));
    }

    #[test]
    fn credentials_that_cannot_be_used_are_never_left_out_of_a_request() {
        for (kind, credentials) in [
            ("bearer", json!({})),
            ("bearer", json!({"token": ""})),
            ("api_key", json!({"key": "k"})),
            ("basic", json!({"password": "p"})),
            ("oauth3", json!({"token": "t"})),
        ] {
            assert!(
                matches!(with_auth(kind, &credentials), Ask::Broken(_)),
                "{kind}"
            );
        }
        let sealed_elsewhere =
            Vault::new(&"other".to_owned().into()).seal(&serde_json::Map::default());
        let stored = StoredIntegration {
            api_base_url: Some("https://api.example".into()),
            status_endpoint: Some("/units".into()),
            auth_type: Some("bearer".into()),
            auth_credentials: Some(sealed_elsewhere),
            ..StoredIntegration::default()
        };
        let read = Integration::read(Some(&stored), &reading());
        assert!(matches!(read.ask, Ask::Broken(_)));
    }

    #[test]
    fn what_is_wrong_with_a_row_is_told_and_the_rest_is_used() {
        let stored = StoredIntegration {
            status_mapping: Some(r#"{"available": ["livre"], "gone": ["x"]}"#.into()),
            unmapped_status: Some("purple".into()),
            update_method: Some("webhook".into()),
            ..StoredIntegration::default()
        };
        let read = Integration::read(Some(&stored), &reading());
        assert_eq!(read.mapping.resolve("Livre"), Some(Status::Available));
        assert_eq!(read.complaints.len(), 3);
    }

    #[test]
    fn a_row_full_of_nonsense_is_told_of_in_a_few_lines() {
        let keys = (0..500).map(|n| (format!("{n}{}", "é".repeat(999)), json!([])));
        let mapping = Value::Object(keys.collect());
        let stored = StoredIntegration {
            status_mapping: Some(mapping.to_string()),
            ..StoredIntegration::default()
        };
        let told = Integration::read(Some(&stored), &reading()).complaints;
        assert_eq!(told.len(), MOST_COMPLAINTS + 1);
        assert_eq!(told.last().map(String::as_str), Some("and 480 more"));
        assert!(
            told.iter()
                .all(|c| c.chars().count() <= MOST_COMPLAINT_CHARS)
        );
    }

    #[test]
    fn a_mapping_that_only_postgres_can_read_is_told_and_left_out() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for unreadable in [r#"{"sold": [1e999]}"#, &deep] {
            let stored = StoredIntegration {
                status_mapping: Some(unreadable.into()),
                ..StoredIntegration::default()
            };
            let read = Integration::read(Some(&stored), &reading());
            assert_eq!(read.mapping.resolve("vendida"), None);
            assert_eq!(read.mapping.resolve("sold"), Some(Status::Sold));
            assert_eq!(read.complaints.len(), 1, "{:?}", read.complaints);
        }
    }
}
