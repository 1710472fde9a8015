//! The queues that runs are announced on. They are durable and have **no arguments**: other programs declare
//! them so, and the broker refuses whoever declares a queue otherwise than it is.

/// The queue of doorbells where `QUEUE_NAME` names no other.
pub const DEFAULT_QUEUE: &str = "ingest.pncp";

/// Header of a dead letter: why it is one, in a word.
pub const REASON_HEADER: &str = "x-farol-reason";
/// Header of a dead letter: when it was put aside, RFC 3339.
pub const AT_HEADER: &str = "x-farol-at";
/// Header of a dead letter: the `message_id` that it had, where it had one.
pub const ORIGINAL_ID_HEADER: &str = "x-original-message-id";

/// The queue beside `name` for messages that nobody can read.
pub fn dead_letter_queue(name: &str) -> String {
    format!("{name}.dead")
}
