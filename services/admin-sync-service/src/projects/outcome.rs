//! What is told of a trial: the units as viewers would see them, or what went wrong and what to do about it.

use bytes::Bytes;
use client_api::{FetchError, Integration, usable_units};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::error::ProjectError;
use super::preview::Preview;
use super::sample::sample;
use super::scrub::Scrub;
use super::trials::{Tried, is_redirect};

/// What is asked of a client API.
const SHAPES: &str =
    "Units are a list, {\"units\": […]}, {\"data\": […]} or a map of unit to status";
/// Bytes of a body whose members are named, how many of them, and characters of each.
const LARGEST_LOOKED_AT: usize = 64 * 1024;
const MOST_NAMES: usize = 10;
const LONGEST_NAME: usize = 40;

/// The result of asking a client API once.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Trial)]
pub struct TrialView {
    /// Units came.
    pub success: bool,
    /// The HTTP status of the client API; missing where it gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Until the answer was there, or was not; missing where nobody was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_time_ms: Option<u64>,
    /// The beginning of the body, without secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_data: Option<Value>,
    /// What went wrong, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What viewers would be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// Credentials went along, or may have where the connection broke. Stored ones go to the stored origin only.
    pub credentials_sent: bool,
}

impl TrialView {
    /// Of what came of asking for `integration`; `withheld`: stored credentials did not go along.
    ///
    /// # Errors
    /// [`ProjectError::Stopping`] where the process ends meanwhile.
    pub async fn of(
        tried: Tried,
        integration: Integration,
        scrub: Scrub,
        withheld: bool,
    ) -> Result<Self, ProjectError> {
        let took = tried.took.map(|it| it.as_millis());
        let mut view = Self {
            success: false,
            status_code: None,
            response_time_ms: took.map(|it| u64::try_from(it).unwrap_or(u64::MAX)),
            sample_data: None,
            error: None,
            preview: None,
            credentials_sent: tried.credentials_sent,
        };
        match tried.answer {
            Ok((status, body)) => {
                view.status_code = Some(status);
                // A body of 10 MiB takes its time.
                let read = tokio::task::spawn_blocking(move || read(&body, &integration, &scrub));
                let read = read.await.map_err(|_| ProjectError::Stopping)?;
                view.success = read.error.is_none();
                Ok(view.with(read))
            }
            Err(error) => {
                view.status_code = error.upstream_status();
                let seconds = integration.timeout.as_secs();
                view.error = Some(scrub.text(&advice(&error, seconds, withheld)));
                Ok(view)
            }
        }
    }

    fn with(self, read: Read) -> Self {
        Self {
            sample_data: read.sample,
            preview: read.preview,
            error: read.error,
            ..self
        }
    }
}

/// What a body says.
struct Read {
    sample: Option<Value>,
    preview: Option<Preview>,
    error: Option<String>,
}

fn read(body: &Bytes, integration: &Integration, scrub: &Scrub) -> Read {
    match usable_units(body, &integration.mapping) {
        Ok(raw) => Read {
            sample: sample(body, scrub),
            preview: Some(Preview::of(&raw, &integration.mapping, scrub)),
            error: None,
        },
        Err(error) => Read {
            sample: None,
            preview: None,
            error: Some(format!("{error}{}. {SHAPES}", looks(body, scrub))),
        },
    }
}

/// What a body is that is none of units, without showing what it says: it may be meant for others.
fn looks(body: &[u8], scrub: &Scrub) -> String {
    let begins = body.trim_ascii_start();
    if begins.is_empty() {
        return "; it is empty".to_owned();
    }
    if begins.starts_with(b"<") {
        return "; it looks like a web page: is status_endpoint right, or is it a login page?"
            .to_owned();
    }
    if begins.len() > LARGEST_LOOKED_AT {
        return String::new();
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(begins) else {
        return String::new();
    };
    // Whole names are looked through for secrets before they are cut.
    let names: Vec<String> = members
        .keys()
        .take(MOST_NAMES)
        .map(|name| scrub.cut(name, LONGEST_NAME))
        .collect();
    match names.as_slice() {
        [] => "; it is an object without members".to_owned(),
        names => format!("; it is an object of {}", names.join(", ")),
    }
}

/// What went wrong, and what to do about it.
fn advice(error: &FetchError, seconds: u64, withheld: bool) -> String {
    let what_to_do = match error {
        FetchError::Timeout => {
            return format!(
                "no complete answer within {seconds} s. Is the address right, and can it be reached from here? A slow \
                 client API may need a longer timeout_seconds"
            );
        }
        FetchError::Connection(_) => {
            "check the host, the port, and http or https of api_base_url, and whether the client API is up"
        }
        FetchError::Refused(401 | 403) if withheld => {
            "stored credentials were not sent, since this is another origin than the one they were given for: give \
             them anew to try it with them"
        }
        FetchError::Refused(401 | 403) => {
            "it wants other credentials: check auth_type and auth_credentials, and whether they may read units"
        }
        FetchError::Refused(404 | 405 | 410) => {
            "there are no units at this address: check status_endpoint, and the path of api_base_url"
        }
        FetchError::Refused(300..=399) => {
            "it says that the units are elsewhere, and that is not followed: put the new address into api_base_url \
             and status_endpoint"
        }
        FetchError::Refused(_) => {
            "it does not accept the request: check status_endpoint and its query"
        }
        FetchError::Server { .. } => {
            "the client API itself has failed: try again later, or ask whoever runs it"
        }
        FetchError::TooManyRequests { .. } => {
            "try again later; a longer polling_interval_seconds may be needed"
        }
        error if is_redirect(error) => {
            "redirects to another origin are not followed: put the address that it leads to into api_base_url, if you \
             trust it"
        }
        FetchError::Address(_) => "check api_base_url and status_endpoint",
        FetchError::Body(_) => "the client API must answer with less, and whole",
        FetchError::Credentials(_) => "give auth_credentials anew",
    };
    match error {
        // Its own words are a sentence.
        FetchError::Connection(reason) => format!("{reason}. What to do: {what_to_do}"),
        error => format!("{error}. What to do: {what_to_do}"),
    }
}
