//! Commands, their flags and the variables behind them.

use std::error::Error;
use std::net::{IpAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use demo_world::devices::Cast;
use demo_world::portal::{LivingPortal, World};
use demo_world::{ClientApi, Devices, LivingWorld, Portal, seed};
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use service_kit::settings::{LogFormat, LogSettings, ShutdownSettings};
use service_kit::telemetry;

/// The world outside Farol, for the demo.
#[derive(Debug, Parser)]
#[command(name = "demo-world", version)]
pub(crate) struct Cli {
    /// A level (error, warn, info, debug, trace) or an env-filter.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", global = true)]
    log_level: String,
    /// JSON lines, text, or text on a terminal only.
    #[arg(long, env = "LOG_FORMAT", default_value = "auto", global = true)]
    #[arg(value_parser = ["auto", "json", "text"])]
    log_format: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the client API with the demo projects, the procurement portal, and devices if there is a
    /// database for them; what is wrong with all of them is switched under /_control.
    Serve(Serve),
    /// Write the demo projects into the database; safe to repeat.
    Seed {
        /// Where the services reach this client API.
        #[arg(
            long,
            env = "DEMO_UPSTREAM_URL",
            default_value = "http://127.0.0.1:8300"
        )]
        upstream_url: String,
        /// The owner's address of the database.
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
        /// The key under which the credentials are sealed.
        #[arg(long, env = "SECRET_KEY", hide_env_values = true)]
        secret_key: String,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// Address to listen on.
    #[arg(long, env = "DEMO_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, env = "DEMO_PORT", default_value_t = 8300)]
    port: u16,
    /// Port of the procurement portal; 0 takes a free one.
    #[arg(long, env = "DEMO_PNCP_PORT", default_value_t = 8310)]
    pncp_port: u16,
    /// A portal for measuring instead of one that lives: at least so many procurements, of whole
    /// days from 2025-07-07 (a Monday), which nobody touches.
    #[arg(long, env = "DEMO_PNCP_RECORDS")]
    pncp_records: Option<u32>,
    /// The database that devices write their telemetry to, as a login of the role
    /// `farol_devices`; none live without.
    #[arg(long, env = "DEMO_DEVICES_DATABASE_URL", hide_env_values = true)]
    devices_database_url: Option<String>,
    /// Devices for measuring instead of those that live: of so many tenants, ten each, which write
    /// only when they are told to under /_control/devices.
    #[arg(long, env = "DEMO_DEVICES_STILL")]
    devices_still: Option<u16>,
    /// Equal seeds give equal histories.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Cli {
    pub(crate) fn start_logging(&self) {
        let log_format = match self.log_format.as_str() {
            "json" => LogFormat::Json,
            "text" => LogFormat::Text,
            _ => LogFormat::Auto,
        };
        let log_level = self.log_level.clone();
        telemetry::init(&LogSettings {
            log_level,
            log_format,
        });
    }

    pub(crate) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match self.command {
            Command::Serve(options) => serve(options).await,
            Command::Seed {
                upstream_url,
                database_url,
                secret_key,
            } => {
                let count = seed(&database_url, secret_key, &upstream_url).await?;
                tracing::info!(
                    projects = count,
                    upstream_url,
                    "the demo projects are in place"
                );
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn serve(options: Serve) -> Result<ExitCode, Box<dyn Error>> {
    let clock = Clock::system();
    let lifecycle = Lifecycle::with_signals(clock.clone())?;
    let api = ClientApi::on(bind(options.host, options.port)?)?;
    let portal = Portal::on(bind(options.host, options.pncp_port)?)?;
    let world = LivingWorld::open(&api, options.seed);
    let days = if let Some(records) = options.pncp_records {
        portal.load(World::of_size(options.seed, records));
        None
    } else {
        Some(LivingPortal::open(&portal, options.seed, &clock))
    };
    let devices = devices(&options, &api, &clock)?;
    for (listener, address) in [("client_api", api.address()), ("pncp", portal.address())] {
        let address = address.to_string();
        tracing::info!(listener, address, "listening");
    }
    let shutdown = ShutdownSettings {
        drain_seconds: Duration::ZERO,
        shutdown_seconds: None,
    };
    let code = lifecycle.run_until_stopped(&shutdown).await;
    drop((world, days, devices));
    api.stop().await;
    portal.stop().await;
    Ok(code)
}

fn devices(
    options: &Serve,
    api: &ClientApi,
    clock: &Clock,
) -> Result<Option<Devices>, Box<dyn Error>> {
    let Some(database_url) = &options.devices_database_url else {
        return Ok(None);
    };
    let seed = options.seed;
    let living = Cast::Living { seed };
    let cast = options
        .devices_still
        .map_or(living, |tenants| Cast::Still { tenants });
    let devices = Devices::open(database_url, cast, clock)?;
    api.control(&devices);
    Ok(Some(devices))
}

fn bind(host: IpAddr, port: u16) -> Result<TcpListener, String> {
    TcpListener::bind((host, port))
        .map_err(|error| format!("cannot listen on {host}:{port}: {error}"))
}
