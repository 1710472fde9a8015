//! The gateway's names: of one connection, and of one run of the gateway itself.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A UUID has 36; gateways before ours were free in their choice.
const MOST_BYTES: usize = 256;

/// One connection, in the gateway's words. Clones share the text.
///
/// Who knows it can write to that client, so Debug shows its beginning only.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(Arc<str>);

/// Not the name of a connection: empty, or more than 256 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token has 1 to {MOST_BYTES} bytes")]
pub struct InvalidToken;

/// One run of a gateway. Another run knows none of this one's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Instance {
    /// Drawn at each start.
    pub id: String,
    /// When it started, by its own clock.
    pub started_at: DateTime<Utc>,
}

impl Token {
    /// Takes the text of a callback.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        if text.is_empty() || text.len() > MOST_BYTES {
            return Err(InvalidToken);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning: String = self.0.chars().take(8).collect();
        write!(out, "Token({beginning}…)")
    }
}
