//! The first stage of a run: all its segments of contratacoes, a few at once. Decides what a failure means: one
//! segment's bad luck, or an outage of the portal that the run sits out; and whether an empty list is believed.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use farol_core::sync::{Endpoint, Evidence, Judgement, Window};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::job::{Break, Job};
use super::outage::Outage;
use super::segment::{self, Read};
use crate::infra::segment_repo::{Segment, SegmentEnd};

/// The class of what was given up because the source was down for as long as a run waits, and that for people.
pub(super) const SOURCE_DOWN: &str = "source_down";
pub(super) const SOURCE_WAS_DOWN: &str = "the source was down for too long";
/// Why an empty segment is not believed.
const SUSPECTED: &str = "the portal has nothing where it should have records";

/// What is left to do.
struct Stage<'a> {
    job: &'a Job,
    waiting: VecDeque<Segment>,
    outage: Outage<Segment>,
    zeros: Vec<(Segment, DateTime<Utc>)>,
}

/// Reads every open segment of contratacoes to its end.
///
/// # Errors
/// [`Break`].
pub(super) async fn contratacoes(job: &Job) -> Result<(), Break> {
    job.view.stage("contratacoes");
    let mut open = job.open_segments().await?;
    open.retain(|segment| segment.key.endpoint != Endpoint::Itens);
    job.view.planned(open.len());
    let mut stage = Stage {
        job,
        waiting: open.into(),
        outage: Outage::new(job.pacer.clone()),
        zeros: Vec::new(),
    };
    stage.read_all().await?;
    // Last: whether a zero is odd shows in what else this run has got.
    for (segment, proven_until) in std::mem::take(&mut stage.zeros) {
        stage.judge_zero(&segment, proven_until).await?;
    }
    Ok(())
}

/// What is done about a segment, beside others.
#[derive(Clone, Copy)]
enum Step {
    Read,
    Reopen,
}

/// What came of it.
enum Done {
    Read(Read),
    Reopened,
}

impl Stage<'_> {
    /// Nothing here waits for the database but the steps themselves, which are all polled: a step that is left alone
    /// in the middle of a transaction holds what the others wait for.
    async fn read_all(&mut self) -> Result<(), Break> {
        let job = self.job;
        let mut steps = FuturesUnordered::new();
        loop {
            while steps.len() < job.kit.policy.pncp_max_in_flight
                && !job.wind_down.is_cancelled()
                && let Some(segment) = self.waiting.pop_front()
            {
                steps.push(take(job, segment, Step::Read));
            }
            let Some((segment, done)) = steps.next().await else {
                return job.between_pages();
            };
            let again = match done {
                // The others still commit the page that they have asked for.
                Err(Break::WoundDown) => Vec::new(),
                done => self.settle(segment, done?),
            };
            steps.extend(again.into_iter().map(|it| take(job, it, Step::Reopen)));
        }
    }

    /// Those that are to be tried again.
    fn settle(&mut self, segment: Segment, done: Done) -> Vec<Segment> {
        match done {
            Done::Reopened => self.waiting.push_back(segment),
            Done::Read(Read::Ended) => self.outage.read_well(),
            Done::Read(Read::Zero { proven_until }) => {
                self.outage.read_well();
                self.zeros.push((segment, proven_until));
            }
            Done::Read(Read::Failed(fault)) => {
                return self
                    .outage
                    .failed(segment.id.to_string(), segment, fault.class);
            }
            Done::Read(Read::SourceDown) => {}
        }
        Vec::new()
    }

    async fn judge_zero(
        &self,
        segment: &Segment,
        proven_until: DateTime<Utc>,
    ) -> Result<(), Break> {
        let kit = &self.job.kit;
        let (day, zone) = (segment.key.day, kit.scope.sync_timezone.0);
        let day_over = Window::of_day(day, zone).is_none_or(|day| day.end() <= kit.clock.now());
        let known = self.job.persist(|| kit.segments.evidence(segment)).await?;
        let evidence = Evidence { day_over, ..known };
        let end = match evidence.judge(day) {
            Judgement::Believed => SegmentEnd::complete(proven_until),
            Judgement::Suspected => SegmentEnd::suspected(SUSPECTED),
        };
        segment::close(self.job, segment, &end).await
    }
}

/// Failures are written down at once, so that the ledger is true whatever happens next.
async fn take(job: &Job, segment: Segment, step: Step) -> (Segment, Result<Done, Break>) {
    let done = match step {
        Step::Read => read(job, &segment).await.map(Done::Read),
        Step::Reopen => {
            let (lease, segments) = (&job.run.lease, &job.kit.segments);
            let reopened = job.persist(|| segments.reopen(lease, segment.id)).await;
            reopened.map(|()| Done::Reopened)
        }
    };
    (segment, done)
}

async fn read(job: &Job, segment: &Segment) -> Result<Read, Break> {
    let read = segment::read(job, segment).await?;
    let failed = match &read {
        Read::Ended | Read::Zero { .. } => None,
        Read::Failed(fault) => Some((fault.class.as_str(), fault.detail.as_str())),
        Read::SourceDown => Some((SOURCE_DOWN, SOURCE_WAS_DOWN)),
    };
    if let Some((class, detail)) = failed {
        segment::close(job, segment, &SegmentEnd::failed(class, detail)).await?;
    }
    Ok(read)
}
