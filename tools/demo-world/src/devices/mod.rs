//! Devices of two tenants that measure, fall silent and raise alerts, written into Postgres as a
//! collector of telemetry would; or devices of any number of tenants that wait to be told, for measuring.

mod alarm;
mod control;
mod device;
mod tenant;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use service_kit::clock::Clock;
use service_kit::random::Random;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::fleet_repo::FleetRepo;
pub use crate::fleet_repo::NoDatabase;
use tenant::Tenant;
use writer::{Order, Writer};

pub(crate) use alarm::Change;
pub(crate) use control::answer;
pub(crate) use tenant::{State, Tick};

/// The tenants of the demo.
const TENANTS: [&str; 2] = ["demo-a", "demo-b"];
/// Pause after a database that could not be used.
const AGAIN: Duration = Duration::from_secs(1);
/// Orders that wait for one tenant; whoever gives more waits too.
const MOST_ORDERS: usize = 16;

/// Who lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// The two tenants of the demo. Equal seeds give equal lives.
    Living {
        /// What their lives are drawn from.
        seed: u64,
    },
    /// So many tenants, `bench-001` and on, whose devices write only when they are told to.
    Still {
        /// How many.
        tenants: u16,
    },
}

/// The devices; they live as long as this value.
#[derive(Debug)]
pub struct Devices {
    pub(crate) desk: Arc<Desk>,
    _tasks: JoinSet<()>,
}

/// Where orders for the tenants are taken.
#[derive(Debug)]
pub(crate) struct Desk {
    repo: FleetRepo,
    tenants: BTreeMap<String, mpsc::Sender<Order>>,
}

impl Devices {
    /// Begins as soon as the database can be used; a login of the role `farol_devices` is enough.
    ///
    /// # Errors
    /// For an address that is none of a database. Must be called within a Tokio runtime.
    pub fn open(database_url: &str, cast: Cast, clock: &Clock) -> Result<Self, NoDatabase> {
        let repo = FleetRepo::lazy(database_url)?;
        let mut tasks = JoinSet::new();
        let mut tenants = BTreeMap::new();
        for tenant in cast.tenants() {
            let (desk, orders) = mpsc::channel(MOST_ORDERS);
            tenants.insert(tenant.name().to_owned(), desk);
            let writer = Writer {
                tenant,
                repo: repo.clone(),
                clock: clock.clone(),
                orders,
                living: matches!(cast, Cast::Living { .. }),
            };
            tasks.spawn(writer.run());
        }
        Ok(Self {
            desk: Arc::new(Desk { repo, tenants }),
            _tasks: tasks,
        })
    }
}

impl Cast {
    fn tenants(self) -> Vec<Tenant> {
        match self {
            Self::Living { seed } => (0_u64..)
                .zip(TENANTS)
                .map(|(turn, name)| Tenant::new(name, Random::seeded(seed.wrapping_add(turn))))
                .collect(),
            Self::Still { tenants } => (1..=tenants)
                .map(|number| {
                    let random = Random::seeded(number.into());
                    Tenant::new(&format!("bench-{number:03}"), random)
                })
                .collect(),
        }
    }
}
