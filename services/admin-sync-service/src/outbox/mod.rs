//! From a committed row to a confirmed message: the relay publishes, the bell wakes it and tells who waits.

mod bell;
mod relay;

pub use bell::Bell;
pub use relay::Relay;
