//! The settings of the gateway, and the flags by which launchers of its predecessor pass two of them.

use std::ffi::OsString;
use std::net::IpAddr;
use std::time::Duration;

use service_kit::settings::{
    ExposeSecret as _, Field, ListenSettings, LogSettings, OpsSettings, Secret, Setting,
    ShutdownSettings, Url,
};

service_kit::service_settings! {
    "sse-gateway";
    HOST = "0.0.0.0", PORT = "3000", OPS_PORT = "9300";
    listen: ListenSettings,
    ops: OpsSettings,
    callback: CallbackSettings,
    stream: StreamSettings,
    internal: InternalSettings,
    log: LogSettings,
    access: AccessSettings,
    shutdown: ShutdownSettings,
}

service_kit::settings! {
    /// The backend, and how long it may take.
    pub struct CallbackSettings {
        /// Where connects and disconnects are told, http or https; without it no stream is opened. It may hold `?secret=`.
        callback_url: Option<Secret> = "";
        /// A client whose connect is not answered in this time gets a 504; one attempt to tell a disconnect ends after it.
        callback_timeout_seconds: Duration = "5" in 1..=300;
        /// The same in milliseconds, where set. For tests.
        callback_timeout_ms: Option<Duration> = "" in 1..=300_000;
        /// An unanswered connect is waited for so long before its disconnect is told.
        callback_settle_seconds: Duration = "30" in 1..=600;
        /// The same in milliseconds, where set. For tests.
        callback_settle_ms: Option<Duration> = "" in 1..=600_000;
        /// A disconnect that nobody takes is told again for so long.
        callback_retry_seconds: Duration = "60" in 1..=3600;
        /// The first pause before a disconnect is told again; it doubles up to 50 times this.
        callback_retry_ms: Duration = "200" in 1..=60_000;
    }
    check = CallbackSettings::url_can_be_called;

    /// How streams behave.
    pub struct StreamSettings {
        /// A comment is sent on every stream this often.
        heartbeat_interval_seconds: Duration = "15" in 1..=4_294_967_295;
        /// `named` sends events as they are; `envelope` sends named ones as `{"type", "payload"}` without a name.
        event_format: EventFormat = "named";
        /// How 400, 401 and 403 of the backend reach the client: as the `status` of the answer, or as an event of a `stream` that ends.
        reject_mode: RejectMode = "status";
        /// A client that lets so much pile up is disconnected; an event counts 96 bytes more than it has.
        send_buffer_bytes: usize = "1048576" in 1024..=1_073_741_824;
        /// Open and opening streams; more are refused.
        max_connections: usize = "50000" in 1..=1_000_000;
    }

    /// The way in for the backend.
    pub struct InternalSettings {
        /// With it, /internal/ is served on this port only; 0 takes a free one.
        internal_port: Option<u16> = "";
        /// The address of that port.
        internal_host: IpAddr = "127.0.0.1";
        /// With it, /internal/ needs `Authorization: Bearer` with this.
        internal_secret: Option<Secret> = "";
    }

    /// The access log.
    pub struct AccessSettings {
        /// One log line per request.
        access_log: bool = "false";
    }
}

impl CallbackSettings {
    /// The backend's address, if there is one.
    pub fn url(&self) -> Option<Url> {
        let text = self.callback_url.as_ref()?.expose_secret();
        Url::parse(text).ok()
    }

    /// What a client waits for.
    pub fn timeout(&self) -> Duration {
        self.callback_timeout_ms
            .unwrap_or(self.callback_timeout_seconds)
    }

    /// What a connect is waited for.
    pub fn settle(&self) -> Duration {
        self.callback_settle_ms
            .unwrap_or(self.callback_settle_seconds)
    }

    /// The address is not quoted: it may hold a secret.
    fn url_can_be_called(&self) -> Result<(), String> {
        let Some(text) = &self.callback_url else {
            return Ok(());
        };
        let url = Url::parse(text.expose_secret()).ok();
        // User info would not be sent, and the backend refuse every call.
        let fits = |url: &Url| {
            let is_open = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && is_open
        };
        if url.as_ref().is_some_and(fits) {
            return Ok(());
        }
        Err("CALLBACK_URL must be an http or https address without user info (the value may be secret)".to_owned())
    }
}

/// How named events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventFormat {
    /// `event:` and `data:`.
    #[default]
    Named,
    /// `data: {"type":…,"payload":…}`.
    Envelope,
}

impl Setting for EventFormat {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        match text {
            "named" => Some(Self::Named),
            "envelope" => Some(Self::Envelope),
            _ => None,
        }
    }

    fn rule(_: &Field) -> String {
        "named or envelope".to_owned()
    }
}

/// How a rejection reaches the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RejectMode {
    /// As the status of the answer.
    #[default]
    Status,
    /// As an event, where it is a 400, 401 or 403.
    Stream,
}

impl Setting for RejectMode {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        match text {
            "status" => Some(Self::Status),
            "stream" => Some(Self::Stream),
            _ => None,
        }
    }

    fn rule(_: &Field) -> String {
        "status or stream".to_owned()
    }
}

/// `--callback-url URL` and `--port N` (also with `=`) as `--set KEY=VALUE`; everything else as it is.
pub fn launcher_flags(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut told = Vec::new();
    while let Some(argument) = arguments.next() {
        let Some((key, value)) = argument.to_str().and_then(launcher_flag) else {
            told.push(argument);
            continue;
        };
        let value = value.map(OsString::from).or_else(|| arguments.next());
        let mut setting = OsString::from(key);
        setting.push("=");
        setting.push(value.unwrap_or_default());
        told.extend(["--set".into(), setting]);
    }
    told
}

fn launcher_flag(argument: &str) -> Option<(&'static str, Option<&str>)> {
    let (flag, value) = match argument.split_once('=') {
        Some((flag, value)) => (flag, Some(value)),
        None => (argument, None),
    };
    match flag {
        "--callback-url" => Some(("CALLBACK_URL", value)),
        "--port" => Some(("PORT", value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(arguments: &[&str]) -> Vec<OsString> {
        launcher_flags(arguments.iter().map(OsString::from))
    }

    #[test]
    fn a_launcher_s_flags_become_settings_in_both_spellings() {
        let wanted = [
            "gateway",
            "--set",
            "CALLBACK_URL=http://b/?secret=a=b",
            "--set",
            "PORT=3001",
            "--check-config",
        ];
        let spaced = [
            "gateway",
            "--callback-url",
            "http://b/?secret=a=b",
            "--port",
            "3001",
            "--check-config",
        ];
        let joined = [
            "gateway",
            "--callback-url=http://b/?secret=a=b",
            "--port=3001",
            "--check-config",
        ];
        assert_eq!(told(&spaced), wanted);
        assert_eq!(told(&joined), wanted);
    }
}
