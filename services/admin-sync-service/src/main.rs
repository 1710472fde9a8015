//! Starts the admin service, or applies the migrations (`admin-sync-service migrate`); everything testable is
//! in the library.

use std::process::ExitCode;

use admin_sync_service::app::{App, Listeners, StartError};
use admin_sync_service::settings::Settings;
use admin_sync_service::{migrate, openapi};
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use service_kit::{cli, limits, telemetry};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    if migrate::is_asked_for(std::env::args_os()) {
        return migrate::run(std::env::args_os()).await;
    }
    let settings = match cli::start_described::<Settings>("admin-sync-service", openapi) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings.log);
    limits::raise_open_files();
    match start(settings) {
        Ok(app) => app.run_until_stopped().await,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}

fn start(settings: Settings) -> Result<App, StartError> {
    let lifecycle = Lifecycle::with_signals(Clock::system())?;
    let listeners = Listeners::bind(&settings)?;
    App::start(settings, listeners, lifecycle)
}
