//! The WebSocket: who may open one, what is said on it, how it ends.

mod clockwork;
mod desk;
mod ending;
mod front;
mod manners;
mod protocol;
mod seats;
mod session;
mod socket;
mod subscriptions;
mod upgrade;

pub use clockwork::Patience;
pub use desk::Desk;
pub use ending::Ending;
pub use front::{FrontFactory, UpgradeFactory};
pub use seats::Seats;
pub use upgrade::upgrade;
