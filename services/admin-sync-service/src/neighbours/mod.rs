//! What this service knows of the others: whether they are there, and what public-service knows of each project. Read
//! from their ops listeners again and again; nobody who asks waits for one.

mod board;
mod live;
mod sight;
mod sync_state;
mod system;
mod watch;

pub use board::Neighbours;
pub use live::Live;
pub use sight::{Health, Sight, State};
pub use sync_state::SyncState;
pub use system::{System, SystemView};
pub use watch::Watch;
