//! Ready is the sum of latches that components release, so it can never be early.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::clock::Clock;

/// The latches of a process. Clones share them.
///
/// A process is ready when every latch is released and no shutdown has begun. Each check tells since when it has been
/// what it is, so an operator sees how long Postgres has been away; a repeated "not ready" with another detail keeps
/// that moment. Every change is logged once.
#[derive(Clone, Debug)]
pub struct Readiness {
    clock: Clock,
    checks: Arc<Mutex<BTreeMap<&'static str, Check>>>,
}

/// One condition for being ready, held by the component that knows.
#[derive(Clone, Debug)]
pub struct Latch {
    readiness: Readiness,
    name: &'static str,
}

/// What `/health/ready` answers, as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    #[serde(rename = "status", serialize_with = "as_word")]
    ready: bool,
    checks: BTreeMap<&'static str, Check>,
}

#[derive(Clone, Debug, Serialize)]
struct Check {
    #[serde(rename = "status")]
    met: Met,
    #[serde(serialize_with = "as_rfc3339")]
    since: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// How far a condition is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Met {
    Ready,
    /// Something is missing that others can do without.
    Degraded,
    NotReady,
}

/// The check that shutdown adds.
const SHUTDOWN: &str = "shutdown";

impl Readiness {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            checks: Arc::default(),
        }
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// A new condition, not met until its latch says [`Latch::ready`]. Names are unique; a second latch of one name
    /// takes the place of the first.
    pub fn latch(&self, name: &'static str) -> Latch {
        let latch = Latch {
            readiness: self.clone(),
            name,
        };
        latch.not_ready("starting");
        latch
    }

    /// The present state.
    pub fn report(&self) -> Report {
        let checks = self.lock().clone();
        Report {
            ready: checks.values().all(|check| check.met != Met::NotReady),
            checks,
        }
    }

    /// Never ready again.
    pub(super) fn shut_down(&self) {
        let detail = Some("the process is stopping".to_owned());
        self.set(SHUTDOWN, Met::NotReady, detail);
    }

    fn set(&self, name: &'static str, met: Met, detail: Option<String>) {
        let now = self.clock.now();
        let mut checks = self.lock();
        let before = checks.get(name);
        let since = before
            .filter(|check| check.met == met)
            .map_or(now, |check| check.since);
        let changed = before.is_none_or(|check| check.met != met || check.detail != detail);
        let told = detail.clone();
        let check = Check { met, since, detail };
        checks.insert(name, check);
        drop(checks);
        if changed {
            tracing::info!(
                check = name,
                ready = met != Met::NotReady,
                detail = told,
                "readiness"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Check>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latch {
    /// The condition is met.
    pub fn ready(&self) {
        self.readiness.set(self.name, Met::Ready, None);
    }

    /// Something is missing without which the process still does its work: shown, and it stays ready.
    pub fn degraded(&self, detail: impl Into<String>) {
        let detail = Some(detail.into());
        self.readiness.set(self.name, Met::Degraded, detail);
    }

    /// The condition is not met (any more); `detail` is shown to operators, so it holds no secret.
    pub fn not_ready(&self, detail: impl Into<String>) {
        let detail = Some(detail.into());
        self.readiness.set(self.name, Met::NotReady, detail);
    }
}

impl Report {
    /// Every condition is met.
    pub fn is_ready(&self) -> bool {
        self.ready
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_word<S: Serializer>(ready: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *ready { "ready" } else { "not_ready" })
}

fn as_rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
