//! Backend of the SSE gateway: who watches what, and what they are told. The row of a run is the truth; what viewers
//! have been told is compared with it, so nothing is queued while nobody listens and nothing is lost for who comes late.

mod lobby;
mod neighbour;
mod ringing;
mod room;
mod said;
mod task;
mod tasks;
mod telling;
mod versions;
mod viewers;

pub use lobby::{Arrival, Lobby, NotLetIn, Wakes};
pub use neighbour::Neighbour;
pub use ringing::Ringing;
pub use room::{TASK, VERSION, identifier};
pub use said::Said;
pub use task::Task;
pub use tasks::{TaskError, TaskStatus, Tasks};
pub use versions::{Announced, Announcement, Versions};
pub use viewers::Viewers;
