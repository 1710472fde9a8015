//! The world outside Farol: a client API and a procurement portal whose every fault can be switched
//! on, and devices that write telemetry, for tests and benches, and the demo that lives on them. Calls
//! nothing of Farol's own services.

mod answer;
mod auth;
mod cast;
mod control;
mod demo_repo;
pub mod devices;
mod fault;
mod fleet_repo;
mod listen;
mod living;
mod message;
pub mod portal;
mod project;
mod requests;
mod seed;
mod server;
mod units;
mod verdict;
mod wire;

pub use auth::Auth;
pub use cast::Character;
pub use devices::Devices;
pub use fault::{Fault, FaultPlan, INSIDE_MARK, RetryAfter};
pub use living::LivingWorld;
pub use portal::Portal;
pub use project::{Gate, ProjectHandle, Validators};
pub use requests::{Seen, TooFewRequests};
pub use seed::seed;
pub use server::ClientApi;
pub use units::Shape;
