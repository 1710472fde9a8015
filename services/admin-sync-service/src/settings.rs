//! The settings of this service; each field's sentence is its manual.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use argon2::PasswordHash;
use chrono_tz::Tz;
use client_api::IntegrationSettings;
use service_kit::broker::{BrokerSettings, QueueSettings};
use service_kit::http_client::OutboundSettings;
use service_kit::jwt::JwtSettings;
use service_kit::settings::{
    DatabaseSettings, ExposeSecret as _, Field, IpNet, ListenSettings, LogSettings, OpsSettings,
    Secret, Setting, ShutdownSettings, Url,
};

service_kit::service_settings! {
    "admin-sync-service";
    PORT = "8000", OPS_PORT = "9000";
    listen: ListenSettings,
    ops: OpsSettings,
    access: AccessSettings,
    jwt: JwtSettings,
    database: DatabaseSettings,
    broker: BrokerSettings,
    queue: QueueSettings,
    sync: SyncSettings,
    keeper: KeeperSettings,
    stream: StreamSettings,
    integration: IntegrationSettings,
    outbound: OutboundSettings,
    console: ConsoleSettings,
    neighbour: NeighbourSettings,
    alert: AlertSettings,
    log: LogSettings,
    shutdown: ShutdownSettings;
    check = Settings::somebody_can_log_in;
}

service_kit::settings! {
    /// Who may use the public listener.
    pub struct AccessSettings {
        /// `on`, or `off`: everybody may. Without credentials or an issuer of tokens the service does not start unless it is off.
        admin_auth: AdminAuth = "on";
        /// The user of HTTP Basic.
        admin_username: Option<String> = "";
        /// The password in clear; this or ADMIN_PASSWORD_HASH.
        admin_password: Option<Secret> = "";
        /// The password as an argon2 hash in PHC format: `$argon2id$…`.
        admin_password_hash: Option<Secret> = "";
        /// Failed logins of one client address in a minute before it is answered 429.
        auth_failures_per_minute: u32 = "10" in 1..=100_000;
        /// Proxies (CIDRs, comma separated) whose X-Forwarded-For is believed.
        trusted_proxies: Vec<IpNet> = "";
    }
    check = AccessSettings::name_and_password_are_whole;

    /// What is asked for, and when.
    pub struct SyncSettings {
        /// The time zone of dates without an offset, and of the portal's days.
        sync_timezone: TimeZone = "America/Sao_Paulo";
        /// Modalidades that should be here, as the ingestor asks for them; coverage shows each.
        pncp_modalidades: Modalidades = "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15";
        /// An update is started this often, or after twice the last one's duration if that is longer; 0 = never.
        sync_interval_minutes: u32 = "15" in 0..=10_080;
        /// How long POST /sync/force waits for the broker's confirm.
        dispatch_wait_ms: Duration = "1000" in 0..=30_000;
    }

    /// How runs are looked after that nobody else looks after.
    pub struct KeeperSettings {
        /// Between two looks at all runs.
        keeper_tick_ms: Duration = "2000" in 10..=60_000;
        /// A run that is queued and unclaimed for this long is announced to the broker again.
        requeue_seconds: Duration = "30" in 0..=3600;
        /// A run that its worker has not given up for this long after a cancel is cancelled without it.
        cancel_seconds: Duration = "7" in 0..=3600;
        /// How often a run is taken from a worker that fell silent; the next time it is lost.
        max_rescues: u32 = "3" in 0..=100;
        /// Runs that are over are deleted after so many days, with their events and their part of the coverage; 0 = never.
        retention_days: u32 = "0" in 0..=36_500;
    }

    /// Where the live progress of a run is to be seen.
    pub struct StreamSettings {
        /// The gateway as this service reaches it.
        sse_gateway_url: Url = "http://localhost:3000";
        /// The gateway as browsers reach it; unset means SSE_GATEWAY_URL.
        sse_public_url: Option<Url> = "";
        /// What the gateway's callbacks must carry as `?secret=`. Unset is only allowed where SSE_GATEWAY_URL is on this machine.
        sse_callback_secret: Option<Secret> = "";
        /// The gateway's INTERNAL_SECRET, where it has one.
        internal_secret: Option<Secret> = "";
        /// Between two looks at the gateway: whether it is ready, and what it holds open.
        sse_check_ms: Duration = "10000" in 10..=600_000;
        /// The longest time between two looks at runs that somebody watches, whatever rings.
        live_poll_ms: Duration = "2000" in 10..=60_000;
        /// A JSON file with the version of the frontend, `{"version", "changelog"?}`; unset means the version of this service.
        frontend_version_url: Option<Url> = "";
        /// Between two looks at it.
        frontend_version_ms: Duration = "60000" in 10..=3_600_000;
    }
    check = StreamSettings::callbacks_are_guarded;

    /// The console, and who is signed in to it.
    pub struct ConsoleSettings {
        /// Who signed in to the console has to do so again after so many hours. Sessions are sealed with SECRET_KEY; without one they end with the process.
        session_hours: u32 = "12" in 1..=720;
        /// public-service as browsers reach it: the console links to its viewers.
        public_url: Option<Url> = "";
    }

    /// The ops listeners of the other services, each with its replicas (comma separated), for the console.
    pub struct NeighbourSettings {
        /// Of public-service: freshness and unmapped words of projects come from there.
        public_ops_url: Vec<Url> = "";
        /// Of sse-gateway.
        gateway_ops_url: Vec<Url> = "";
        /// Of telemetry-service.
        telemetry_ops_url: Vec<Url> = "";
        /// Of the ingestor.
        ingestor_ops_url: Vec<Url> = "";
        /// Between two looks at them.
        neighbour_check_ms: Duration = "5000" in 100..=600_000;
        /// Between two times that what public-service knows of a project's source is written beside its integration.
        sync_state_ms: Duration = "30000" in 100..=600_000;
    }

    /// Who is told about trouble. Without an address or a webhook it is only logged.
    pub struct AlertSettings {
        /// `smtp://user:password@host:port`, with `?tls=required` for STARTTLS, or `smtps://…`.
        smtp_url: Option<Secret> = "";
        /// The sender of mails: `Farol <farol@example.org>`.
        alert_email_from: Option<String> = "";
        /// Who gets them, comma separated.
        alert_email_to: Vec<String> = "";
        /// Gets a POST of JSON for each notice.
        alert_webhook_url: Option<Secret> = "";
        /// The key of its signature: `X-Farol-Signature: sha256=<HMAC of the body, hex>`; unset = unsigned.
        alert_webhook_secret: Option<Secret> = "";
        /// A run without progress for this long is told; 0 = never.
        alert_no_progress_minutes: u32 = "10" in 0..=10_080;
        /// No complete update for this long is told; 0 = never.
        alert_no_update_minutes: u32 = "60" in 0..=100_800;
        /// How long after a failed notice it is tried again; doubles up to 10 minutes.
        alert_retry_ms: Duration = "5000" in 10..=600_000;
        /// Deadline of one notice on one channel.
        alert_timeout_ms: Duration = "15000" in 100..=120_000;
    }
    check = AlertSettings::mail_is_whole_and_the_webhook_an_address;
}

/// Whether the public listener asks for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAuth {
    /// It does.
    On,
    /// Everybody is the operator.
    Off,
}

impl Setting for AdminAuth {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        match text {
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            _ => None,
        }
    }

    fn rule(_: &Field) -> String {
        "on or off".to_owned()
    }
}

/// A zone of the IANA database.
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
pub struct Modalidades(pub Vec<i16>);

impl Setting for Modalidades {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        let id = |item: &str| item.trim().parse().ok().filter(|id| (1..=999).contains(id));
        let ids = text.split(',').map(id).collect::<Option<BTreeSet<i16>>>()?;
        Some(Self(ids.into_iter().collect()))
    }

    fn rule(_: &Field) -> String {
        "ids of modalidades, 1 to 999, comma separated".to_owned()
    }
}

impl Settings {
    /// A door without a way in would be an error that shows up at the first login.
    fn somebody_can_log_in(&self) -> Result<(), String> {
        let off = self.access.admin_auth == AdminAuth::Off;
        if off || self.access.admin_username.is_some() || self.jwt.is_configured() {
            return Ok(());
        }
        Err(
            "ADMIN_USERNAME and ADMIN_PASSWORD (or ADMIN_PASSWORD_HASH), or the issuer of tokens (KEYCLOAK_PUBLIC_URL, \
             JWT_JWKS_URL or JWT_HS256_SECRET) are required; ADMIN_AUTH=off lets everybody in"
                .to_owned(),
        )
    }
}

impl AccessSettings {
    fn name_and_password_are_whole(&self) -> Result<(), String> {
        let filled = |secret: &Option<Secret>| {
            secret
                .as_ref()
                .is_some_and(|it| !it.expose_secret().is_empty())
        };
        let passwords = (
            filled(&self.admin_password),
            filled(&self.admin_password_hash),
        );
        let hash = self.admin_password_hash.as_ref();
        if passwords.1 && hash.is_some_and(|hash| PasswordHash::new(hash.expose_secret()).is_err())
        {
            return Err("ADMIN_PASSWORD_HASH must be an argon2 hash in PHC format, such as $argon2id$… (the value is secret)".to_owned());
        }
        match (self.admin_auth, self.admin_username.is_some(), passwords) {
            (_, _, (true, true)) => Err("ADMIN_PASSWORD and ADMIN_PASSWORD_HASH are both set: which one counts?".to_owned()),
            (AdminAuth::Off, ..) | (_, true, (true, _) | (_, true)) | (_, false, (false, false)) => Ok(()),
            _ => Err(
                "ADMIN_USERNAME and ADMIN_PASSWORD (or ADMIN_PASSWORD_HASH) belong together: both or neither"
                    .to_owned(),
            ),
        }
    }
}

impl AlertSettings {
    /// Neither complaint quotes the value: both may hold a password.
    fn mail_is_whole_and_the_webhook_an_address(&self) -> Result<(), String> {
        let mail = (
            &self.smtp_url,
            &self.alert_email_from,
            self.alert_email_to.is_empty(),
        );
        if !matches!(mail, (None, _, true) | (Some(_), Some(_), false)) {
            return Err(
                "SMTP_URL, ALERT_EMAIL_FROM and ALERT_EMAIL_TO belong together: all or none"
                    .to_owned(),
            );
        }
        let scheme = |url: &str| url.starts_with("smtp://") || url.starts_with("smtps://");
        if self
            .smtp_url
            .as_ref()
            .is_some_and(|url| !scheme(url.expose_secret()))
        {
            return Err(
                "SMTP_URL must begin with smtp:// or smtps:// (the value is secret)".to_owned(),
            );
        }
        let web = |url: &str| {
            Url::parse(url).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https") && url.username().is_empty()
            })
        };
        if self
            .alert_webhook_url
            .as_ref()
            .is_some_and(|url| !web(url.expose_secret()))
        {
            return Err("ALERT_WEBHOOK_URL must be an http:// or https:// address without user info (the value is secret)".to_owned());
        }
        Ok(())
    }
}

impl StreamSettings {
    fn callbacks_are_guarded(&self) -> Result<(), String> {
        let secret = self.sse_callback_secret.as_ref();
        let is_guarded = secret.is_some_and(|it| !it.expose_secret().is_empty());
        if is_guarded || is_loopback(&self.sse_gateway_url) {
            return Ok(());
        }
        Err(
            "SSE_CALLBACK_SECRET is required where SSE_GATEWAY_URL is another machine: anybody could call back"
                .to_owned(),
        )
    }

    /// The gateway as browsers reach it, without a slash at its end.
    pub fn public_url(&self) -> String {
        let url = self
            .sse_public_url
            .as_ref()
            .unwrap_or(&self.sse_gateway_url);
        url.as_str().trim_end_matches('/').to_owned()
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|it| it.to_canonical().is_loopback())
}
