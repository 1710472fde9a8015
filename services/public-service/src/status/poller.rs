//! The task of a watched project: it asks the source at its interval, says so
//! when the data grows old, and keeps silent streams alive.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use client_api::Ask;
use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error};

use super::engine::Why;
use super::feed::Feed;
use super::present::DataState;
use super::project::Project;

/// Minds `project` until nobody watches it or it is gone. A bug in one turn is
/// told and the next turn goes on: viewers must not be left with a dead poller.
pub async fn mind(project: Arc<Project>) {
    debug!(project = %project.slug, "polling starts");
    let mut watch = Watch {
        started: Instant::now(),
        empty_since: None,
    };
    while !project.is_gone() {
        let turn = AssertUnwindSafe(watch.turn(&project)).catch_unwind();
        match turn.await {
            Ok(Turn::Stop) => break,
            Ok(Turn::On) => {}
            Err(_) => {
                error!(project = %project.slug, "poller died of a bug and is restarted");
                project.kit.metrics.poller_restarts.inc();
                let pause = project.kit.limits.restart_pause;
                project.ended_within(pause).await;
            }
        }
    }
    debug!(project = %project.slug, "polling stops");
}

enum Turn {
    On,
    Stop,
}

struct Watch {
    started: Instant,
    empty_since: Option<Instant>,
}

impl Watch {
    /// Does what is due, then sleeps until the next thing is.
    async fn turn(&mut self, project: &Arc<Project>) -> Turn {
        let now = Instant::now();
        let linger_ends = self.linger_ends(project, now);
        let lingered = linger_ends.is_some_and(|end| end <= now || project.is_stopping());
        if lingered && project.stop_poller() {
            return Turn::Stop;
        }
        let wakes = [
            linger_ends.filter(|end| *end > now),
            poll(project),
            tell_age(project, now),
            self.seed(project, now),
            Some(ping(project, now)),
        ];
        let wake = wakes.into_iter().flatten().min().unwrap_or(now);
        tokio::select! {
            () = sleep_until(wake) => {}
            () = project.nudged() => {}
        }
        Turn::On
    }

    /// When an empty project has lingered long enough.
    fn linger_ends(&mut self, project: &Project, now: Instant) -> Option<Instant> {
        if project.topic.subscribers() > 0 {
            self.empty_since = None;
            return None;
        }
        let since = *self.empty_since.get_or_insert(now);
        Some(since + project.kit.limits.linger)
    }

    /// A cold project shows that it knows nothing, at the latest after the time
    /// that a first fetch may take.
    fn seed(&self, project: &Project, now: Instant) -> Option<Instant> {
        if project.topic.with(|feed| feed.seeded()) {
            return None;
        }
        let integration = project.integration();
        let at = match integration.ask {
            Ask::Nobody => now,
            Ask::Source(_) | Ask::Broken(_) => self.started + integration.timeout,
        };
        if at > now {
            return Some(at);
        }
        project.topic.update(Feed::seed_unknown);
        None
    }
}

/// Asks the source if its time has come; when the next time is.
fn poll(project: &Arc<Project>) -> Option<Instant> {
    if !project.may_ask() {
        return None;
    }
    project.want(Why::Poll);
    let engine = project.engine.lock();
    // The end of a cycle nudges us.
    (!engine.in_flight()).then(|| engine.schedule.next())
}

/// Live data that has grown too old is called stale; when that is.
fn tell_age(project: &Project, now: Instant) -> Option<Instant> {
    let old_at = project.topic.with(|feed| {
        let present = feed.present();
        let live = present.state == DataState::Live;
        let read = present.read.filter(|_| live)?;
        Some(read.at + project.fresh_age() * 2)
    })?;
    if old_at > now {
        return Some(old_at);
    }
    project.grown_old();
    None
}

/// Breaks a long silence; when the next ping is due.
fn ping(project: &Project, now: Instant) -> Instant {
    let after = project.kit.limits.ping;
    let due = project.topic.with(|feed| feed.last_sent() + after);
    if due > now {
        return due;
    }
    let wall = project.kit.clock.now();
    project.topic.beat(|feed| feed.ping(wall));
    now + after
}
