//! The names of what is said on streams: there are no others. docs/API.md has a row for each.

use farol_core::sse::EventName;
use gateway_client::CONNECTION_CLOSE;

static OPEN: EventName = EventName::from_static("connection_open");
static TASK: EventName = EventName::from_static("task_event");
static ERROR: EventName = EventName::from_static("error");
static VERSION: EventName = EventName::from_static("version");
static CLOSE: EventName = CONNECTION_CLOSE;

/// An event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The first of every stream.
    ConnectionOpen,
    /// How a run is.
    TaskEvent,
    /// There is no such run.
    Error,
    /// Which frontend there is.
    Version,
    /// The last of a stream.
    ConnectionClose,
}

impl Said {
    /// On the wire.
    pub fn name(self) -> &'static EventName {
        match self {
            Self::ConnectionOpen => &OPEN,
            Self::TaskEvent => &TASK,
            Self::Error => &ERROR,
            Self::Version => &VERSION,
            Self::ConnectionClose => &CLOSE,
        }
    }
}

/// The `event_type` of a [`Said::TaskEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEvent {
    /// A worker has the run.
    Started,
    /// How far it is.
    Progress,
    /// It ended well.
    Completed,
    /// It ended otherwise.
    Failed,
}

impl TaskEvent {
    /// On the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "task_started",
            Self::Progress => "progress_update",
            Self::Completed => "task_completed",
            Self::Failed => "task_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const API: &str = include_str!("../../../../docs/API.md");

    /// The first cells of the tables of a part of docs/API.md that have so many columns.
    fn named(heading: &str, columns: usize) -> BTreeSet<&'static str> {
        let (_, part) = API.split_once(&format!("\n### {heading}\n")).unwrap();
        let lines = part.lines().take_while(|line| !line.starts_with('#'));
        let rows =
            lines.filter(|line| line.starts_with("| `") && line.matches(" |").count() == columns);
        let names = rows.map(|row| row.split('`').nth(1).unwrap());
        // The head of the table of task events is a name too.
        names.filter(|name| *name != "event_type").collect()
    }

    #[test]
    fn the_document_has_each_event_of_each_stream_and_no_other() {
        let names =
            |all: &[Said]| -> BTreeSet<&str> { all.iter().map(|it| it.name().as_str()).collect() };
        let task = [
            Said::ConnectionOpen,
            Said::TaskEvent,
            Said::Error,
            Said::ConnectionClose,
        ];
        assert_eq!(named("Task stream", 3), names(&task));
        let version = [Said::ConnectionOpen, Said::Version, Said::ConnectionClose];
        assert_eq!(named("Version stream", 3), names(&version));
        let kinds = [
            TaskEvent::Started,
            TaskEvent::Progress,
            TaskEvent::Completed,
            TaskEvent::Failed,
        ];
        assert_eq!(named("Task stream", 2), kinds.map(TaskEvent::as_str).into());
    }
}
