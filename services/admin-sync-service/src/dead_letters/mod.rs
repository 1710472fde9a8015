//! Messages that nobody could read, as operators see them: what they are, back into their queue, or away. How a queue is
//! looked into is `service_kit::broker`'s business.

mod desk;
mod letter;

pub use desk::{DeadLetterError, DeadLetters, Dropped, Requeued};
pub use letter::DeadLetterList;
