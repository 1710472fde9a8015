//! What a run amounts to once everything was tried, and how that is said to people.

use std::fmt;

use farol_core::sync::{ITEMS_MODALIDADE, SegmentState, State, Verdict};

use super::farewell;
use super::job::{Break, Job};
use crate::infra::execution_repo::Ending;
use crate::infra::segment_repo::Segment;

/// Segments that an error message names.
const MOST_NAMED: usize = 3;

/// Ends the run as its ledger says.
///
/// # Errors
/// [`Break`].
pub(super) async fn pass(job: &Job) -> Result<State, Break> {
    job.view.stage("verdict");
    let execution_id = job.run.lease.execution_id;
    let segments = job.persist(|| job.kit.segments.all(execution_id)).await?;
    let verdict = Verdict::of(segments.iter().map(|segment| segment.state));
    let message = told(&segments);
    let ending = Ending {
        by: verdict.end(),
        verdict: Some(verdict),
        error_message: message.as_deref(),
    };
    farewell::end(job, ending).await
}

/// What is not complete, the first few by name; nothing where all is well.
fn told(segments: &[Segment]) -> Option<String> {
    let complete = |segment: &&Segment| segment.state == SegmentState::Complete;
    let left: Vec<&Segment> = segments.iter().filter(|it| !complete(it)).collect();
    if left.is_empty() {
        return None;
    }
    let named = left.iter().take(MOST_NAMED).map(|segment| {
        let why = segment.last_error.as_deref().unwrap_or("no reason given");
        format!("{} {}: {why}", Named(segment), segment.state)
    });
    let named = named.collect::<Vec<_>>().join("; ");
    let more = match left.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let (count, all) = (left.len(), segments.len());
    Some(format!(
        "{count} of {all} segments are not complete: {named}{more}"
    ))
}

/// A segment by the words that people know it by.
pub(super) struct Named<'a>(pub(super) &'a Segment);

impl fmt::Display for Named<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.0.key;
        write!(out, "{}", key.endpoint)?;
        if key.modalidade != ITEMS_MODALIDADE {
            write!(out, " modalidade {}", key.modalidade)?;
        }
        write!(out, " {}", key.day)
    }
}
