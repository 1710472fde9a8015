//! The laws that services rely on, held over arbitrary input, and the exact bytes on the wire.
//! Tables of single words, names and ids stand beside the code that they test.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bodies;
mod deltas;
mod golden;
mod normalization;
mod scanning;
mod streams;
