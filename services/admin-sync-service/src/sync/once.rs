//! A request that is to be done once, whoever repeats it: the `Idempotency-Key`, and what is known of it.

use serde_json::Value;

/// A key, and what it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    key: String,
    fingerprint: Vec<u8>,
}

/// The request was made before.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// With this key, but something else was asked for.
    OtherRequest,
    /// It is being answered at this moment.
    UnderWay,
    /// It was answered so.
    Answered(Value),
    /// It led to this run, and whoever was to answer is gone.
    Unanswered(i32),
}

impl Once {
    /// Keys of broker messages are in the same table, under another prefix.
    const PREFIX: &'static str = "http:";

    /// `fingerprint` is the same exactly for requests that ask for the same.
    pub fn new(key: &str, fingerprint: Vec<u8>) -> Self {
        let key = format!("{}{key}", Self::PREFIX);
        Self { key, fingerprint }
    }

    /// As it is kept.
    pub fn stored_key(&self) -> &str {
        &self.key
    }

    /// As it is kept, a SHA-256.
    pub fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }
}
