//! What travels between stores, feeds and sockets: who owns it, and what was measured. Parsed once; an id that could
//! mean something in a query, a URL or a log cannot be made.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The longest id of a tenant or a device, in bytes.
pub const LONGEST_ID: usize = 128;

/// Why a text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 128 of A-Z a-z 0-9 . _ : -")]
pub struct NoId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, pattern = "^[A-Za-z0-9._:-]{1,128}$")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes `[A-Za-z0-9._:-]{1,128}`.
            ///
            /// # Errors
            /// [`NoId`] for anything else.
            pub fn parse(text: &str) -> Result<Self, NoId> {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
                let fits = (1..=LONGEST_ID).contains(&text.len());
                if fits && text.bytes().all(plain) {
                    return Ok(Self(text.into()));
                }
                Err(NoId)
            }

            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A tenant: comes from a verified token only.
    TenantId
}
id! {
    /// A device, as its tenant calls it. Two tenants may use one name for two devices.
    DeviceId
}

/// One row of telemetry.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When it was measured.
    pub time: DateTime<Utc>,
    /// The device's own counter, where it has one.
    pub seq: Option<i64>,
    /// All metrics of the row, types kept, nulls dropped.
    pub metrics: Map<String, Value>,
}

/// An alert as pushes tell it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    /// Grows with time.
    pub alert_id: i64,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// What it is about.
    #[schema(required)]
    pub device_id: Option<String>,
    /// Where that stands.
    #[schema(required)]
    pub site_id: Option<String>,
    /// What kind of alert.
    pub alert_type: String,
    /// The higher, the worse.
    pub severity: i32,
    /// 0 to 1.
    #[schema(required)]
    pub confidence: Option<f32>,
    /// For people.
    #[schema(required)]
    pub summary: Option<String>,
    /// OPEN, ACKNOWLEDGED or CLOSED.
    pub status: String,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// The open alerts of a tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OpenAlerts {
    /// Newest first, at most [`SHOWN_ALERTS`].
    pub alerts: Vec<Alert>,
    /// How many there are.
    pub total: i64,
}

/// So many open alerts are shown at most.
pub const SHOWN_ALERTS: i64 = 100;

/// The largest answer that is taken from a source, in bytes: a thousand readings of some kilobytes each. It is held whole,
/// several times over.
pub const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// A source that could not be read. Never to be taken for "no data".
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is away, and may come back.
    #[error("the source is not available: {0}")]
    Unavailable(String),
    /// It answered with something else than data.
    #[error("the source refused a query: {0}")]
    Refused(String),
    /// It has more than [`LARGEST_ANSWER`] to tell: fewer readings may be asked for.
    #[error("the answer of the source is too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_nothing_that_a_query_or_an_address_could_misread() {
        for good in ["dev-0001", "A.b_c:d-9", &"x".repeat(128)] {
            assert_eq!(DeviceId::parse(good).unwrap().as_str(), good);
        }
        let odd = [
            "",
            "a b",
            "a'b",
            "a\"b",
            "a;b",
            "a/b",
            "é",
            "a\nb",
            "a\0b",
            &"x".repeat(129),
        ];
        for bad in odd {
            assert_eq!(DeviceId::parse(bad), Err(NoId), "{bad:?}");
            assert_eq!(TenantId::parse(bad), Err(NoId), "{bad:?}");
        }
    }
}
