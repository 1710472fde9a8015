//! Which identifier an address of the gateway stands for. Pure.

use gateway_client::Identifier;

/// The kind of identifiers of runs.
pub const TASK: &str = "task";
/// The kind of identifiers of pages that want to know the version.
pub const VERSION: &str = "version";

/// The identifier behind the raw target of a stream; `None` where there is no such stream.
pub fn identifier(url: &str) -> Option<Identifier> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (kind, parameter) = match path {
        "/api/sse/tasks" => (TASK, "task_id"),
        "/api/sse/utils/version" => (VERSION, "request_id"),
        _ => return None,
    };
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, id) = pairs.find(|(name, _)| name == parameter)?;
    Identifier::new(kind, &id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stream_with_an_id_is_routed() {
        let read = |url: &str| identifier(url).map(|it| it.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("/api/sse/tasks?task_id=a-b"), some("task:a-b"));
        assert_eq!(read("/api/sse/tasks?x=1&task_id=a%20b"), some("task:a b"));
        assert_eq!(
            read("/api/sse/utils/version?request_id=7"),
            some("version:7")
        );
        for odd in [
            "",
            "/",
            "/api/sse/tasks",
            "/api/sse/tasks?task_id=",
            "/api/sse/tasks?task_id=a:b",
            "/api/sse/tasks?task_id=a%3Ab",
            "/api/sse/tasks?request_id=a",
            "/api/sse/tasks/?task_id=a",
            "/api/sse/utils/version?task_id=a",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
