//! What the gateway is about: sessions, from the token to the disconnect that the backend is told. Knows no HTTP.

mod connect;
mod connection;
mod disconnect;
mod forwarded;
#[cfg(test)]
mod laws;
mod loose;
mod order;
mod outbox;
mod registry;
mod sessions;
mod surrogates;
mod token;

pub use connect::Refusal;
pub use connection::{Connection, Ended, Reason, Sent};
pub use forwarded::Forwarded;
pub use order::{BadOrder, Order, Orders, Style};
pub use outbox::Meters;

pub use sessions::{Limits, Sessions};
