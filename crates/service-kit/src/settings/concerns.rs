//! The concerns that more than one service has. A service's own are declared in the service.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::{ExposeSecret as _, Field, Secret, Setting};

crate::settings! {
    /// The public listener.
    pub struct ListenSettings {
        /// The address to listen on.
        host: IpAddr = "127.0.0.1";
        /// The port to listen on; 0 takes a free one, which the log tells.
        port: u16 = "8080";
    }

    /// The ops listener: /metrics, /health/live, /health/ready, /status. Not for the public.
    pub struct OpsSettings {
        /// The address to listen on.
        ops_host: IpAddr = "127.0.0.1";
        /// The port to listen on; 0 takes a free one, which the log tells.
        ops_port: u16 = "9080";
    }

    /// What is logged, and how.
    pub struct LogSettings {
        /// A level (error, warn, info, debug, trace) or an env-filter, such as `info,public_service=debug`.
        log_level: String = "info";
        /// `auto` is text on a terminal and JSON lines elsewhere.
        log_format: LogFormat = "auto";
    }
    check = LogSettings::level_is_a_filter;

    /// The Postgres database.
    pub struct DatabaseSettings {
        /// `postgres://user:password@host:port/database`
        database_url: Secret;
        /// The most connections that this process opens.
        db_pool_size: u32 = "10" in 1..=1000;
    }
    check = DatabaseSettings::url_is_postgres;

    /// How the process ends after SIGTERM or SIGINT.
    pub struct ShutdownSettings {
        /// The window in which open streams end, each at its own moment.
        drain_seconds: Duration = "10" in 0..=3600;
        /// The moment of the hard stop (exit 1); unset means `DRAIN_SECONDS` + 5.
        shutdown_seconds: Option<Duration> = "" in 1..=7200;
    }
    check = ShutdownSettings::stop_is_after_drain;

    /// TLS on the public listener: both or none. Without them it speaks HTTP/1.1 and cleartext HTTP/2.
    pub struct TlsSettings {
        /// The certificate chain, PEM.
        tls_cert_file: Option<PathBuf> = "";
        /// Its private key, PEM.
        tls_key_file: Option<PathBuf> = "";
    }
    check = TlsSettings::both_or_none;
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

impl Setting for LogFormat {
    fn parse(_: &Field, text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Self::Auto),
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            _ => None,
        }
    }

    fn rule(_: &Field) -> String {
        "auto, json or text".to_owned()
    }
}

impl LogSettings {
    /// `EnvFilter` takes a bare word that is no level for the name of a module, and would silence all else.
    fn level_is_a_filter(&self) -> Result<(), String> {
        let mut words = self.log_level.split(',').map(str::trim);
        let plain = |word: &str| !word.contains(['=', '[']);
        if words.all(|word| !plain(word) || word.parse::<LevelFilter>().is_ok())
            && EnvFilter::try_new(&self.log_level).is_ok()
        {
            return Ok(());
        }
        let level = &self.log_level;
        Err(format!(
            "LOG_LEVEL must be a level or an env-filter, not {level:?}"
        ))
    }
}

impl DatabaseSettings {
    /// The parser's own message is withheld: it may quote the address, which holds the password.
    fn url_is_postgres(&self) -> Result<(), String> {
        let url = self.database_url.expose_secret();
        let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
        if url.is_empty() || (known && url.parse::<sqlx::postgres::PgConnectOptions>().is_ok()) {
            return Ok(());
        }
        Err("DATABASE_URL must be postgres://user:password@host:port/database (the value is secret)".to_owned())
    }
}

impl ShutdownSettings {
    /// The moment of the hard stop, counted from the first signal.
    pub fn hard_stop(&self) -> Duration {
        self.shutdown_seconds
            .unwrap_or(self.drain_seconds + Duration::from_secs(5))
    }

    fn stop_is_after_drain(&self) -> Result<(), String> {
        if self.hard_stop() > self.drain_seconds {
            return Ok(());
        }
        let (stop, drain) = (self.hard_stop().as_secs(), self.drain_seconds.as_secs());
        Err(format!(
            "SHUTDOWN_SECONDS must be more than DRAIN_SECONDS ({drain}), not {stop}: nothing could drain"
        ))
    }
}

impl TlsSettings {
    fn both_or_none(&self) -> Result<(), String> {
        match (&self.tls_cert_file, &self.tls_key_file) {
            (Some(_), None) => Err("TLS_KEY_FILE is required beside TLS_CERT_FILE".to_owned()),
            (None, Some(_)) => Err("TLS_CERT_FILE is required beside TLS_KEY_FILE".to_owned()),
            _ => Ok(()),
        }
    }
}
