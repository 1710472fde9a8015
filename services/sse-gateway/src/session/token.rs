//! The name of a connection, which is also the right to send to it.

use std::fmt;

use uuid::Uuid;

/// A UUID v4 from the operating system's randomness: whoever knows it may send.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(Uuid);

impl Token {
    /// One that nobody has.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }

    /// `None` for text that no token looks like.
    pub fn parse(text: &str) -> Option<Self> {
        let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
        let parsed = Uuid::try_parse(text).ok();
        parsed.filter(|_| hyphenated).map(Self)
    }

    /// Spreads tokens over `shards`.
    pub fn shard(self, shards: usize) -> usize {
        usize::from(self.0.as_bytes()[0]) % shards
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

// As Display: a log line must lead to the line of the backend.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
