//! An integration as operators see it: every column but the credentials, and what is odd about it. Rows of other
//! programs are shown as they are.

use chrono::{DateTime, Utc};
use client_api::{Ask, Integration, Reading, StoredIntegration};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::address::{base_url, endpoint, told_base};
use super::etag::etag;

/// A row.
#[derive(Clone, PartialEq)]
pub struct IntegrationRow {
    /// Its key, which nobody outside knows.
    pub id: Uuid,
    /// What polling goes by.
    pub stored: StoredIntegration,
    /// When the client API last gave a good answer.
    pub last_sync_at: Option<DateTime<Utc>>,
    /// How it went.
    pub sync_status: Option<String>,
    /// What was wrong.
    pub sync_error: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed here.
    pub updated_at: Option<DateTime<Utc>>,
}

/// How a project's client API is asked, and what its words mean.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Integration)]
pub struct IntegrationView {
    /// Where the client API is; null: nobody is asked.
    #[schema(example = "https://api.example.com/v1")]
    pub api_base_url: Option<String>,
    /// What is asked there.
    #[schema(example = "/units")]
    pub status_endpoint: Option<String>,
    /// `none`, `bearer`, `api_key` or `basic`.
    #[schema(example = "api_key")]
    pub auth_type: String,
    /// Whether credentials are stored. They are never shown.
    pub has_credentials: bool,
    /// The client's words by status, laid over the built-in ones.
    #[schema(example = json!({"available": ["livre"]}))]
    pub status_mapping: Value,
    /// What words become that nobody mapped; null: `UNMAPPED_STATUS`.
    pub unmapped_status: Option<String>,
    /// `polling`.
    pub update_method: String,
    /// Between two polls, 1 to 300.
    pub polling_interval_seconds: i32,
    /// Of one request, 1 to 60.
    pub timeout_seconds: i32,
    /// Further attempts of a failed request, 0 to 10.
    pub retry_count: i32,
    /// When it last gave a good answer.
    pub last_sync_at: Option<DateTime<Utc>>,
    /// How it went.
    pub sync_status: String,
    /// What was wrong.
    pub sync_error: Option<String>,
    /// When it was made; null: nobody has said anything yet, all of this is the default.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed here.
    pub updated_at: Option<DateTime<Utc>>,
    /// What is odd about it, in words.
    pub complaints: Vec<String>,
}

/// A view and the tag of what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The body.
    pub view: IntegrationView,
    /// `ETag`, quotes included.
    pub etag: String,
}

/// What a new row begins with.
pub fn fresh() -> StoredIntegration {
    StoredIntegration {
        auth_type: Some("none".to_owned()),
        status_mapping: Some("{}".to_owned()),
        update_method: Some("polling".to_owned()),
        polling_interval_seconds: Some(30),
        timeout_seconds: Some(10),
        retry_count: Some(3),
        ..StoredIntegration::default()
    }
}

/// Whether a column holds any.
pub fn has_credentials(column: Option<&str>) -> bool {
    !matches!(column.unwrap_or_default().trim(), "" | "{}" | "null")
}

impl Shown {
    /// Of a row, or of none.
    pub fn of(row: Option<&IntegrationRow>, reading: &Reading) -> Self {
        Self {
            view: IntegrationView::of(row, reading),
            etag: etag(row),
        }
    }
}

impl IntegrationView {
    fn of(row: Option<&IntegrationRow>, reading: &Reading) -> Self {
        let none = fresh();
        let stored = row.map_or(&none, |row| &row.stored);
        let word = |column: &Option<String>, default: &str| {
            column.clone().unwrap_or_else(|| default.to_owned())
        };
        Self {
            api_base_url: stored.api_base_url.as_deref().map(told_base),
            status_endpoint: stored.status_endpoint.clone(),
            auth_type: word(&stored.auth_type, "none"),
            has_credentials: has_credentials(stored.auth_credentials.as_deref()),
            status_mapping: mapping(stored),
            unmapped_status: stored.unmapped_status.clone(),
            update_method: word(&stored.update_method, "polling"),
            polling_interval_seconds: stored.polling_interval_seconds.unwrap_or(30),
            timeout_seconds: stored.timeout_seconds.unwrap_or(10),
            retry_count: stored.retry_count.unwrap_or(3),
            last_sync_at: row.and_then(|row| row.last_sync_at),
            sync_status: word(&row.and_then(|row| row.sync_status.clone()), "idle"),
            sync_error: row.and_then(|row| row.sync_error.clone()),
            created_at: row.and_then(|row| row.created_at),
            updated_at: row.and_then(|row| row.updated_at),
            complaints: row.map_or_else(Vec::new, |row| complaints(&row.stored, reading)),
        }
    }
}

/// What cannot be read as JSON is complained about, and shown as nothing.
fn mapping(stored: &StoredIntegration) -> Value {
    let text = stored.status_mapping.as_deref().unwrap_or("{}");
    match serde_json::from_str(text) {
        Ok(Value::Null) | Err(_) => json!({}),
        Ok(mapping) => mapping,
    }
}

fn complaints(stored: &StoredIntegration, reading: &Reading) -> Vec<String> {
    let read = Integration::read(Some(stored), reading);
    let mut all = addresses(stored);
    all.extend(ranges(stored));
    if matches!(read.ask, Ask::Broken(_)) {
        all.extend(read.problem());
    }
    all.extend(read.complaints);
    all
}

fn addresses(stored: &StoredIntegration) -> Vec<String> {
    let told = |name: &str, column: &Option<String>, judge: fn(&str) -> Result<String, String>| {
        let text = column.as_deref().filter(|text| !text.trim().is_empty());
        match text.map(judge) {
            None => Some(format!("{name} is not set: nobody is asked")),
            Some(Err(rule)) => Some(format!("{name} {rule}")),
            Some(Ok(_)) => None,
        }
    };
    let base = told("api_base_url", &stored.api_base_url, base_url);
    let path = told("status_endpoint", &stored.status_endpoint, endpoint);
    base.into_iter().chain(path).collect()
}

/// As `client-api` uses what is out of range.
fn ranges(stored: &StoredIntegration) -> impl Iterator<Item = String> {
    [
        (
            "polling_interval_seconds",
            stored.polling_interval_seconds,
            1,
            300,
        ),
        ("timeout_seconds", stored.timeout_seconds, 1, 60),
        ("retry_count", stored.retry_count, 0, 10),
    ]
    .into_iter()
    .filter_map(|(name, column, least, most)| {
        let number = column?;
        let used = number.clamp(least, most);
        (used != number).then(|| format!("{name} {number} is used as {used}"))
    })
}
