//! Programs that the developer commands start: a crew that is followed, stopped and leaves nothing.

mod board;
mod crew;
pub(crate) mod identity;
mod log;
pub(crate) mod records;
mod signals;

pub(crate) use crew::{Crew, Task};
pub(crate) use log::last_lines;
