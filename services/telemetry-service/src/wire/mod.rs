//! WebSocket as bytes (RFC 6455): one client's messages in, one frame at a time out. What is said is `ws`.

mod socket;

pub use socket::{Fault, Heard, Socket};
