//! How a run is left: ended with a verdict, cancelled, given back, or put off. Each is one conditional write that is
//! repeated while the database is away; what it finds changed, it believes.

use std::time::Duration;

use farol_core::sync::{Move, State};

use super::job::{Break, Job};
use super::run::Stop;
use crate::infra::execution_repo::{Ending, Renewal};

/// The first wait after something of ours failed; doubles each time.
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// Failures of ours after which a run ends as `error`.
const MOST_FAILURES: u32 = 3;

/// Ends the run. One that somebody wants cancelled meanwhile ends as that.
///
/// # Errors
/// [`Break`]; [`Break::Lost`] where somebody else ended or took it.
pub(super) async fn end(job: &Job, ending: Ending<'_>) -> Result<State, Break> {
    let (executions, lease, worker) = (&job.kit.executions, &job.run.lease, &job.kit.worker);
    match job
        .persist(|| executions.finish(lease, worker, ending))
        .await
    {
        Ok(()) => Ok(ending.by.to()),
        Err(Break::Lost) => instead(job, ending).await,
        Err(other) => Err(other),
    }
}

/// Leaves a run that stops before its end; the state that it is left in, or nothing where it is not ours to leave.
pub(super) async fn say(job: &Job, stop: &Stop) -> Option<State> {
    let cancelled = Ending {
        by: Move::Cancelled,
        verdict: None,
        error_message: Some("cancelled on request"),
    };
    let left = match stop {
        Stop::Lost => Err(Break::Lost),
        Stop::Cancel => end(job, cancelled).await,
        Stop::Park => match park(job).await {
            Err(Break::Lost) => end(job, cancelled).await,
            left => left,
        },
        Stop::Broken(error) => put_off(job, error).await,
    };
    if let Err(Break::Inside(error)) = &left {
        let execution_id = job.run.lease.execution_id;
        tracing::error!(execution_id, error, "the end of a run cannot be written");
    }
    left.ok()
}

async fn park(job: &Job) -> Result<State, Break> {
    let (executions, lease, worker) = (&job.kit.executions, &job.run.lease, &job.kit.worker);
    job.persist(|| executions.park(lease, worker)).await?;
    Ok(State::Queued)
}

/// Tried again later, and given up when that has not helped.
async fn put_off(job: &Job, error: &str) -> Result<State, Break> {
    let (executions, lease, worker) = (&job.kit.executions, &job.run.lease, &job.kit.worker);
    let execution_id = lease.execution_id;
    let failed = job.persist(|| executions.failures(execution_id)).await?;
    tracing::error!(execution_id, error, failed, "a run failed inside");
    if failed >= MOST_FAILURES {
        let ending = Ending {
            by: Move::Fail,
            verdict: None,
            error_message: Some(error),
        };
        return end(job, ending).await;
    }
    let wait = FIRST_WAIT * 2_u32.pow(failed);
    job.persist(|| executions.fail_inside(lease, worker, error, wait))
        .await?;
    Ok(State::RetryWait)
}

/// The write found nothing to change: it was done before and not answered, or the run is to be cancelled, or it is
/// not ours.
async fn instead(job: &Job, ending: Ending<'_>) -> Result<State, Break> {
    let (executions, lease, worker) = (&job.kit.executions, &job.run.lease, &job.kit.worker);
    if let Renewal::Held(State::Cancelling) = job.persist(|| executions.held(lease)).await? {
        let cancelled = Ending {
            by: Move::Cancelled,
            verdict: None,
            error_message: Some("cancelled on request"),
        };
        job.persist(|| executions.finish(lease, worker, cancelled))
            .await?;
        return Ok(State::Cancelled);
    }
    let state = job.persist(|| executions.state(lease.execution_id)).await?;
    let wanted = ending.by.to();
    state.filter(|state| *state == wanted).ok_or(Break::Lost)
}
