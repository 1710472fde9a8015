//! The world outside Farol: a client API whose every fault can be switched on, for the demo, the
//! tests and the benches. Knows nothing of Farol's own services.

mod answer;
mod auth;
mod control;
mod fault;
mod project;
mod requests;
mod server;
mod units;
mod wire;

pub use auth::Auth;
pub use fault::{Fault, FaultPlan, INSIDE_MARK, RetryAfter};
pub use project::{Gate, ProjectHandle, Validators};
pub use requests::{Seen, TooFewRequests};
pub use server::ClientApi;
pub use units::Shape;
