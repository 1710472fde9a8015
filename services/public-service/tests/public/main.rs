//! The public status service as its viewers, its operators and client APIs meet
//! it: a real database, real sockets, nothing of the inside.
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod join;
mod world;
