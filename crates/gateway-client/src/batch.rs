//! One event for several clients as bodies of `/internal/send`, and what the answers say of each. Pure: nothing is asked
//! here.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::GatewayError;
use crate::token::Token;

/// The gateway takes bodies of 1 MiB and lists of 1,000.
const MOST_BYTES: usize = 1024 * 1024;
const MOST_SENDS: usize = 1000;

/// What stands around a list.
const OPENING: &str = r#"{"sends":["#;
const CLOSING: &str = "]}";

/// One event, to any number of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) name: &'a str,
    pub(crate) data: &'a str,
    /// The connection ends after it.
    pub(crate) close: bool,
}

/// How an event to one token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Written, or buffered while the connection opens.
    Delivered,
    /// The gateway does not know the token.
    Gone,
    /// Anything else; the connection may live.
    Failed,
}

/// What one request carries: at least one send.
#[derive(Debug)]
pub(crate) struct Batch {
    /// JSON objects with commas between them.
    sends: String,
    len: usize,
}

#[derive(Serialize)]
struct SendBody<'a> {
    token: &'a str,
    event: EventBody<'a>,
    close: bool,
}

#[derive(Serialize)]
struct EventBody<'a> {
    name: &'a str,
    data: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
}

impl Batch {
    /// As few requests as the gateway's limits allow, in the order of `tokens`. A single event beyond the limits goes out
    /// alone, for the gateway to refuse.
    pub(crate) fn of(tokens: &[Token], outgoing: Outgoing<'_>) -> Vec<Self> {
        let mut batches: Vec<Self> = Vec::new();
        for token in tokens {
            let send = json(token, outgoing);
            match batches.last_mut() {
                Some(batch) if batch.has_room_for(&send) => batch.push(&send),
                _ => batches.push(Self {
                    sends: send,
                    len: 1,
                }),
            }
        }
        batches
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// One send stands alone, as every gateway understands it; several stand in a list.
    pub(crate) fn body(&self) -> Bytes {
        if self.len == 1 {
            return self.sends.clone().into();
        }
        [OPENING, &self.sends, CLOSING].concat().into()
    }

    /// One outcome per send, in order.
    pub(crate) fn judge(&self, status: u16, body: &[u8]) -> Result<Vec<Sent>, GatewayError> {
        if self.len == 1 {
            return match Sent::of(status) {
                Sent::Failed => Err(GatewayError::Status(status)),
                sent => Ok(vec![sent]),
            };
        }
        // Of a whole list, 404 says that there is no such route, and nothing of any client.
        if status != 200 {
            return Err(GatewayError::Status(status));
        }
        let answer: Answer =
            serde_json::from_slice(body).map_err(|error| GatewayError::Body(error.to_string()))?;
        if answer.results.len() != self.len {
            let found = format!("{} results of {}", answer.results.len(), self.len);
            return Err(GatewayError::Body(found));
        }
        let outcomes = answer.results.iter();
        Ok(outcomes.map(|outcome| Sent::of(outcome.status)).collect())
    }

    fn has_room_for(&self, send: &str) -> bool {
        let size = OPENING.len() + self.sends.len() + ",".len() + send.len() + CLOSING.len();
        self.len < MOST_SENDS && size <= MOST_BYTES
    }

    fn push(&mut self, send: &str) {
        self.sends.push(',');
        self.sends.push_str(send);
        self.len += 1;
    }
}

impl Sent {
    fn of(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            404 => Self::Gone,
            _ => Self::Failed,
        }
    }
}

fn json(token: &Token, outgoing: Outgoing<'_>) -> String {
    let Outgoing { name, data, close } = outgoing;
    let send = SendBody {
        token: token.as_str(),
        event: EventBody { name, data },
        close,
    };
    // Strings and a bool: there is nothing that serde could refuse.
    serde_json::to_string(&send).unwrap_or_default()
}
