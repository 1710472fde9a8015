//! The hub against a simple reference: random interleavings, real threads, and
//! the bounded map.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod board;
mod bounds;
mod model;
mod threads;
