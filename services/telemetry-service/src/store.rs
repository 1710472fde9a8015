//! What a telemetry store can be asked. Two exist: Postgres and `InfluxDB` (`infra`); one suite of tests runs over both.

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use crate::model::{DeviceId, Reading, SourceError, TenantId};

/// An answer of a store, when it has come.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, SourceError>>;

/// Where readings are. A device that the tenant does not own is one without readings. What cannot be read is an error,
/// never an empty answer.
pub trait TelemetryStore: Send + Sync + 'static {
    /// The newest reading of each of these devices that has one, in one query whatever their number.
    fn latest<'a>(
        &'a self,
        tenant: &'a TenantId,
        devices: &'a [DeviceId],
    ) -> Answer<'a, Vec<(DeviceId, Reading)>>;

    /// The newest readings of a device, newest first, at most `count`.
    fn newest<'a>(
        &'a self,
        tenant: &'a TenantId,
        device: &'a DeviceId,
        count: u16,
    ) -> Answer<'a, Vec<Reading>> {
        self.range(tenant, device, Span::default(), count)
    }

    /// Readings of a device, newest first, at most `limit`: from `start` on, before `end`, where given.
    fn range<'a>(
        &'a self,
        tenant: &'a TenantId,
        device: &'a DeviceId,
        span: Span,
        limit: u16,
    ) -> Answer<'a, Vec<Reading>>;
}

/// A half-open range of time; an absent end is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first instant in it.
    pub start: Option<DateTime<Utc>>,
    /// The first instant after it.
    pub end: Option<DateTime<Utc>>,
}
