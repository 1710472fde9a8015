//! Puts the request's identity on each log line. A span per request would do the same, but its cost falls on every
//! request; this one falls on lines only.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::request_id;

/// Another format, plus `request_id` where the line is written on behalf of a request.
pub(super) struct WithRequestId<F> {
    inner: F,
    json: bool,
}

impl<F> WithRequestId<F> {
    pub(super) fn json(inner: F) -> Self {
        Self { inner, json: true }
    }

    pub(super) fn text(inner: F) -> Self {
        Self { inner, json: false }
    }
}

impl<F, S, N> FormatEvent<S, N> for WithRequestId<F>
where
    F: FormatEvent<S, N>,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = request_id::current() else {
            return self.inner.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.inner
            .format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n');
        match line.strip_suffix('}').filter(|_| self.json) {
            Some(open) => writeln!(writer, "{open},\"request_id\":\"{id}\"}}"),
            None => writeln!(writer, "{line} request_id={id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use actix_web::http::header::HeaderValue;
    use serde_json::Value;
    use tracing_subscriber::fmt::{MakeWriter, format};

    use super::*;
    use crate::request_id::{CURRENT, RequestId};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn within_a_request(log: impl FnOnce()) {
        let id = RequestId::from_header(&HeaderValue::from_static("abc-1")).unwrap();
        CURRENT.sync_scope(id, log);
    }

    fn json(log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .event_format(WithRequestId::json(format().json().flatten_event(true)))
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        lines.text()
    }

    #[test]
    fn a_json_line_stays_one_object_and_gains_the_identity() {
        let text = json(|| within_a_request(|| tracing::info!(project = "a}b", "said")));
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["request_id"], "abc-1");
        assert_eq!(line["project"], "a}b");
        assert_eq!(line["message"], "said");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_line_of_nobodys_request_has_none() {
        let text = json(|| tracing::info!("said"));
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line.get("request_id"), None);
    }

    #[test]
    fn a_line_for_people_ends_with_the_identity() {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .event_format(WithRequestId::text(format().with_ansi(false)))
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            within_a_request(|| tracing::warn!(count = 3, "said"));
        });
        assert!(
            lines.text().ends_with("said count=3 request_id=abc-1\n"),
            "{}",
            lines.text()
        );
    }
}
