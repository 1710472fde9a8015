//! Fan-out of a live state to any number of subscribers, without a web framework.
//!
//! A [`Topic`] holds one present state and a ring of its recent steps. A
//! [`Subscription`] holds no queue at all, only a cursor: the number of the last
//! step it was handed. Joining, resuming and catching up after a lag are
//! therefore one operation, "what takes you from your cursor to the present",
//! and a reader that stands still costs nothing but its cursor.
//! A [`Hub`] is the bounded map of rooms in which topics live.

mod hub;
mod live;
mod ring;
mod subscription;
mod topic;
mod waiters;

pub use hub::{Hub, HubFull, Room};
pub use live::{Audience, Live, Published};
pub use subscription::{Next, Resume, Subscription};
pub use topic::{Closed, RingLimits, Topic};
