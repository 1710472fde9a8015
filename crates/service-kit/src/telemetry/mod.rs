//! Logs: JSON lines or text on stdout, panics included, each line with the identity of its request.

mod line;
mod throttle;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::IsTerminal as _,
};

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use throttle::Throttle;

use crate::settings::{LogFormat, LogSettings};
use line::WithRequestId;

/// Starts logging for the process. A second call changes nothing, so tests may call it freely.
///
/// Every line is written and flushed as one piece, so nothing is lost when the process exits. What must not be in it:
/// credentials in any form, headers and bodies of client APIs, addresses other than by
/// [`shown`](crate::http_client::shown).
pub fn init(settings: &LogSettings) {
    let filter = EnvFilter::try_new(&settings.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = match settings.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stdout().is_terminal(),
    };
    // lapin writes a failure several times, and at TRACE the password, byte by byte. What it knows is told by the
    // broker's latch, so no filter can ask for it.
    let told = filter_fn(|line| !line.target().starts_with("lapin"));
    // actix writes an ERROR for each head that somebody garbled; it has answered 400, and nothing of ours is wrong.
    let ours = filter_fn(|line| {
        *line.level() != Level::ERROR || line.target() != "actix_http::h1::dispatcher"
    });
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(told)
        .with(ours);
    let layer = fmt::layer();
    let started = if json {
        let format = fmt::format().json().flatten_event(true);
        registry
            .with(layer.json().event_format(WithRequestId::json(format)))
            .try_init()
    } else {
        let format = fmt::format();
        registry
            .with(layer.event_format(WithRequestId::text(format)))
            .try_init()
    };
    if started.is_ok() {
        log_panics();
    }
}

/// A panic is a log line like any other; the default hook would write past the log, in another format.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("of an unknown type");
        let location = panic.location().map(ToString::to_string);
        let thread = std::thread::current();
        let backtrace = Backtrace::capture();
        let captured = backtrace.status() == BacktraceStatus::Captured;
        tracing::error!(
            panic = message,
            location = location.unwrap_or_default(),
            thread = thread.name().unwrap_or("unnamed"),
            backtrace = captured.then(|| backtrace.to_string()),
            "panicked"
        );
    }));
}
