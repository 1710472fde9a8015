//! The way to RabbitMQ: a publisher that knows what was delivered, a consumer that comes back, and the supervision of
//! both; a shelf, for whoever looks into a queue by hand. No message of any service.
//!
//! Each end has a connection of its own, so that a broker which throttles publishers still takes acknowledgements.
//! lapin brings a lost connection back with its channels (`enable_auto_recover`); what it leaves to its user is done
//! here: a channel that the broker closed, a cancelled consumer, a broker that accepts and then says nothing. Nothing
//! in here waits for the broker without a deadline, except for the moment when there is one again.

mod consumer;
mod dial;
mod end;
mod line;
mod metrics;
mod publisher;
mod session;
mod settings;
mod shelf;
mod supervisor;
mod trouble;

use tokio_util::sync::CancellationToken;

pub use consumer::{Consumer, Delivery};
pub use metrics::BrokerMetrics;
pub use publisher::{Outgoing, PublishError, Publisher};
pub use settings::{BrokerSettings, QueueSettings, UnusableAddress};
pub use shelf::{Shelf, ShelfError, Shelved, Visit};

use crate::{
    lifecycle::{Latch, Tasks},
    random::Random,
};

/// What an end needs from its process.
///
/// ```
/// # use service_kit::{broker::{BrokerMetrics, BrokerSettings, Link, Publisher}, clock::Clock, lifecycle::Lifecycle};
/// # use service_kit::{metrics::Metrics, random::Random};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (life, metrics) = (Lifecycle::new(Clock::system()), Metrics::new("x", "1", "c")?);
/// let link = Link {
///     tasks: life.tasks(),
///     stopping: life.stopping(),
///     latch: life.readiness().latch("broker"),
///     random: Random::system(),
///     metrics: BrokerMetrics::register(&metrics, "ingest")?,
/// };
/// let publisher = Publisher::start(&BrokerSettings::default(), &["ingest.pncp"], "ingestor/publisher", link)?;
/// assert!(!publisher.connected(), "it connects in the background");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    /// Where the supervisor runs.
    pub tasks: Tasks,
    /// Ends the supervisor.
    pub stopping: CancellationToken,
    /// Released while the end works; says why not. Each end has its own.
    pub latch: Latch,
    /// Spreads the attempts of many processes.
    pub random: Random,
    /// Shared by the ends of a process.
    pub metrics: BrokerMetrics,
}
