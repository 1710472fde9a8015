//! One project as the process knows it: its live state, its settings, and who
//! may ask its source. What a GET and a refresh wait for is decided here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client_api::{Ask, ClientApi, Integration, Reading, StoredIntegration};
use farol_core::status::Slug;
use live_hub::{Closed, Resume, RingLimits, Room, Subscription, Topic};
use service_kit::clock::Clock;
use service_kit::lifecycle::Tasks;
use service_kit::random::Random;
use service_kit::telemetry::Throttle;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::audience::Watchers;
use super::body::BodyCache;
use super::engine::{Engine, EngineState};
use super::feed::Feed;
use super::frame::StatusFrame;
use super::poller;
use super::present::{DataState, Present, Version, rfc3339};
use crate::metrics::StatusMetrics;

/// Unit changes that a replay ring keeps in all.
const RING_WEIGHT: usize = 200_000;
/// A source that fails, recovers and fails is one line of each kind in this time.
pub(super) const TELL_EVERY: Duration = Duration::from_mins(5);
/// More than there are.
const KINDS_OF_LINES: usize = 8;

/// Durations and sizes that hold for every project.
#[derive(Debug, Clone)]
pub struct ProjectLimits {
    /// Data younger than this is served from memory (`CACHE_TTL_SECONDS`).
    pub cache_ttl: Duration,
    /// A poller goes on for this long without viewers (`POLL_LINGER_SECONDS`).
    pub linger: Duration,
    /// Silence that is broken by a ping (`PING_SECONDS`).
    pub ping: Duration,
    /// Pause before a poller that died of a bug goes on.
    pub restart_pause: Duration,
    /// Between two forced refreshes (`REFRESH_MIN_SECONDS`).
    pub refresh_min: Duration,
    /// Changes kept for those who come back (`REPLAY_RING`).
    pub replay: usize,
    /// In which viewers leave after a stop (`DRAIN_SECONDS`).
    pub drain: Duration,
}

/// What all projects share.
pub struct Kit {
    pub client_api: ClientApi,
    pub metrics: StatusMetrics,
    pub clock: Clock,
    pub random: Random,
    pub tasks: Tasks,
    pub stopping: CancellationToken,
    pub limits: ProjectLimits,
    pub reading: Reading,
}

/// One project.
pub struct Project {
    pub slug: Slug,
    pub topic: Topic<Feed>,
    pub engine: Engine,
    pub kit: Arc<Kit>,
    /// The bytes of the last GET.
    pub body: BodyCache,
    epoch: Arc<str>,
    settings: Mutex<Settings>,
    polled: AtomicBool,
    /// Ended for good: deactivated, or evicted while idle.
    gone: CancellationToken,
    nudge: Notify,
    used: Mutex<Instant>,
    refreshed: Mutex<Option<Instant>>,
    /// A line that says the same again waits for [`TELL_EVERY`].
    pub(super) told: Throttle,
}

struct Settings {
    stored: Option<StoredIntegration>,
    integration: Arc<Integration>,
}

impl Project {
    /// A project that has never been fetched.
    pub fn new(slug: Slug, stored: Option<StoredIntegration>, kit: &Arc<Kit>) -> Arc<Self> {
        let integration = read_settings(&slug, stored.as_ref(), kit);
        let epoch: Arc<str> = kit.random.hex(6).into();
        let limits = RingLimits {
            steps: kit.limits.replay,
            weight: RING_WEIGHT,
        };
        Arc::new_cyclic(|this| {
            let feed = Feed::new(slug.clone(), Arc::clone(&epoch), kit.clock.now());
            Self {
                slug,
                topic: Topic::new(feed, limits, Watchers(this.clone())),
                engine: Engine::new(Instant::now()),
                kit: Arc::clone(kit),
                body: BodyCache::default(),
                epoch,
                settings: Mutex::new(Settings {
                    stored,
                    integration,
                }),
                polled: AtomicBool::new(false),
                gone: CancellationToken::new(),
                nudge: Notify::new(),
                used: Mutex::new(Instant::now()),
                refreshed: Mutex::default(),
                told: Throttle::new(TELL_EVERY, KINDS_OF_LINES),
            }
        })
    }

    /// The settings in force.
    pub fn integration(&self) -> Arc<Integration> {
        Arc::clone(&lock(&self.settings).integration)
    }

    /// Takes over what the database says now. Where that is news, the old
    /// source's answers are void and the new one is asked at once.
    pub fn adopt(&self, stored: Option<StoredIntegration>) {
        if lock(&self.settings).stored == stored {
            return;
        }
        info!(project = %self.slug, "integration changed");
        let integration = read_settings(&self.slug, stored.as_ref(), &self.kit);
        let nobody = matches!(integration.ask, Ask::Nobody);
        *lock(&self.settings) = Settings {
            stored,
            integration,
        };
        self.engine.start_over(Instant::now());
        if nobody {
            let now = self.kit.clock.now();
            self.topic.update(|feed, seq| feed.withdraw(seq, now));
        }
        self.nudge();
    }

    /// The project is no more: its viewers are told, its tasks end.
    pub fn deactivate(&self) {
        self.topic.close(StatusFrame::closed("project_inactive"));
        self.end();
    }

    /// Takes a seat, resuming behind `last_event_id` where that is possible.
    pub fn join(&self, last_event_id: Option<&str>) -> Result<Subscription<Feed>, Closed> {
        self.touch();
        self.age();
        let step = last_event_id.and_then(|id| Version::step_of(&self.epoch, id));
        self.topic.join(step.map_or(Resume::Fresh, Resume::After))
    }

    /// Has `begin` make use of the one forced refresh in `REFRESH_MIN_SECONDS`. Under one lock: whoever is refused may
    /// rely on it that the other one's fetch is under way.
    ///
    /// # Errors
    /// The time until the next.
    pub(super) fn in_turn<T>(&self, begin: impl FnOnce() -> T) -> Result<T, Duration> {
        let mut last = lock(&self.refreshed);
        let now = Instant::now();
        let next = last.map(|last| last + self.kit.limits.refresh_min);
        if let Some(next) = next.filter(|next| *next > now) {
            return Err(next - now);
        }
        *last = Some(now);
        Ok(begin())
    }

    /// What is known, without asking anybody.
    pub fn present(&self) -> Present {
        self.topic.with(|feed| feed.present().clone())
    }

    /// Data that has grown too old is called stale; a poller does so to the second.
    pub(super) fn age(&self) {
        let present = self.present();
        let limit = self.fresh_age() * 2;
        let live = present.state == DataState::Live;
        if live && present.age().is_some_and(|age| age >= limit) {
            self.grown_old();
        }
    }

    /// The data can no longer be called live.
    pub(super) fn grown_old(&self) {
        let now = self.kit.clock.now();
        self.topic.update(|feed, seq| feed.failed(seq, now));
    }

    /// Younger data is served from memory.
    pub(super) fn fresh_age(&self) -> Duration {
        let ttl = self.kit.limits.cache_ttl;
        if self.polled.load(Ordering::SeqCst) {
            ttl.max(self.integration().interval)
        } else {
            ttl
        }
    }

    /// When the source is asked next (RFC 3339), if that is planned.
    pub(super) fn next_attempt_at(&self, engine: &EngineState, now: Instant) -> Option<String> {
        let nobody = matches!(self.integration().ask, Ask::Nobody);
        let unplanned = !self.polled.load(Ordering::SeqCst) && !engine.schedule.circuit_open();
        if nobody || engine.in_flight() || unplanned {
            return None;
        }
        let wait = engine.schedule.next().saturating_duration_since(now);
        Some(rfc3339(self.kit.clock.now() + wait))
    }

    /// Called under the topic's lock, as [`Project::stop_poller`] decides.
    pub(super) fn start_poller(self: Arc<Self>) {
        if self.polled.swap(true, Ordering::SeqCst) {
            self.nudge();
            return;
        }
        let tasks = self.kit.tasks.clone();
        tasks.spawn_tracked("status.poller", poller::mind(self));
    }

    /// Ends polling if nobody watches; says whether it did.
    pub(super) fn stop_poller(&self) -> bool {
        self.topic
            .if_empty(|| self.polled.store(false, Ordering::SeqCst))
    }

    /// Makes the poller look around.
    pub(super) fn nudge(&self) {
        self.nudge.notify_one();
    }

    pub(super) async fn nudged(&self) {
        tokio::select! {
            () = self.nudge.notified() => {}
            () = self.gone.cancelled() => {}
        }
    }

    /// Waits for `pause`; true if the project or the process ends before.
    pub(super) async fn ended_within(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => false,
            () = self.gone.cancelled() => true,
            () = self.kit.stopping.cancelled() => true,
        }
    }

    /// Whether there is anybody to ask, and still a use for the answer. A cycle
    /// that began in a drain would outlast it, and end the process by force.
    pub(super) fn may_ask(&self) -> bool {
        let nobody = || matches!(self.integration().ask, Ask::Nobody);
        !self.is_gone() && !self.is_stopping() && !nobody()
    }

    /// Resolves at the end of a drain: nobody is left who waits for an answer.
    /// Whoever waits for it began before the stop, as [`Project::may_ask`] sees to.
    pub(super) async fn drained(&self) {
        self.kit.stopping.cancelled().await;
        tokio::time::sleep(self.kit.limits.drain).await;
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.kit.stopping.is_cancelled()
    }

    fn end(&self) {
        self.gone.cancel();
        self.nudge();
    }

    pub(super) fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }
}

impl Room for Project {
    fn retire(&self) -> bool {
        let retired = self.topic.retire();
        if retired {
            self.end();
        }
        retired
    }

    fn last_used(&self) -> Instant {
        *lock(&self.used)
    }
}

fn read_settings(slug: &Slug, stored: Option<&StoredIntegration>, kit: &Kit) -> Arc<Integration> {
    let integration = Integration::read(stored, &kit.reading);
    for complaint in &integration.complaints {
        warn!(project = %slug, complaint, "integration settings are odd");
    }
    Arc::new(integration)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
