//! Starts the telemetry service; everything testable is in the library.

use std::process::ExitCode;

use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use service_kit::{cli, limits, telemetry};
use telemetry_service::app::{App, Listeners, StartError};
use telemetry_service::openapi;
use telemetry_service::settings::Settings;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let settings = match cli::start_described::<Settings>("telemetry-service", openapi) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings.log);
    limits::raise_open_files_for("MAX_SOCKETS", settings.limit.max_sockets);
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
