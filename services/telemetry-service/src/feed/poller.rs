//! The task of a watched tenant: asks its sources, each at its pace, and tells the topics.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use live_hub::Topic;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, error, info, warn};

use super::board::Plan;
use super::feeds::{Feeds, TenantFeed};
use super::pace::{Asked, Pace};
use super::present::{News, Present};
use crate::metrics::Kind;
use crate::model::{DeviceId, SourceError};

/// Pause before a poller that died of a bug goes on.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// The share of an interval by which polls are spread, so that tenants whom one commit brought together do not stay
/// together. Only ever later: there are never more polls than intervals.
const SPREAD: f64 = 0.02;

/// Minds `feed` until nobody watches it.
pub(super) async fn mind(feeds: Feeds, feed: Arc<TenantFeed>) {
    debug!(tenant_id = %feed.tenant, "polling starts");
    let telemetry = Lane::begin(&feeds, &feed, Kind::Telemetry).run();
    let alerts = Lane::begin(&feeds, &feed, Kind::Alerts).run();
    tokio::join!(telemetry, alerts);
    debug!(tenant_id = %feed.tenant, "polling stops");
}

/// One kind of source: telemetry does not wait for alerts, nor alerts for telemetry.
struct Lane<'a> {
    feeds: &'a Feeds,
    feed: &'a Arc<TenantFeed>,
    kind: Kind,
    pace: Pace,
}

enum Turn {
    On,
    Stop,
}

impl<'a> Lane<'a> {
    fn begin(feeds: &'a Feeds, feed: &'a Arc<TenantFeed>, kind: Kind) -> Self {
        let kit = feeds.kit();
        let interval = kit.limits.interval;
        // Tenants that come together, after a restart, begin at different moments.
        let first = kit.random.duration_between(interval / 2..interval);
        Self {
            feeds,
            feed,
            kind,
            pace: Pace::begin(Instant::now(), first),
        }
    }

    /// A bug in one turn is told and the next turn goes on: viewers must not be left with a dead poller.
    async fn run(mut self) {
        loop {
            let turn = AssertUnwindSafe(self.turn()).catch_unwind();
            match turn.await {
                Ok(Turn::Stop) => {
                    // The other kind looks as well, and finds nobody either.
                    self.feed.nudge(Kind::Telemetry).notify_one();
                    self.feed.nudge(Kind::Alerts).notify_one();
                    return;
                }
                Ok(Turn::On) => {}
                Err(_) => {
                    error!(tenant_id = %self.feed.tenant, kind = self.kind.as_str(), "poller died of a bug and is restarted");
                    self.feeds.kit().metrics.poller_restarts.inc();
                    sleep(RESTART_PAUSE).await;
                }
            }
        }
    }

    /// Does what is due, then waits until the next thing is.
    async fn turn(&mut self) -> Turn {
        let stopping = &self.feeds.kit().stopping;
        let was_stopping = stopping.is_cancelled();
        let is_poll = self.pace.is_poll(Instant::now());
        if (is_poll || was_stopping || self.feed.board().is_empty())
            && self.feeds.clean_up(self.feed)
        {
            return Turn::Stop;
        }
        let wanted = self.feed.board().wants(self.kind);
        let due = self.pace.due(wanted);
        if due <= Instant::now() {
            self.ask(is_poll).await;
            return Turn::On;
        }
        tokio::select! {
            () = sleep_until(due) => {}
            () = self.feed.nudge(self.kind).notified() => {}
            () = stopping.cancelled(), if !was_stopping => {}
        }
        Turn::On
    }

    async fn ask(&mut self, is_poll: bool) {
        let plan = self.feed.board().plan(self.kind, is_poll);
        let limits = self.feeds.kit().limits;
        let began = Instant::now();
        // With nothing to ask for, the time of the next look is all that changes.
        let ok = plan.topics.is_empty() || self.query(&plan).await;
        let asked = Asked {
            whole: plan.whole,
            ok,
        };
        let latest = limits.interval.mul_f64(1.0 + SPREAD);
        let random = &self.feeds.kit().random;
        let interval = random.duration_between(limits.interval..latest);
        self.pace.asked(began, asked, limits.spacing, interval);
        let repeats = self.feed.board().repeats();
        if repeats && plan.whole && self.pace.repeats(Instant::now(), limits.interval) {
            let topics = plan.topics.iter().map(|(_, topic)| topic);
            topics.for_each(|topic| topic.beat(|present| present.view()));
        }
    }

    /// One query for all of `plan`. Says whether the source answered.
    async fn query(&self, plan: &Plan) -> bool {
        let kit = self.feeds.kit();
        let began = Instant::now();
        let asking = AssertUnwindSafe(self.read(plan)).catch_unwind();
        let read = match timeout(kit.limits.query_within, asking).await {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(SourceError::Refused("the query died of a bug".to_owned())),
            Err(_) => Err(SourceError::Unavailable("no answer in time".to_owned())),
        };
        kit.metrics.asked(self.kind, read.is_ok(), began.elapsed());
        let (now, error) = (
            kit.clock.now(),
            read.as_ref().err().map(ToString::to_string),
        );
        let turned = self.feed.board().answered(self.kind, error.clone(), now);
        if let Ok(news) = read {
            for (topic, news) in news {
                topic.update(|present, _| present.read(news, now, plan.hinted));
            }
        }
        if let Some(topics) = turned {
            self.tell_turn(&topics, error.as_deref());
        }
        error.is_none()
    }

    async fn read<'p>(
        &self,
        plan: &'p Plan,
    ) -> Result<Vec<(&'p Topic<Present>, News)>, SourceError> {
        let (kit, tenant) = (self.feeds.kit(), &self.feed.tenant);
        match self.kind {
            Kind::Telemetry => {
                let devices: Vec<DeviceId> = plan
                    .topics
                    .iter()
                    .filter_map(|(device, _)| device.clone())
                    .collect();
                let rows = kit.store.latest(tenant, &devices).await?;
                let mut rows: HashMap<_, _> = rows.into_iter().collect();
                let news = |(device, topic): &'p (Option<DeviceId>, _)| {
                    (
                        topic,
                        News::Reading(device.as_ref().and_then(|it| rows.remove(it))),
                    )
                };
                Ok(plan.topics.iter().map(news).collect())
            }
            Kind::Alerts => {
                let open = kit.alerts.open(tenant).await?;
                let topics = plan.topics.iter().map(|(_, topic)| topic);
                Ok(topics
                    .map(|topic| (topic, News::Alerts(open.clone())))
                    .collect())
            }
        }
    }

    /// The source turned stale, or live: everyone who watches something of it is told, and operators once.
    fn tell_turn(&self, topics: &[Topic<Present>], error: Option<&str>) {
        let since = self.feed.board().source(self.kind).stale_since;
        let now = self.feeds.kit().clock.now();
        for topic in topics {
            topic.update(|present, _| present.stale(error.is_some(), since.unwrap_or(now)));
        }
        let (tenant_id, kind) = (&self.feed.tenant, self.kind.as_str());
        match (error, self.feeds.tells_outage(self.kind)) {
            (Some(error), Some(suppressed)) => {
                warn!(%tenant_id, kind, error, suppressed, "a source cannot be read");
            }
            (None, Some(suppressed)) => {
                info!(%tenant_id, kind, suppressed, "a source can be read again");
            }
            (_, None) => {}
        }
    }
}
