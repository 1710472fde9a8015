//! The settings of this service; each field's sentence is its manual.

use std::time::Duration;

use service_kit::jwt::JwtSettings;
use service_kit::settings::{
    DatabaseSettings, Field, ListenSettings, LogSettings, OpsSettings, Secret, Setting,
    ShutdownSettings, TlsSettings, Url,
};

service_kit::service_settings! {
    "telemetry-service";
    PORT = "8090", OPS_PORT = "9190";
    listen: ListenSettings,
    ops: OpsSettings,
    tls: TlsSettings,
    database: DatabaseSettings,
    identity: JwtSettings,
    store: StoreSettings,
    feed: FeedSettings,
    socket: SocketSettings,
    limit: LimitSettings,
    log: LogSettings,
    shutdown: ShutdownSettings;
    check = Settings::somebody_is_believed;
}

service_kit::settings! {
    /// Where readings are.
    pub struct StoreSettings {
        /// `postgres`: the table telemetry of DATABASE_URL; `influxdb`: INFLUXDB_URL.
        telemetry_store: StoreKind = "postgres";
        /// The InfluxDB; each tenant's readings are in its database telemetry_{tenant_id}.
        influxdb_url: Option<Url> = "";
        /// Its token.
        influxdb_token: Option<Secret> = "";
        /// `v1`: InfluxQL on /query; `v3`: SQL on /api/v3/query_sql.
        influxdb_api: InfluxApi = "v1";
    }
    check = StoreSettings::influx_has_an_address;

    /// How sources are asked on behalf of all who watch.
    pub struct FeedSettings {
        /// How often watched devices and alerts are looked at where the database says nothing.
        ws_poll_seconds: Duration = "5" in 1..=3600;
        /// When something is pushed: on `change`, or every `interval` whether changed or not.
        ws_push: Push = "change";
        /// Between two queries of one kind that the database's hints ask for, per tenant.
        ws_hint_ms: Duration = "100" in 1..=60_000;
        /// Devices of one tenant that are watched at once.
        max_watched_devices: usize = "10000" in 1..=1_000_000;
    }

    /// How sockets behave.
    pub struct SocketSettings {
        /// Origins of pages that may connect, comma separated, as in `https://app.example.org`; unset means any.
        allowed_origins: Vec<String> = "";
        /// Between two pings.
        ws_ping_ms: Duration = "25000" in 100..=600_000;
        /// A socket that answers a ping with no pong for this long is ended.
        ws_pong_ms: Duration = "10000" in 100..=600_000;
        /// A socket that takes nothing for this long is ended.
        write_deadline_seconds: Duration = "30" in 1..=3600;
        /// Send buffer of a connection (SO_SNDBUF), so that the kernel does not hoard old states.
        stream_sndbuf_bytes: usize = "65536" in 4096..=16_777_216;
    }

    /// What one tenant, and all together, may take.
    pub struct LimitSettings {
        /// Open sockets in total.
        max_sockets: usize = "20000" in 1..=1_000_000;
        /// Open sockets of one tenant.
        max_sockets_per_tenant: usize = "500" in 1..=1_000_000;
        /// REST requests of one tenant in 60 s.
        tenant_requests_per_minute: u32 = "100" in 1..=1_000_000;
    }
}

/// Which telemetry store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Postgres.
    Postgres,
    /// `InfluxDB`.
    Influxdb,
}

/// Which interface of `InfluxDB` is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfluxApi {
    /// `InfluxQL`.
    V1,
    /// SQL.
    V3,
}

/// When something is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// When it has changed.
    Change,
    /// Every interval besides, as older programs did.
    Interval,
}

/// A setting that is one of a few words.
macro_rules! words {
    ($name:ident: $($word:literal => $variant:ident),+; $rule:literal) => {
        impl Setting for $name {
            fn parse(_: &Field, text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn rule(_: &Field) -> String {
                $rule.to_owned()
            }
        }
    };
}

words!(StoreKind: "postgres" => Postgres, "influxdb" => Influxdb; "postgres or influxdb");
words!(InfluxApi: "v1" => V1, "v3" => V3; "v1 or v3");
words!(Push: "change" => Change, "interval" => Interval; "change or interval");

impl Settings {
    /// A service that believes nobody's tokens is of no use.
    fn somebody_is_believed(&self) -> Result<(), String> {
        if self.identity.is_configured() {
            return Ok(());
        }
        Err(
            "whose tokens are believed? KEYCLOAK_PUBLIC_URL, or JWT_ISSUER and JWT_JWKS_URL, or JWT_HS256_SECRET \
             is required"
                .to_owned(),
        )
    }
}

impl StoreSettings {
    fn influx_has_an_address(&self) -> Result<(), String> {
        if self.telemetry_store == StoreKind::Influxdb && self.influxdb_url.is_none() {
            return Err("INFLUXDB_URL is required where TELEMETRY_STORE is influxdb".to_owned());
        }
        Ok(())
    }
}
