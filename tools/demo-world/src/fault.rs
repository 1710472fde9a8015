//! What can be wrong with a client API, as plain values that JSON can carry.
//! How a fault becomes bytes is told in `answer` and `wire`.

use serde::{Deserialize, Serialize};

/// A text that failing answers contain and that no product of ours may ever show: tests grep for it.
pub const INSIDE_MARK: &str = "inside-of-the-client-api-5f1d";

/// The wait that a 429 or 503 asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Delay in seconds, as a number.
    Seconds(u64),
    /// The moment that lies this many seconds ahead, as an HTTP-date.
    Date(u64),
    /// Whatever text, for values that are neither.
    Verbatim(String),
}

/// One way of going wrong. JSON form: `{"kind": "status", "code": 503}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// The right answer, `ms` milliseconds late.
    Latency {
        /// Milliseconds before the first byte of the answer.
        ms: u64,
    },
    /// The request is read and never answered.
    Silence,
    /// A status other than 200 with a talkative JSON body.
    Status {
        /// The status code, 400 to 599.
        code: u16,
        /// The `Retry-After` header, if any.
        #[serde(default)]
        retry_after: Option<RetryAfter>,
    },
    /// `Content-Length` of the whole body, half of it sent, then the end of the connection.
    Truncated,
    /// The connection is reset (RST) instead of an answer.
    Reset,
    /// The right head and half of the body, then a reset.
    ResetMidBody,
    /// An HTML page with status 200: a login wall, a parking page.
    HtmlPage,
    /// `{"error": …}` with status 200.
    WrongShape,
    /// `{}` with status 200.
    EmptyObject,
    /// Text with status 200 and a JSON content type that is no JSON.
    NotJson,
    /// Any text as a JSON answer with status 200.
    Body {
        /// The body, as sent.
        text: String,
    },
    /// The right answer, one byte every `ms` milliseconds.
    Drip {
        /// Milliseconds between two bytes.
        ms: u64,
    },
    /// Every other answer shows every second unit as sold (as available, if it is sold).
    Flapping,
    /// Only the first `keep_percent` of the units are listed.
    Vanishing {
        /// How much of the list stays, 0 to 100.
        keep_percent: u8,
    },
    /// The right answer followed by so many bytes of white space: valid JSON, streamed.
    Huge {
        /// Bytes of padding after the list.
        bytes: u64,
        /// Whether `Content-Length` tells the size beforehand; chunked otherwise.
        #[serde(default)]
        announced: bool,
    },
    /// So many generated units in list form, streamed.
    ManyUnits {
        /// Number of units.
        count: u64,
    },
    /// 302 to the given place.
    Redirect {
        /// The `Location` header.
        location: String,
    },
    /// Every unit twice: first with the word `duplicate`, then rightly.
    Duplicates,
    /// Entries that are no units (a number, null, an object without a key …) among the right ones.
    BadUnits,
    /// Every second unit says this word instead of its own.
    Unmapped {
        /// A word that no mapping should know.
        word: String,
    },
}

impl Fault {
    /// A bare status, without `Retry-After`.
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            retry_after: None,
        }
    }

    /// 429 with that wait, or without one.
    pub fn too_many_requests(retry_after: impl Into<Option<RetryAfter>>) -> Self {
        Self::Status {
            code: 429,
            retry_after: retry_after.into(),
        }
    }
}

/// A fault and for how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// What goes wrong.
    pub fault: Fault,
    /// Requests that it still hits; forever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
}

impl FaultPlan {
    /// The fault for the request at hand, paid from the budget of the plan; a spent plan goes away.
    pub(crate) fn take(plan: &mut Option<Self>) -> Option<Fault> {
        let active = plan.as_mut()?;
        let fault = active.fault.clone();
        if let Some(left) = &mut active.requests {
            *left = left.saturating_sub(1);
            if *left == 0 {
                *plan = None;
            }
        }
        Some(fault)
    }
}
