//! Starts the public status service; everything testable is in the library.

use std::process::ExitCode;

use public_service::app::{App, Listeners, StartError};
use public_service::openapi;
use public_service::settings::Settings;
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use service_kit::{cli, limits, telemetry};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let settings = match cli::start_described::<Settings>("public-service", openapi) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings.log);
    limits::raise_open_files_for("MAX_STREAMS", settings.limit.max_streams);
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
