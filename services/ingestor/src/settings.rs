//! The settings of this service; each field's sentence is its manual.

use std::time::Duration;

use chrono_tz::Tz;
use service_kit::broker::{BrokerSettings, QueueSettings};
use service_kit::settings::{
    DatabaseSettings, Field, LogSettings, OpsSettings, Setting, ShutdownSettings, Url,
};

service_kit::service_settings! {
    "ingestor";
    OPS_PORT = "9100";
    ops: OpsSettings,
    database: DatabaseSettings,
    broker: BrokerSettings,
    queue: QueueSettings,
    run: RunSettings,
    scope: ScopeSettings,
    policy: PolicySettings,
    log: LogSettings,
    shutdown: ShutdownSettings,
}

service_kit::settings! {
    /// How runs are claimed and held.
    pub struct RunSettings {
        /// A worker that is silent for this long has lost its run.
        lease_seconds: Duration = "60" in 1..=3600;
        /// How often a lease is renewed; a third of LEASE_SECONDS where that is sooner.
        lease_renew_seconds: Duration = "10" in 1..=1200;
        /// Runs of one mode that this process works on at once.
        run_concurrency: usize = "1" in 1..=16;
    }

    /// What is brought in.
    pub struct ScopeSettings {
        /// The time zone of the portal's days and of times without an offset.
        sync_timezone: TimeZone = "America/Sao_Paulo";
        /// Modalidades that every run asks for; the portal has no "all".
        pncp_modalidades: Modalidades = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15";
        /// Whether the items of changed contratacoes are read too: off or changed.
        pncp_items: ItemsStage = "changed";
        /// An update reaches back at least this many minutes.
        rolling_window_minutes: u32 = "15" in 1..=1440;
        /// An update reaches back at most this many days.
        max_catchup_days: u32 = "10" in 1..=365;
    }

    /// How the portal is asked: pace, patience, retries.
    pub struct PolicySettings {
        /// The consulta API; `/v1/…` is appended. Private addresses are allowed.
        pncp_base_url: Url = "https://pncp.gov.br/api/consulta";
        /// The API of items; unset means PNCP_BASE_URL with its last segment `consulta` replaced by `pncp`, else `/pncp` appended.
        pncp_items_url: Option<Url> = "";
        /// Deadline of one request, answer included.
        http_timeout: Duration = "60" in 1..=600;
        /// Requests a second in clear weather.
        pncp_rate_per_second: PerSecond = "1.0";
        /// Requests under way at once.
        pncp_max_in_flight: usize = "2" in 1..=16;
        /// Tries of one page, at least.
        pncp_page_tries: u32 = "5" in 1..=100;
        /// The time over which the tries of one page are spread, at least.
        pncp_page_retry_seconds: Duration = "180" in 0..=3600;
        /// How long everything pauses after a 429; doubles while they go on.
        pncp_pause_seconds: Duration = "15" in 1..=3600;
        /// The longest such pause.
        pncp_pause_max_seconds: Duration = "60" in 1..=3600;
        /// Segments that fail in a row before the breaker opens.
        pncp_breaker_segments: u32 = "3" in 1..=100;
        /// How often an open breaker lets a probe through.
        pncp_probe_seconds: Duration = "30" in 1..=3600;
        /// How long a run waits for a source that is down before it ends incomplete.
        pncp_patience_seconds: Duration = "3600" in 0..=604_800;
    }
}

/// The time zone of the portal's days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(pub Tz);

impl Setting for TimeZone {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn rule(_: &Field) -> String {
        "a time zone of the IANA database, such as America/Sao_Paulo".to_owned()
    }
}

/// Ids of modalidades, ascending and each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modalidades(Vec<i16>);

impl Modalidades {
    /// The ids.
    pub fn ids(&self) -> &[i16] {
        &self.0
    }
}

impl Setting for Modalidades {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        let id = |item: &str| item.trim().parse().ok().filter(|id| (1..=999).contains(id));
        let mut ids = text.split(',').map(id).collect::<Option<Vec<i16>>>()?;
        ids.sort_unstable();
        ids.dedup();
        Some(Self(ids))
    }

    fn rule(_: &Field) -> String {
        "a comma list of ids from 1 to 999, such as 6,8,9".to_owned()
    }
}

/// Whether items are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemsStage {
    /// Contratacoes only.
    Off,
    /// The items of every contratacao whose version changed.
    Changed,
}

impl Setting for ItemsStage {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "changed" => Some(Self::Changed),
            _ => None,
        }
    }

    fn rule(_: &Field) -> String {
        "off or changed".to_owned()
    }
}

/// A frequency in 1/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerSecond(pub f64);

impl Setting for PerSecond {
    const QUOTED: bool = false;

    fn parse(_: &Field, text: &str) -> Option<Self> {
        let number: f64 = text.parse().ok()?;
        (0.1..=100_000.0).contains(&number).then_some(Self(number))
    }

    fn rule(_: &Field) -> String {
        "a number from 0.1 to 100000".to_owned()
    }
}

impl RunSettings {
    /// How often a lease is renewed: three tries fit into one lease, whatever the settings say.
    pub fn renew_every(&self) -> Duration {
        self.lease_renew_seconds.min(self.lease_seconds / 3)
    }
}
