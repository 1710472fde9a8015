//! The first stage of a run: all its segments of contratacoes, a few at once. Decides what a failure means: one
//! segment's bad luck, or an outage of the portal that the run sits out; and whether an empty list is believed.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use farol_core::sync::{Endpoint, Evidence, Judgement, Window};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::fault::Fault;
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

impl Stage<'_> {
    async fn read_all(&mut self) -> Result<(), Break> {
        let job = self.job;
        let mut reading = FuturesUnordered::new();
        loop {
            while reading.len() < job.kit.policy.pncp_max_in_flight
                && !job.wind_down.is_cancelled()
                && let Some(segment) = self.waiting.pop_front()
            {
                reading.push(async move {
                    let read = segment::read(job, &segment).await;
                    (segment, read)
                });
            }
            let Some((segment, read)) = reading.next().await else {
                return job.between_pages();
            };
            match read {
                // The others still commit the page that they have asked for.
                Err(Break::WoundDown) => {}
                read => self.settle(segment, read?).await?,
            }
        }
    }

    async fn settle(&mut self, segment: Segment, read: Read) -> Result<(), Break> {
        match read {
            Read::Ended => self.outage.read_well(),
            Read::Zero { proven_until } => {
                self.outage.read_well();
                self.zeros.push((segment, proven_until));
            }
            Read::Failed(fault) => self.failed(segment, &fault).await?,
            Read::SourceDown => {
                let end = SegmentEnd::failed(SOURCE_DOWN, SOURCE_WAS_DOWN);
                segment::close(self.job, &segment, &end).await?;
            }
        }
        Ok(())
    }

    /// Written down at once, so that the ledger is true whatever happens next.
    async fn failed(&mut self, segment: Segment, fault: &Fault) -> Result<(), Break> {
        let end = SegmentEnd::failed(fault.class.as_str(), fault.detail.as_str());
        segment::close(self.job, &segment, &end).await?;
        let name = segment.id.to_string();
        for segment in self.outage.failed(name, segment, fault.class) {
            let (lease, segments) = (&self.job.run.lease, &self.job.kit.segments);
            self.job
                .persist(|| segments.reopen(lease, segment.id))
                .await?;
            self.waiting.push_back(segment);
        }
        Ok(())
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
