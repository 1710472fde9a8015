//! One run from its claim to whatever it is left as: read to the end, cancelled, parked, or dropped because the
//! lease is gone. What is read in which order is `plan`'s and `stage`'s; how the end is told is `farewell`'s.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use farol_core::sync::State;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::heartbeat::{Call, Heartbeat};
use super::job::{Break, Job};
use super::kit::Kit;
use super::view::RunView;
use super::{farewell, items, plan, stage, verdict};
use crate::infra::execution_repo::Claimed;

/// A run that is to be cancelled gets so long to commit the page that is under way.
const CANCEL_GRACE: Duration = Duration::from_secs(3);

/// Why a run stops before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The lease is gone: nothing may be written any more.
    Lost,
    /// Somebody wants it to end.
    Cancel,
    /// This process ends; another one goes on.
    Park,
    /// Something of ours failed.
    Broken(String),
}

/// Works on a run that was claimed at `claimed_at` until it is over or somebody else's.
pub async fn work(
    kit: Arc<Kit>,
    claimed: Claimed,
    view: Arc<RunView>,
    claimed_at: Instant,
    stopping: CancellationToken,
) {
    let execution_id = claimed.lease.execution_id;
    let lease = claimed.lease;
    let mode = claimed.mode.as_str();
    if let Some(waited) = claimed.waited {
        kit.metrics.claimed(waited);
    }
    let mut beat = Heartbeat::new(kit.executions.clone(), lease, &kit.run, claimed_at);
    let job = Job::new(Arc::clone(&kit), claimed, view);
    tracing::info!(execution_id, mode, "run begins");
    let left = match until_end(&job, &mut beat, &stopping).await {
        Ok(state) => Some(state),
        Err(stop) => {
            tokio::select! {
                biased;
                () = beat.lost() => None,
                left = farewell::say(&job, &stop) => left,
            }
        }
    };
    told(&job, left, claimed_at.elapsed());
}

fn told(job: &Job, left: Option<State>, took: Duration) {
    let (execution_id, mode) = (job.run.lease.execution_id, job.run.mode);
    let metrics = &job.kit.metrics;
    let duration_ms = took.as_millis();
    let Some(state) = left else {
        metrics.lease_lost.inc();
        tracing::warn!(execution_id, duration_ms, "run dropped, its lease is gone");
        return;
    };
    metrics.left(mode, state, took);
    if state.is_terminal() {
        metrics.records_of_run(job.view.records());
    }
    if state == State::Success {
        metrics.succeeded(mode, job.kit.clock.now().timestamp());
    }
    tracing::info!(
        execution_id,
        state = state.as_str(),
        duration_ms,
        "run left"
    );
}

/// The state in which the run ended by itself, or why it did not.
async fn until_end(
    job: &Job,
    beat: &mut Heartbeat,
    stopping: &CancellationToken,
) -> Result<State, Stop> {
    let mut reading = pin!(to_its_end(job));
    let stop = tokio::select! {
        biased;
        call = beat.next() => Stop::from(call),
        () = stopping.cancelled() => Stop::Park,
        ended = &mut reading => return ended.map_err(Stop::from),
    };
    if stop == Stop::Lost {
        return Err(stop);
    }
    // Between pages, so that the one under way is not read again.
    job.wind_down.cancel();
    let grace = match stop {
        Stop::Cancel => CANCEL_GRACE,
        _ => job.kit.drain,
    };
    tokio::select! {
        biased;
        () = beat.lost() => Err(Stop::Lost),
        ended = &mut reading => match ended {
            Ok(state) => Ok(state),
            Err(Break::Lost) => Err(Stop::Lost),
            Err(_) => Err(stop),
        },
        () = sleep(grace) => Err(stop),
    }
}

async fn to_its_end(job: &Job) -> Result<State, Break> {
    job.recall_disorder().await?;
    plan::write(job).await?;
    stage::contratacoes(job).await?;
    items::stage(job).await?;
    verdict::pass(job).await
}

impl From<Call> for Stop {
    fn from(call: Call) -> Self {
        match call {
            Call::Lost => Self::Lost,
            Call::Cancel => Self::Cancel,
        }
    }
}

impl From<Break> for Stop {
    fn from(why: Break) -> Self {
        match why {
            Break::Lost => Self::Lost,
            Break::Inside(error) => Self::Broken(error),
            // Only a stop winds a run down, and it is told before.
            Break::WoundDown => Self::Park,
        }
    }
}
