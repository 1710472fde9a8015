//! Live state shared by all who watch it: one poller per tenant, one topic per device and one for the alerts.

mod board;
mod feeds;
mod hints;
mod message;
mod pace;
mod poller;
mod present;
mod seen;
mod source;
mod watch;

pub use board::{Channel, TooMany};
pub use feeds::{FeedKit, FeedLimits, Feeds, unwatched};
pub use hints::{Listening, listen};
pub use message::Message;
pub use seen::{Push, What};
pub use watch::Watch;
