//! A row of an `InfluxDB` as a reading: which columns are what, whatever language it was asked in. Pure.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use crate::model::{DeviceId, Reading, SourceError};

/// Columns that are no metrics, beside all whose name begins with [`INTERNAL`].
const NO_METRICS: [&str; 2] = ["device_id", "site_id"];
/// Columns of the database's own.
const INTERNAL: &str = "iox::";

/// The device that a row names, and its reading. Everything that is not known to be something else is a metric.
///
/// # Errors
/// A row without a time is none that was asked for.
pub(super) fn reading(
    mut row: Map<String, Value>,
) -> Result<(Option<DeviceId>, Reading), SourceError> {
    let time = row.remove("time");
    let time = time.as_ref().and_then(Value::as_str).and_then(instant);
    let Some(time) = time else {
        return Err(SourceError::Refused("a row has no time".to_owned()));
    };
    let seq = row.remove("seq").and_then(|seq| seq.as_i64());
    let device = row.get("device_id").and_then(Value::as_str);
    let device = device.and_then(|device| DeviceId::parse(device).ok());
    let mut metrics = row;
    metrics.retain(|name, value| {
        !value.is_null() && !NO_METRICS.contains(&name.as_str()) && !name.starts_with(INTERNAL)
    });
    Ok((device, Reading { time, seq, metrics }))
}

/// RFC 3339, or the same without an offset, which is UTC.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let with_offset = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    with_offset
        .or_else(|_| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc())
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(row: Value) -> Option<(Option<DeviceId>, Reading)> {
        let Value::Object(row) = row else { return None };
        reading(row).ok()
    }

    #[test]
    fn what_is_no_time_device_site_counter_or_internal_is_a_metric_of_its_type() {
        let row = json!({
            "time": "2026-11-27T10:00:00.5Z", "device_id": "d", "site_id": "s", "seq": 7, "iox::measurement": "m",
            "n": 1, "f": 1.5, "t": "x", "b": true, "nothing": null, "msg_type": "data"
        });
        let (device, reading) = read(row).unwrap();
        assert_eq!(device, DeviceId::parse("d").ok());
        assert_eq!(reading.time.to_rfc3339(), "2026-11-27T10:00:00.500+00:00");
        assert_eq!(reading.seq, Some(7));
        let metrics = json!({"n": 1, "f": 1.5, "t": "x", "b": true, "msg_type": "data"});
        assert_eq!(Value::Object(reading.metrics), metrics);
    }

    #[test]
    fn a_time_without_an_offset_is_utc_and_a_row_without_a_time_is_none() {
        let time = |text: &str| read(json!({"time": text})).map(|(_, reading)| reading.time);
        assert_eq!(
            time("2026-11-27T10:00:00.25"),
            time("2026-11-27T10:00:00.250Z")
        );
        assert_eq!(
            time("2026-11-27T12:00:00+02:00"),
            time("2026-11-27T10:00:00")
        );
        assert!(time("yesterday").is_none() && read(json!({"n": 1})).is_none());
    }
}
