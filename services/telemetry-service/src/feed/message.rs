//! Pushes as they are written; docs/API.md shows one of each.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::frame::Frame;
use crate::model::{Alert, DeviceId, OpenAlerts, Reading};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Message<'a> {
    Telemetry {
        device_id: &'a DeviceId,
        data: Data<'a>,
    },
    Alerts {
        alerts: &'a [Alert],
        total: i64,
    },
    State {
        channel: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        device_id: Option<&'a DeviceId>,
        state: &'static str,
        since: String,
    },
}

#[derive(Serialize)]
struct Data<'a> {
    timestamp: String,
    metrics: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
}

/// A device's newest reading.
pub fn telemetry(device_id: &DeviceId, reading: &Reading) -> Frame {
    let data = Data {
        timestamp: stamp(reading.time),
        metrics: &reading.metrics,
        seq: reading.seq,
    };
    Frame::json(&Message::Telemetry { device_id, data })
}

/// The open alerts.
pub fn alerts(open: &OpenAlerts) -> Frame {
    Frame::json(&Message::Alerts {
        alerts: &open.alerts,
        total: open.total,
    })
}

/// Whether the source of a device's readings, or of the alerts, can be read.
pub fn state(device_id: Option<&DeviceId>, stale: bool, since: DateTime<Utc>) -> Frame {
    Frame::json(&Message::State {
        channel: if device_id.is_some() {
            "device"
        } else {
            "alerts"
        },
        device_id,
        state: if stale { "stale" } else { "live" },
        since: stamp(since),
    })
}

fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
