//! The gateway as its clients, its backend and its operators meet it: real sockets, and a backend that does what a
//! test tells it; nothing of the inside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod away;
mod backend;
mod connect;
mod crowd;
mod disconnect;
mod document;
mod faults;
mod hostile;
mod ops_cli;
mod ops_surface;
mod routes;
mod send;
mod stop;
mod tls;
mod world;
