//! Starts the SSE gateway; everything testable is in the library.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;
use std::thread::available_parallelism;

use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use service_kit::{cli, limits, telemetry};
use sse_gateway::app::{App, Listeners, StartError};
use sse_gateway::settings::{Settings, launcher_flags};
use tokio::runtime::{Builder, Runtime};

/// Threads that serve connections.
const MOST_WORKERS: usize = 2;

fn main() -> ExitCode {
    let arguments = launcher_flags(std::env::args_os());
    let settings = match cli::start_with::<Settings>("sse-gateway", arguments) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    telemetry::init(&settings.log);
    limits::raise_open_files_for("MAX_CONNECTIONS", settings.stream.max_connections);
    match runtime() {
        Ok(runtime) => runtime.block_on(serve(settings)),
        Err(error) => failed(&error),
    }
}

/// No more threads than cores: where two share one, what the sleeping one holds waits for its turn of milliseconds.
fn runtime() -> io::Result<Runtime> {
    let cores = available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_WORKERS))
        .enable_all()
        .build()
}

async fn serve(settings: Settings) -> ExitCode {
    match start(settings) {
        Ok(app) => app.run_until_stopped().await,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn Display) -> ExitCode {
    tracing::error!(%error, "cannot start");
    ExitCode::FAILURE
}

fn start(settings: Settings) -> Result<App, StartError> {
    let lifecycle = Lifecycle::with_signals(Clock::system())?;
    let listeners = Listeners::bind(&settings)?;
    App::start(settings, listeners, lifecycle)
}
