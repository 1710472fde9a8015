//! The names of all services' settings: one TOML file may serve them all, so a binary must tell a name that only
//! another one uses from a typing error.

/// TOML keys of settings that some Farol service has. Source: docs/API.md and docs/OPERATIONS.md.
pub const KNOWN_ELSEWHERE: &[&str] = &[
    "access_log",
    "admin_auth",
    "admin_database_url",
    "admin_ops_url",
    "admin_password",
    "admin_password_hash",
    "admin_username",
    "alert_email_from",
    "alert_email_to",
    "alert_no_progress_minutes",
    "alert_no_update_minutes",
    "alert_webhook_secret",
    "alert_webhook_url",
    "allowed_origins",
    "auth_failures_per_minute",
    "cache_ttl_seconds",
    "callback_settle_seconds",
    "callback_timeout_seconds",
    "callback_url",
    "database_url",
    "db_pool_size",
    "dispatch_wait_ms",
    "drain_seconds",
    "event_format",
    "frontend_version_url",
    "gateway_ops_url",
    "heartbeat_interval_seconds",
    "host",
    "http_timeout",
    "influxdb_api",
    "influxdb_token",
    "influxdb_url",
    "ingestor_ops_url",
    "internal_host",
    "internal_port",
    "internal_secret",
    "jwt_audience",
    "jwt_hs256_secret",
    "jwt_issuer",
    "jwt_jwks_url",
    "keycloak_internal_url",
    "keycloak_public_url",
    "keycloak_realm",
    "lease_renew_seconds",
    "lease_seconds",
    "log_format",
    "log_level",
    "max_catchup_days",
    "max_connections",
    "max_sockets_per_tenant",
    "max_streams",
    "max_streams_per_ip",
    "ops_host",
    "ops_port",
    "ping_seconds",
    "pncp_base_url",
    "pncp_breaker_segments",
    "pncp_items",
    "pncp_items_url",
    "pncp_max_in_flight",
    "pncp_modalidades",
    "pncp_page_retry_seconds",
    "pncp_page_tries",
    "pncp_patience_seconds",
    "pncp_pause_max_seconds",
    "pncp_pause_seconds",
    "pncp_probe_seconds",
    "pncp_rate_per_second",
    "poll_linger_seconds",
    "port",
    "public_ops_url",
    "queue_name",
    "rabbitmq_url",
    "refresh_min_seconds",
    "refresh_per_minute",
    "reject_mode",
    "replay_ring",
    "rolling_window_minutes",
    "run_concurrency",
    "secret_key",
    "send_buffer_bytes",
    "shutdown_seconds",
    "smtp_url",
    "sse_callback_secret",
    "sse_gateway_url",
    "sse_public_url",
    "stream_sndbuf_bytes",
    "sync_interval_minutes",
    "sync_timezone",
    "telemetry_ops_url",
    "telemetry_store",
    "tls_cert_file",
    "tls_key_file",
    "trusted_proxies",
    "unmapped_status",
    "upstream_allow_hosts",
    "upstream_allow_private",
    "viewer_index",
    "write_deadline_seconds",
    "ws_poll_seconds",
    "ws_push",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http_client::OutboundSettings,
        settings::{
            Concern as _, DatabaseSettings, ListenSettings, LogSettings, OpsSettings,
            ShutdownSettings, TlsSettings,
        },
    };

    #[test]
    fn the_list_is_sorted_and_has_no_name_twice() {
        assert!(KNOWN_ELSEWHERE.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn every_shared_concern_is_in_the_list() {
        let shared = [
            ListenSettings::FIELDS,
            OpsSettings::FIELDS,
            LogSettings::FIELDS,
            DatabaseSettings::FIELDS,
            ShutdownSettings::FIELDS,
            TlsSettings::FIELDS,
            OutboundSettings::FIELDS,
        ];
        for field in shared.concat() {
            assert!(KNOWN_ELSEWHERE.contains(&field.key), "{}", field.key);
        }
    }
}
