//! `InfluxDB` 1: `InfluxQL` on `/query`, and what comes back. Pure. Ids are bound, never text: a query holds names of
//! parameters only.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::influx_api::{Said, short};
use super::influx_row::reading;
use crate::model::{DeviceId, Reading, SourceError};
use crate::store::Span;

/// A query and its parameters.
pub(super) struct Query {
    text: String,
    params: Map<String, Value>,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    series: Vec<Series>,
    error: Option<String>,
    #[serde(default)]
    partial: bool,
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    tags: Map<String, Value>,
    columns: Vec<String>,
    #[serde(default)]
    values: Vec<Vec<Value>>,
    #[serde(default)]
    partial: bool,
}

impl Query {
    /// The newest reading of each device: groups are devices, and a limit is one of each group.
    pub(super) fn latest(devices: &[DeviceId]) -> Self {
        let mut params = Map::new();
        let mut wanted = String::new();
        for (number, device) in devices.iter().enumerate() {
            let or = if number == 0 { "" } else { " OR " };
            // Writing to a String cannot fail.
            let _ = write!(wanted, "{or}\"device_id\" = $d{number}");
            params.insert(format!("d{number}"), device.as_str().into());
        }
        let text = format!(
            "SELECT * FROM \"telemetry\" WHERE {wanted} GROUP BY \"device_id\" ORDER BY time DESC LIMIT 1"
        );
        Self { text, params }
    }

    /// The newest readings of one device within a span. Bounds are nanoseconds since 1970.
    pub(super) fn range(device: &DeviceId, span: Span, limit: u16) -> Self {
        let mut params = Map::new();
        params.insert("device".to_owned(), device.as_str().into());
        let mut text = "SELECT * FROM \"telemetry\" WHERE \"device_id\" = $device".to_owned();
        let bounds = [("start", ">=", span.start), ("end", "<", span.end)];
        for (name, compares, bound) in bounds {
            if let Some(bound) = bound {
                let _ = write!(text, " AND time {compares} ${name}");
                params.insert(name.to_owned(), nanoseconds(bound).into());
            }
        }
        let _ = write!(text, " ORDER BY time DESC LIMIT {limit}");
        Self { text, params }
    }

    /// The form that is posted.
    pub(super) fn form(self, database: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("db", database)
            .append_pair("q", &self.text)
            .append_pair("params", &Value::Object(self.params).to_string())
            .finish()
    }
}

/// The readings in an answer.
///
/// # Errors
/// Whatever is no whole answer. A database that is not there is an answer: see [`super::telemetry_influx_api`].
pub(super) fn read(
    said: &Said,
    database: &str,
) -> Result<Vec<(Option<DeviceId>, Reading)>, SourceError> {
    if !said.status.is_success() {
        return Err(said.failure());
    }
    let answer: Answer = serde_json::from_slice(&said.body)
        .map_err(|error| SourceError::Refused(format!("its answer is no result: {error}")))?;
    let mut found = Vec::new();
    for outcome in answer.results {
        match outcome.error {
            Some(error) if error == format!("database not found: {database}") => {
                return Ok(Vec::new());
            }
            Some(error) => return Err(SourceError::Refused(short(&error))),
            None => {}
        }
        let partial = outcome.partial || outcome.series.iter().any(|series| series.partial);
        if partial {
            return Err(SourceError::Refused(
                "its answer is cut short by a limit of its own".to_owned(),
            ));
        }
        for row in outcome.series.into_iter().flat_map(Series::rows) {
            found.push(reading(row)?);
        }
    }
    Ok(found)
}

/// The first and the last instant that an `InfluxDB` 1 can name are in 1677 and 2262; what lies beyond is as good as they.
fn nanoseconds(time: DateTime<Utc>) -> i64 {
    const LAST: i64 = i64::MAX - 1;
    let beyond = if time.timestamp() < 0 { -LAST } else { LAST };
    time.timestamp_nanos_opt()
        .map_or(beyond, |it| it.clamp(-LAST, LAST))
}

impl Series {
    /// Each row with its series' tags, as if they were columns.
    fn rows(self) -> impl Iterator<Item = Map<String, Value>> {
        let Self {
            tags,
            columns,
            values,
            ..
        } = self;
        values.into_iter().map(move |values| {
            let mut row = tags.clone();
            row.extend(columns.iter().cloned().zip(values));
            row
        })
    }
}
