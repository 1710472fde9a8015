//! The manager against a simple reference and against a gateway that does, over real sockets, whatever a test tells it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod faults;
mod gateway;
mod maps;
mod model;
mod races;
mod reconciling;
mod sending;
mod world;
