//! The settings of this service; each field's sentence is its manual.

use std::time::Duration;

use client_api::IntegrationSettings;
use service_kit::http_client::OutboundSettings;
use service_kit::settings::{
    DatabaseSettings, IpNet, ListenSettings, LogSettings, OpsSettings, ShutdownSettings,
    TlsSettings,
};

service_kit::service_settings! {
    "public-service";
    PORT = "8080", OPS_PORT = "9080";
    listen: ListenSettings,
    ops: OpsSettings,
    tls: TlsSettings,
    database: DatabaseSettings,
    integration: IntegrationSettings,
    source: SourceSettings,
    outbound: OutboundSettings,
    stream: StreamSettings,
    limit: LimitSettings,
    page: PageSettings,
    log: LogSettings,
    shutdown: ShutdownSettings,
}

service_kit::settings! {
    /// How client APIs are asked, and how long their answers are good.
    pub struct SourceSettings {
        /// Data younger than this is served from memory.
        cache_ttl_seconds: Duration = "30" in 1..=3600;
        /// How long a project is polled on after its last viewer left.
        poll_linger_seconds: Duration = "2" in 0..=3600;
        /// How often the settings of known projects are read again.
        settings_reload_seconds: Duration = "10" in 1..=30;
    }

    /// How streams behave.
    pub struct StreamSettings {
        /// Seconds of silence after which a ping is sent.
        ping_seconds: Duration = "30" in 1..=3600;
        /// A viewer that takes nothing for this long is dropped.
        write_deadline_seconds: Duration = "60" in 1..=3600;
        /// Send buffer of a connection (SO_SNDBUF), so that the kernel does not hoard old frames.
        stream_sndbuf_bytes: usize = "65536" in 4096..=16_777_216;
        /// Changes kept per project for viewers that come back.
        replay_ring: usize = "256" in 1..=65536;
    }

    /// What one address, and all together, may take.
    pub struct LimitSettings {
        /// Open streams in total.
        max_streams: usize = "50000" in 1..=1_000_000;
        /// Open streams of one client address (IPv6: of one /64); 0 = no limit.
        max_streams_per_ip: u32 = "0" in 0..=1_000_000;
        /// Proxies (CIDRs, comma separated) whose X-Forwarded-For is believed.
        trusted_proxies: Vec<IpNet> = "";
        /// A project is refreshed by force at most once in this time.
        refresh_min_seconds: Duration = "5" in 1..=3600;
        /// Forced refreshes of one client address in a minute.
        refresh_per_minute: u32 = "10" in 1..=100_000;
    }

    /// The pages.
    pub struct PageSettings {
        /// Whether / lists all active projects with links to their viewers.
        viewer_index: bool = "false";
    }
}
