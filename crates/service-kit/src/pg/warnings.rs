//! What Postgres warns of, for programs that keep no log: a command's user reads stderr.

use std::{fmt, io};

use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer, layer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// Tells the server's warnings on stderr, a line each, for the rest of the process. Its notices are left out: they say
/// that what should be there is there. Where a log is kept already, nothing changes.
pub fn warnings_to_stderr() {
    // Where sqlx tells what a server says beside its answers.
    let said = Targets::new().with_target("sqlx::postgres::notice", LevelFilter::WARN);
    let lines = layer()
        .with_ansi(false)
        .with_writer(io::stderr)
        .event_format(Line);
    // It is refused where a log is kept.
    let _ = tracing_subscriber::registry()
        .with(said)
        .with(lines)
        .try_init();
}

struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("warning: ")?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
