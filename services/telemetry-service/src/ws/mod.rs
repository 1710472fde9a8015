//! What is said on a WebSocket, and how it ends. Who may open one is `http::upgrade`, its bytes are `wire`.

mod clockwork;
mod conversation;
mod desk;
mod ending;
mod goodbye;
mod manners;
mod protocol;
mod seats;
mod session;
mod subscriptions;

pub use clockwork::Patience;
pub use conversation::Guest;
pub use desk::Desk;
pub use ending::Ending;
pub use goodbye::say_goodbye;
pub use protocol::Answer;
pub use seats::Seats;
pub use session::Session;
