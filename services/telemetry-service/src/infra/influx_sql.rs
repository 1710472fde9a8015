//! `InfluxDB` 3: SQL on `/api/v3/query_sql`, and what comes back. Pure. Ids are bound, never text: a query holds names of
//! parameters only.

use serde::Serialize;
use serde_json::{Map, Value};

use super::influx_api::Said;
use super::influx_row::reading;
use crate::model::{DeviceId, Reading, SourceError};
use crate::store::Span;

/// A query and its parameters.
pub(super) struct Query {
    text: String,
    params: Map<String, Value>,
}

#[derive(Serialize)]
struct Question<'a> {
    db: &'a str,
    q: &'a str,
    params: &'a Map<String, Value>,
    format: &'a str,
}

impl Query {
    /// The newest reading of each device. The rank is named as the database names columns of its own, which are no
    /// metrics.
    pub(super) fn latest(devices: &[DeviceId]) -> Self {
        let bound =
            |(number, device): (usize, &DeviceId)| (format!("d{number}"), device.as_str().into());
        let params: Map<String, Value> = devices.iter().enumerate().map(bound).collect();
        let names: Vec<String> = (0..devices.len())
            .map(|number| format!("$d{number}"))
            .collect();
        let text = format!(
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY device_id ORDER BY time DESC) AS \"iox::rank\" \
             FROM telemetry WHERE device_id IN ({})) AS ranked WHERE \"iox::rank\" = 1",
            names.join(", ")
        );
        Self { text, params }
    }

    /// The newest readings of one device within a span.
    pub(super) fn range(device: &DeviceId, span: Span, limit: u16) -> Self {
        let mut params = Map::new();
        params.insert("device".to_owned(), device.as_str().into());
        let mut text = "SELECT * FROM telemetry WHERE device_id = $device".to_owned();
        let bounds = [("start", ">=", span.start), ("end", "<", span.end)];
        for (name, compares, bound) in bounds {
            if let Some(bound) = bound {
                text = format!("{text} AND time {compares} CAST(${name} AS TIMESTAMP)");
                params.insert(name.to_owned(), bound.to_rfc3339().into());
            }
        }
        let text = format!("{text} ORDER BY time DESC LIMIT {limit}");
        Self { text, params }
    }

    /// The JSON that is posted.
    pub(super) fn json(&self, database: &str) -> String {
        let question = Question {
            db: database,
            q: &self.text,
            params: &self.params,
            format: "json",
        };
        // Texts and numbers always serialize.
        serde_json::to_string(&question).unwrap_or_default()
    }
}

/// The readings in an answer.
///
/// # Errors
/// Whatever is no whole answer. A database or a table that is not there is an answer: see
/// [`super::telemetry_influx_api`].
pub(super) fn read(
    said: &Said,
    database: &str,
) -> Result<Vec<(Option<DeviceId>, Reading)>, SourceError> {
    if !said.status.is_success() {
        return if names_nothing(&said.complaint(), database) {
            Ok(Vec::new())
        } else {
            Err(said.failure())
        };
    }
    let rows: Vec<Map<String, Value>> = serde_json::from_slice(&said.body)
        .map_err(|error| SourceError::Refused(format!("its answer is no list of rows: {error}")))?;
    rows.into_iter().map(reading).collect()
}

/// Its two sentences for a tenant that has never written. A 404 alone may come from anybody on the way.
fn names_nothing(complaint: &str, database: &str) -> bool {
    complaint.ends_with(&format!("database not found: {database}"))
        || complaint.contains("table 'public.iox.telemetry' not found")
}
