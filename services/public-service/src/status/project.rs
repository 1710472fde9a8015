//! One project as the process knows it: its live state, its settings, and who
//! may ask its source. What a GET and a refresh wait for is decided here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use live_hub::{Closed, Resume, RingLimits, Room, Subscription, Topic};
use service_kit::clock::Clock;
use service_kit::lifecycle::Tasks;
use service_kit::random::Random;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Slug;
use super::audience::Watchers;
use super::body::BodyCache;
use super::cycle;
use super::engine::{Begin, Cycle, Engine, EngineState, Progress, Why};
use super::feed::Feed;
use super::frame::StatusFrame;
use super::integration::{Ask, Integration, Reading, StoredIntegration};
use super::poller;
use super::present::{DataState, Present, Version, rfc3339};
use super::source::FetchError;
use crate::infra::client_api::ClientApi;
use crate::metrics::StatusMetrics;

/// No source silences us for longer, whatever its `Retry-After` says: a slip of
/// a few zeros would otherwise blind every viewer until a restart.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
/// Unit changes that a replay ring keeps in all.
const RING_WEIGHT: usize = 200_000;
/// Of a run of failed cycles the first is logged, and then every so many.
const LOG_EVERY_FAILURES: u64 = 20;

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
        if self.is_too_old() {
            self.grown_old();
        }
        let step = last_event_id.and_then(|id| Version::step_of(&self.epoch, id));
        self.topic.join(step.map_or(Resume::Fresh, Resume::After))
    }

    /// What is known, as a GET may show it: fetched now if it has expired, but
    /// never waiting longer than one request may take.
    pub async fn read(self: &Arc<Self>) -> Present {
        self.touch();
        let present = self.present();
        let fresh = |age: Duration| age < self.fresh_age();
        if present.age().is_some_and(fresh) {
            return present;
        }
        if let Some(number) = self.want(Why::Read) {
            // With something to show, one failed attempt is enough to show it;
            // with nothing, the retries are worth the wait.
            let impatient = present.read.is_some();
            self.wait_for(number, |progress| impatient && progress.stumbled >= number)
                .await;
        }
        if self.is_too_old() {
            self.grown_old();
        }
        self.present()
    }

    /// Counts a forced refresh, of which there is one in `REFRESH_MIN_SECONDS`.
    ///
    /// # Errors
    /// The time until the next.
    pub fn may_refresh(&self) -> Result<(), Duration> {
        let mut last = lock(&self.refreshed);
        let now = Instant::now();
        let next = last.map(|last| last + self.kit.limits.refresh_min);
        match next.filter(|next| *next > now) {
            Some(next) => Err(next - now),
            None => {
                *last = Some(now);
                Ok(())
            }
        }
    }

    /// Fetches now, past every cache. The data after it, and whether it worked.
    pub async fn refresh(self: &Arc<Self>) -> (Present, bool) {
        self.touch();
        let ok = match self.want(Why::Refresh) {
            Some(number) => self.wait_for(number, |_| false).await,
            None => false,
        };
        (self.present(), ok)
    }

    /// What is known, without asking anybody.
    pub fn present(&self) -> Present {
        self.topic.with(|feed| feed.present().clone())
    }

    /// Sees to it that a fetch cycle runs, if the source may be asked: its number.
    pub fn want(self: &Arc<Self>, why: Why) -> Option<u64> {
        if self.is_gone() || matches!(self.integration().ask, Ask::Nobody) {
            return None;
        }
        match self.engine.begin(why, Instant::now()) {
            Begin::Refused => None,
            Begin::Joined(number) => Some(number),
            Begin::Started(cycle) => {
                let task = cycle::run(Arc::clone(self), cycle);
                self.kit.tasks.spawn_tracked("status.cycle", task);
                Some(cycle.number)
            }
        }
    }

    /// Waits for the end of cycle `number`, or until `enough`, but no longer
    /// than one request may take. Whether the cycle brought data.
    async fn wait_for(&self, number: u64, enough: impl Fn(&Progress) -> bool) -> bool {
        let deadline = Instant::now() + self.integration().timeout;
        let mut progress = self.engine.progress();
        let settled = progress.wait_for(|p| p.settled >= number || enough(p));
        match timeout_at(deadline, settled).await {
            Ok(Ok(progress)) => progress.settled >= number && progress.ok,
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// A cycle brought data.
    pub(super) fn succeeded(&self) {
        let interval = self.integration().interval;
        let mut engine = self.engine.lock();
        engine
            .schedule
            .succeeded(Instant::now(), interval, &self.kit.random);
        if engine.report.last_error.take().is_some() {
            info!(project = %self.slug, "client API works again");
        }
        engine.report.failures_in_a_row = 0;
    }

    /// A cycle brought data that is not believed yet.
    pub(super) fn doubted(&self) {
        let interval = self.integration().interval;
        let reason = "more than half of the units vanished at once: waiting for a second answer";
        warn!(project = %self.slug, "{reason}");
        {
            let mut engine = self.engine.lock();
            engine
                .schedule
                .doubted(Instant::now(), interval, &self.kit.random);
            engine.report.last_error = Some(reason.to_owned());
        }
        self.grown_old();
    }

    /// A cycle failed.
    pub(super) fn failed(&self, error: &FetchError, cycle: Cycle) {
        let interval = self.integration().interval;
        let floor = error.retry_after().map(|d| d.min(LONGEST_RETRY_AFTER));
        let failures = {
            let mut engine = self.engine.lock();
            engine
                .schedule
                .failed(Instant::now(), interval, floor, &self.kit.random);
            engine.report.failures += 1;
            engine.report.failures_in_a_row += 1;
            engine.report.last_error = Some(error.to_string());
            engine.report.failures_in_a_row
        };
        if failures % LOG_EVERY_FAILURES == 1 {
            warn!(
                project = %self.slug,
                %error,
                failures,
                probe = cycle.probe,
                upstream_status = error.upstream_status(),
                "client API failed; viewers are shown the last good data"
            );
        }
        self.grown_old();
    }

    /// The data can no longer be called live.
    pub(super) fn grown_old(&self) {
        let now = self.kit.clock.now();
        self.topic.update(|feed, seq| feed.failed(seq, now));
    }

    /// Younger data is served from memory.
    pub(super) fn fresh_age(&self) -> Duration {
        let ttl = self.kit.limits.cache_ttl;
        match self.polled.load(Ordering::SeqCst) {
            true => ttl.max(self.integration().interval),
            false => ttl,
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

    fn is_too_old(&self) -> bool {
        let present = self.present();
        let limit = self.fresh_age() * 2;
        present.state == DataState::Live && present.age().is_some_and(|age| age >= limit)
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

    fn touch(&self) {
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
