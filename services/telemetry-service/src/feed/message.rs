//! Pushes as they are written; docs/API.md shows one of each.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::frame::Frame;
use crate::model::{Alert, DeviceId, OpenAlerts, Reading};

/// What a socket is told of what it has subscribed to.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = SocketPush)]
pub enum Message<'a> {
    /// A device's newest reading.
    Telemetry {
        /// The device.
        device_id: &'a DeviceId,
        /// The reading.
        data: Data<'a>,
    },
    /// The open alerts.
    Alerts {
        /// The newest, newest first.
        alerts: &'a [Alert],
        /// How many there are.
        total: i64,
    },
    /// A source cannot be read, or can be read again.
    State {
        /// What kind of source.
        #[schema(pattern = "^(device|alerts)$")]
        channel: &'static str,
        /// The device, of that channel.
        #[schema(value_type = DeviceId, required = false)]
        #[serde(skip_serializing_if = "Option::is_none")]
        device_id: Option<&'a DeviceId>,
        /// `stale`: what you have may be old. `live` when it can be read again.
        #[schema(pattern = "^(stale|live)$")]
        state: &'static str,
        /// Since when.
        #[schema(format = DateTime)]
        since: String,
    },
}

/// A reading as pushes tell it.
#[derive(Serialize, ToSchema)]
#[schema(as = PushedReading)]
pub struct Data<'a> {
    /// When it was measured.
    #[schema(format = DateTime)]
    timestamp: String,
    /// All metrics of the row, types kept; nulls are left out.
    #[schema(value_type = Object)]
    metrics: &'a Map<String, Value>,
    /// The device's own counter, where it has one.
    #[schema(value_type = i64, required = false)]
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
