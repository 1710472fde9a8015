//! Readings in an `InfluxDB`: each tenant's in the database `telemetry_{tenant}`, measurement `telemetry`, tag
//! `device_id`.
//!
//! A tenant without a database is one without readings: an `InfluxDB` makes it with the first write, so until then
//! "not found" is the true and whole answer of a server that is well, as no rows are in Postgres. It is believed for
//! exactly this database and nothing else; a server that is away, refuses us, or answers with anything else is an
//! error.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use service_kit::http_client::Outbound;
use service_kit::settings::{ExposeSecret as _, Secret, Url};

use super::influx_api::{Influx, UnusableToken};
use super::{influx_sql, influxql};
use crate::model::{DeviceId, Reading, SourceError, TenantId};
use crate::settings::InfluxApi;
use crate::store::{Answer, Span, TelemetryStore};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The telemetry store of `TELEMETRY_STORE=influxdb`.
#[derive(Clone, Debug)]
pub struct InfluxTelemetry {
    influx: Influx,
    api: InfluxApi,
}

/// What is asked, before it is put into a language.
enum Wanted<'a> {
    Latest(&'a [DeviceId]),
    Range(&'a DeviceId, Span, u16),
}

type Found = Vec<(Option<DeviceId>, Reading)>;

impl InfluxTelemetry {
    /// The one at `url`, which is the operator's own address and may be a private one: `outbound` has to allow that.
    ///
    /// # Errors
    /// [`UnusableToken`].
    pub fn new(
        outbound: Outbound,
        url: &Url,
        token: Option<&Secret>,
        api: InfluxApi,
    ) -> Result<Self, UnusableToken> {
        let authorization = token.map(|token| authorization(api, token));
        let influx = Influx::new(outbound, url, authorization.as_ref())?;
        Ok(Self { influx, api })
    }

    async fn ask(&self, tenant: &TenantId, wanted: Wanted<'_>) -> Result<Found, SourceError> {
        let database = format!("telemetry_{tenant}");
        match self.api {
            InfluxApi::V1 => {
                let query = match wanted {
                    Wanted::Latest(devices) => influxql::Query::latest(devices),
                    Wanted::Range(device, span, limit) => {
                        influxql::Query::range(device, span, limit)
                    }
                };
                let said = self
                    .influx
                    .ask("/query", FORM, query.form(&database))
                    .await?;
                influxql::read(&said, &database)
            }
            InfluxApi::V3 => {
                let query = match wanted {
                    Wanted::Latest(devices) => influx_sql::Query::latest(devices),
                    Wanted::Range(device, span, limit) => {
                        influx_sql::Query::range(device, span, limit)
                    }
                };
                let said = self
                    .influx
                    .ask("/api/v3/query_sql", JSON, query.json(&database))
                    .await?;
                influx_sql::read(&said, &database)
            }
        }
    }

    async fn read_latest(
        &self,
        tenant: &TenantId,
        devices: &[DeviceId],
    ) -> Result<Vec<(DeviceId, Reading)>, SourceError> {
        if devices.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.ask(tenant, Wanted::Latest(devices)).await?;
        Ok(found
            .into_iter()
            .filter_map(|(device, reading)| Some((device?, reading)))
            .collect())
    }

    async fn read_range(
        &self,
        tenant: &TenantId,
        device: &DeviceId,
        span: Span,
        limit: u16,
    ) -> Result<Vec<Reading>, SourceError> {
        let found = self.ask(tenant, Wanted::Range(device, span, limit)).await?;
        Ok(found.into_iter().map(|(_, reading)| reading).collect())
    }
}

/// Version 1 knows users and passwords, and takes `user:password` as Basic whatever its release; tokens came with 1.8.
fn authorization(api: InfluxApi, token: &Secret) -> Secret {
    let token = token.expose_secret();
    match api {
        InfluxApi::V1 if token.contains(':') => {
            format!("Basic {}", BASE64_STANDARD.encode(token)).into()
        }
        InfluxApi::V1 => format!("Token {token}").into(),
        InfluxApi::V3 => format!("Bearer {token}").into(),
    }
}

impl TelemetryStore for InfluxTelemetry {
    fn latest<'a>(
        &'a self,
        tenant: &'a TenantId,
        devices: &'a [DeviceId],
    ) -> Answer<'a, Vec<(DeviceId, Reading)>> {
        Box::pin(self.read_latest(tenant, devices))
    }

    fn range<'a>(
        &'a self,
        tenant: &'a TenantId,
        device: &'a DeviceId,
        span: Span,
        limit: u16,
    ) -> Answer<'a, Vec<Reading>> {
        Box::pin(self.read_range(tenant, device, span, limit))
    }
}
