//! Claims runs and brings the procurement portal's records into Postgres, page by page.
//! Starts the service; everything testable is in the library.

use std::process::ExitCode;

use ingestor::app::{App, StartError};
use ingestor::settings::Settings;
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use service_kit::{cli, telemetry};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let settings = match cli::start::<Settings>("ingestor") {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings.log);
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
    let listener = App::bind(&settings)?;
    App::start(settings, listener, lifecycle)
}
