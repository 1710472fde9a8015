//! The world outside Farol: a client API whose every fault can be switched on, for tests and
//! benches, and the demo projects that live on it. Calls nothing of Farol's own services.

mod answer;
mod auth;
mod cast;
mod control;
mod demo_repo;
mod fault;
mod living;
mod message;
mod project;
mod requests;
mod seed;
mod server;
mod units;
mod wire;

pub use auth::Auth;
pub use cast::Character;
pub use fault::{Fault, FaultPlan, INSIDE_MARK, RetryAfter};
pub use living::LivingWorld;
pub use project::{Gate, ProjectHandle, Validators};
pub use requests::{Seen, TooFewRequests};
pub use seed::seed;
pub use server::ClientApi;
pub use units::Shape;
