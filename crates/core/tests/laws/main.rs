//! The laws that services rely on, held over arbitrary input, and the exact bytes on the wire.
//! Tables of single words, names and ids stand beside the code that they test.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bodies;
mod deltas;
mod doorbells;
mod golden;
mod normalization;
mod runs;
mod scanning;
mod streams;
mod windows;
