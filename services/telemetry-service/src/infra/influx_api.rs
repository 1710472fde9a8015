//! Calls of an `InfluxDB`: where it is, who we are, how long and how much. What is asked, and what answers mean, is
//! `influxql` and `influx_sql`.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use service_kit::http_client::{
    HeaderMap, HeaderName, HeaderValue, Outbound, OutboundError, Request, StatusCode,
};
use service_kit::settings::{ExposeSecret as _, Secret, Url};

use crate::model::{LARGEST_ANSWER, SourceError};

/// As long as Postgres may take for a statement.
const TIMEOUT: Duration = Duration::from_secs(5);
/// So much of what an `InfluxDB` complains about is told.
const LONGEST_COMPLAINT: usize = 200;

/// The token holds what no header can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("INFLUXDB_TOKEN has characters that no header can carry")]
pub struct UnusableToken;

/// An `InfluxDB`.
#[derive(Clone, Debug)]
pub(super) struct Influx {
    outbound: Outbound,
    base: String,
    authorization: Option<HeaderValue>,
}

/// What it said, whatever the status.
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// How an `InfluxDB` words an error.
#[derive(Deserialize)]
struct Complaint {
    error: String,
}

impl Influx {
    /// The one at `url`. `authorization` is the whole header's value.
    pub(super) fn new(
        outbound: Outbound,
        url: &Url,
        authorization: Option<&Secret>,
    ) -> Result<Self, UnusableToken> {
        let mut header = authorization
            .map(|it| HeaderValue::from_str(it.expose_secret()))
            .transpose()
            .map_err(|_| UnusableToken)?;
        if let Some(header) = &mut header {
            header.set_sensitive(true);
        }
        Ok(Self {
            outbound,
            base: url.as_str().trim_end_matches('/').to_owned(),
            authorization: header,
        })
    }

    /// One question. `path` begins with `/`.
    pub(super) async fn ask(
        &self,
        path: &str,
        content_type: &'static str,
        body: String,
    ) -> Result<Said, SourceError> {
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("accept"),
            HeaderValue::from_static("application/json"),
        );
        headers.insert(
            HeaderName::from_static("content-type"),
            HeaderValue::from_static(content_type),
        );
        if let Some(authorization) = &self.authorization {
            headers.insert(
                HeaderName::from_static("authorization"),
                authorization.clone(),
            );
        }
        let request = Request {
            url: format!("{}{path}", self.base),
            headers,
            timeout: TIMEOUT,
            cap: LARGEST_ANSWER,
        };
        let answer = self.outbound.post(&request, body.into()).await?;
        Ok(Said {
            status: answer.status,
            body: answer.body,
        })
    }
}

impl Said {
    /// What it complains about, as it words it.
    pub(super) fn complaint(&self) -> String {
        serde_json::from_slice(&self.body).map_or_else(
            |_| String::from_utf8_lossy(&self.body).into_owned(),
            |complaint: Complaint| complaint.error,
        )
    }

    /// The failure that an answer without success is.
    pub(super) fn failure(&self) -> SourceError {
        let status = self.status.as_u16();
        let told = format!("it answers {status}: {}", short(&self.complaint()));
        match status {
            408 | 429 | 500.. => SourceError::Unavailable(told),
            _ => SourceError::Refused(told),
        }
    }
}

/// The beginning of a text that somebody else has written, on one line.
pub(super) fn short(text: &str) -> String {
    let line = text.trim().replace(char::is_control, " ");
    line.chars().take(LONGEST_COMPLAINT).collect()
}

/// Whether asking again may help.
impl From<OutboundError> for SourceError {
    fn from(error: OutboundError) -> Self {
        let told = error.to_string();
        match error {
            OutboundError::Timeout | OutboundError::Connect(_) | OutboundError::Body(_) => {
                Self::Unavailable(told)
            }
            OutboundError::TooLarge(_) => Self::TooLarge,
            OutboundError::Blocked(_) | OutboundError::Redirect(_) | OutboundError::BadUrl(_) => {
                Self::Refused(told)
            }
        }
    }
}
