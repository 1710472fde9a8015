//! The ingestor as its operators meet it: a real database, a real broker, the portal's look-alike, and
//! nothing of the inside but the verbs of its repos.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
