//! What operators do with runs, and what is done for runs that nobody looks after.

mod duties;
mod reaper;
mod reconciler;
mod schedule;

pub use duties::Duties;
pub use reaper::Reaper;
pub use reconciler::Reconciler;
pub use schedule::Schedule;
