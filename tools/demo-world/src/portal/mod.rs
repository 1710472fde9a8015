//! A look-alike of Brazil's public procurement portal (PNCP): its lists, items, limits, refusals and
//! failures, over synthetic procurements. Made for tests, benches and the demo; it copies nothing.

mod answer;
mod cast;
mod control;
mod dice;
mod envelope;
mod fault;
mod gate;
mod handle;
mod items;
mod living;
mod query;
mod record;
mod render;
mod replay;
mod site;
mod state;
mod store;
mod time;
mod world;

pub use fault::{Fault, Match, Rule};
pub use gate::Gate;
pub use handle::Portal;
pub use living::LivingPortal;
pub use query::Endpoint;
pub use record::Record;
pub use replay::TraceStep;
pub use state::PageRead;
pub use store::Store;
pub use time::{instant, local};
pub use world::{Weights, World};
