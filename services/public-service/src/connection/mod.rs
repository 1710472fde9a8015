//! The patience that actix's connections lack. Its timers know the first head of
//! a connection and nothing of HTTP/2's flow control; a client that stands still
//! anywhere else would keep its connection, its seats and its memory for ever.
//!
//! Each connection has a [`Traffic`]: the middleware notes in it which answers are
//! under way, their bodies note what the connection has taken, and the [`Patient`]
//! socket ends the connection when a rule is broken. All of it is one thread's.

mod body;
mod middleware;
mod patient;
mod traffic;

pub use middleware::Pace;
pub use patient::{Patient, Rules};
