//! What a run reads: every modalidade of every day of its window, or what the run that it is a retry of left open.

use std::collections::BTreeSet;

use farol_core::sync::{PlannedSegment, SegmentKey, plan, plan_items};

use super::job::{Break, Job};
use crate::settings::ItemsStage;

/// Writes the plan into the ledger; a run that goes on finds it there.
///
/// # Errors
/// [`Break`].
pub(super) async fn write(job: &Job) -> Result<(), Break> {
    let mut planned = contratacoes(job);
    if let Some(parent) = job.run.parent_id {
        let left = job.persist(|| job.kit.segments.left_open(parent)).await?;
        planned = without_complete(planned, left.as_ref());
    }
    planned.extend(items(job));
    job.persist(|| job.kit.segments.plan_once(&job.run.lease, &planned))
        .await
}

fn contratacoes(job: &Job) -> Vec<PlannedSegment> {
    let scope = &job.kit.scope;
    let (window, modalidades) = (&job.run.window, scope.pncp_modalidades.ids());
    plan(job.run.mode, window, modalidades, scope.sync_timezone.0)
}

fn items(job: &Job) -> Option<PlannedSegment> {
    let scope = &job.kit.scope;
    let wanted = scope.pncp_items == ItemsStage::Changed;
    wanted.then(|| plan_items(&job.run.window, scope.sync_timezone.0))?
}

/// A parent that ended before it had a plan left everything open.
fn without_complete(
    planned: Vec<PlannedSegment>,
    left: Option<&BTreeSet<SegmentKey>>,
) -> Vec<PlannedSegment> {
    let open = |segment: &PlannedSegment| left.is_none_or(|left| left.contains(&segment.key));
    planned.into_iter().filter(open).collect()
}
