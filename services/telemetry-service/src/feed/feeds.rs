//! All tenants that somebody watches, each with its feed; a feed begins with its first watch and ends with its poller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use service_kit::clock::Clock;
use service_kit::lifecycle::Tasks;
use service_kit::random::Random;
use service_kit::telemetry::Throttle;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::board::{Board, Channel, TooMany};
use super::poller;
use super::watch::Watch;
use crate::infra::alert_repo::AlertRepo;
use crate::metrics::{Kind, TelemetryMetrics};
use crate::model::TenantId;
use crate::store::TelemetryStore;

/// Between two lines of the log about outages of one kind of source.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What feeds work with.
pub struct FeedKit {
    /// Where readings are.
    pub store: Arc<dyn TelemetryStore>,
    /// Where alerts are.
    pub alerts: AlertRepo,
    /// Dates what turns stale or live.
    pub clock: Clock,
    /// Spreads the polls of tenants.
    pub random: Random,
    /// Where pollers run.
    pub tasks: Tasks,
    /// The first stage of a shutdown: pollers then end with their last viewer.
    pub stopping: CancellationToken,
    /// Counts queries.
    pub metrics: TelemetryMetrics,
    /// How often, how long, how many.
    pub limits: FeedLimits,
}

/// How often, how long, how many.
#[derive(Debug, Clone, Copy)]
pub struct FeedLimits {
    /// Between two polls of a tenant.
    pub interval: Duration,
    /// Between two queries of one kind that hints ask for.
    pub spacing: Duration,
    /// A query that takes longer has failed.
    pub query_within: Duration,
    /// Devices of one tenant that are watched at once.
    pub devices: usize,
}

/// The feeds of all tenants. Clones share them.
#[derive(Clone)]
pub struct Feeds(Arc<Shared>);

struct Shared {
    /// Bounded by the sockets: each tenant here has one, or had one an interval ago.
    feeds: Mutex<HashMap<TenantId, Arc<TenantFeed>>>,
    kit: FeedKit,
    /// An outage is one for all tenants; each has its own line in `/status`.
    outages: Throttle,
}

/// What one tenant's viewers share.
pub(super) struct TenantFeed {
    pub tenant: TenantId,
    board: Mutex<Board>,
    /// One for each kind: each is polled apart, so that a slow store does not hold up alerts.
    telemetry: Arc<Notify>,
    alerts: Arc<Notify>,
}

impl Feeds {
    /// Feeds that read by `kit`; nothing is read before somebody watches.
    pub fn new(kit: FeedKit) -> Self {
        let feeds = Mutex::default();
        let outages = Throttle::new(TELL_EVERY, 2);
        Self(Arc::new(Shared {
            feeds,
            kit,
            outages,
        }))
    }

    /// A seat at `channel` of `tenant`. What is known is there at once; what is not is asked for at once. With
    /// `repeats` the content comes again every interval.
    ///
    /// # Errors
    /// [`TooMany`] devices of this tenant are watched.
    pub fn watch(
        &self,
        tenant: &TenantId,
        channel: Channel,
        repeats: bool,
    ) -> Result<Watch, TooMany> {
        let kind = match channel {
            Channel::Device(_) => Kind::Telemetry,
            Channel::Alerts => Kind::Alerts,
        };
        let mut feeds = self.lock();
        let feed = feeds
            .entry(tenant.clone())
            .or_insert_with(|| self.begin(tenant));
        let mut board = feed.board();
        let watch = board.join(channel, repeats, feed.nudge(kind), &self.0.kit.stopping)?;
        let asks = board.wants(kind);
        drop(board);
        if asks {
            feed.nudge(kind).notify_one();
        }
        Ok(watch)
    }

    /// The database says that something of `tenant` was committed.
    pub fn hint(&self, tenant: &TenantId, kind: Kind) {
        let feed = self.lock().get(tenant).cloned();
        if let Some(feed) = feed {
            feed.soil(kind, Some(Instant::now()));
        }
    }

    /// Hints may have been lost: everything that is watched is looked at.
    pub fn catch_up(&self) {
        for feed in self.all() {
            feed.soil(Kind::Telemetry, None);
            feed.soil(Kind::Alerts, None);
        }
    }

    /// For `/status`: each watched tenant.
    pub fn overview(&self) -> HashMap<TenantId, Value> {
        let feeds = self.all().into_iter();
        feeds
            .map(|feed| (feed.tenant.clone(), feed.board().overview()))
            .collect()
    }

    /// Says how many outages were not told, where this one is to be.
    pub(super) fn tells_outage(&self, kind: Kind) -> Option<u64> {
        self.0.outages.admit(kind.as_str())
    }

    pub(super) fn kit(&self) -> &FeedKit {
        &self.0.kit
    }

    /// Lets go of what nobody watches. Says whether the feed has ended: it is then gone from here, and whoever comes
    /// next begins another.
    pub(super) fn clean_up(&self, feed: &Arc<TenantFeed>) -> bool {
        let mut feeds = self.lock();
        let mut board = feed.board();
        board.clean_up();
        if !board.is_empty() {
            return false;
        }
        if feeds
            .get(&feed.tenant)
            .is_some_and(|held| Arc::ptr_eq(held, feed))
        {
            feeds.remove(&feed.tenant);
        }
        true
    }

    fn begin(&self, tenant: &TenantId) -> Arc<TenantFeed> {
        let feed = Arc::new(TenantFeed {
            tenant: tenant.clone(),
            board: Mutex::new(Board::new(self.0.kit.limits.devices)),
            telemetry: Arc::default(),
            alerts: Arc::default(),
        });
        let mind = poller::mind(self.clone(), Arc::clone(&feed));
        self.0.kit.tasks.spawn_tracked("feed.poller", mind);
        feed
    }

    fn all(&self) -> Vec<Arc<TenantFeed>> {
        self.lock().values().cloned().collect()
    }

    /// Taken before a board's lock, never after; sections are short.
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Arc<TenantFeed>>> {
        self.0.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TenantFeed {
    /// Sections leave the board whole at each step, so a panic elsewhere must not take it from everybody.
    pub fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn nudge(&self, kind: Kind) -> &Arc<Notify> {
        match kind {
            Kind::Telemetry => &self.telemetry,
            Kind::Alerts => &self.alerts,
        }
    }

    fn soil(&self, kind: Kind, hinted: Option<Instant>) {
        self.board().soil(kind, hinted);
        self.nudge(kind).notify_one();
    }
}

/// For `/status` where no feed is.
pub fn unwatched() -> Value {
    json!({"devices_watched": 0, "alerts_watched": false})
}

#[cfg(test)]
mod tests;
