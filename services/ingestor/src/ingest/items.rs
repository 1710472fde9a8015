//! The second stage of a run: the items of every contratacao whose version it brought in. What is due is in the
//! database, so the stage goes on wherever it was left; each contratacao's items are one transaction.

use std::collections::{BTreeMap, VecDeque};

use farol_core::sync::Endpoint;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::value::RawValue;

use super::answer::ItemsAnswer;
use super::ask::{self, Asked};
use super::fault::{Fault, FaultClass};
use super::item::Item;
use super::job::{Break, Job};
use super::outage::Outage;
use super::segment;
use super::stage::{SOURCE_DOWN, SOURCE_WAS_DOWN};
use crate::infra::items_repo::Due;
use crate::infra::segment_repo::{Segment, SegmentEnd};

/// Contratacoes looked up at once.
const BATCH: i64 = 100;
/// Pages of items of one contratacao: with the portal's 50 a page, ten times what the largest one has.
const MOST_PAGES: u32 = 2_000;

/// What became of one contratacao's items.
enum Got {
    /// They are written.
    Written,
    /// They could not be had.
    Failed(Fault),
    /// The source was down for too long.
    SourceDown,
}

/// What is left to do, and what went wrong.
struct Stage<'a> {
    job: &'a Job,
    segment: &'a Segment,
    waiting: VecDeque<Due>,
    /// Everything due up to this key has been looked up; one that failed is not looked up again by this worker.
    after: Option<String>,
    outage: Outage<Due>,
    failed: BTreeMap<String, (&'static str, String)>,
}

/// Reads the items of everything that is due.
///
/// # Errors
/// [`Break`].
pub(super) async fn stage(job: &Job) -> Result<(), Break> {
    let open = job.open_segments().await?;
    let Some(segment) = open
        .into_iter()
        .find(|it| it.key.endpoint == Endpoint::Itens)
    else {
        return Ok(());
    };
    job.view.stage("items");
    job.view.planned(1);
    let lease = &job.run.lease;
    job.persist(|| job.kit.segments.begin(lease, segment.id))
        .await?;
    let items = &job.kit.items;
    for owing in job.persist(|| items.owing(lease.execution_id)).await? {
        while job.persist(|| items.adopt(lease, owing)).await? > 0 {
            job.between_pages()?;
        }
    }
    job.persist(|| job.kit.items.expect(lease, segment.id))
        .await?;
    let mut stage = Stage {
        job,
        segment: &segment,
        waiting: VecDeque::new(),
        after: None,
        outage: Outage::new(job.pacer.clone()),
        failed: BTreeMap::new(),
    };
    stage.read_all().await?;
    segment::close(job, &segment, &stage.end()).await
}

impl Stage<'_> {
    async fn read_all(&mut self) -> Result<(), Break> {
        let (job, segment) = (self.job, self.segment);
        let mut reading = FuturesUnordered::new();
        loop {
            if self.waiting.is_empty() {
                self.look_up().await?;
            }
            while reading.len() < job.kit.policy.pncp_max_in_flight
                && !job.wind_down.is_cancelled()
                && let Some(due) = self.waiting.pop_front()
            {
                reading.push(async move {
                    let got = read(job, segment, &due).await;
                    (due, got)
                });
            }
            let Some((due, got)) = reading.next().await else {
                return job.between_pages();
            };
            match got {
                // The others still write what they have asked for.
                Err(Break::WoundDown) => {}
                got => self.settle(due, got?),
            }
        }
    }

    async fn look_up(&mut self) -> Result<(), Break> {
        let (items, execution_id) = (&self.job.kit.items, self.job.run.lease.execution_id);
        let after = self.after.as_deref();
        let due = self
            .job
            .persist(|| items.due(execution_id, after, BATCH))
            .await?;
        if let Some(last) = due.last() {
            self.after = Some(last.key.clone());
        }
        self.waiting.extend(due);
        Ok(())
    }

    fn settle(&mut self, due: Due, got: Got) {
        match got {
            Got::Written => {
                self.outage.read_well();
                self.failed.remove(&due.key);
            }
            Got::Failed(fault) => {
                let why = (fault.class.as_str(), fault.detail);
                self.failed.insert(due.key.clone(), why);
                let again = self.outage.failed(due.key.clone(), due, fault.class);
                self.waiting.extend(again);
            }
            Got::SourceDown => {
                let why = (SOURCE_DOWN, SOURCE_WAS_DOWN.to_owned());
                self.failed.insert(due.key, why);
            }
        }
    }

    fn end(&self) -> SegmentEnd {
        let Some((key, (class, detail))) = self.failed.first_key_value() else {
            return SegmentEnd::complete(self.segment.cut.end());
        };
        let count = self.failed.len();
        let detail = format!("{count} contratacoes are without their items; {key}: {detail}");
        SegmentEnd::incomplete(class, detail)
    }
}

/// All pages of one contratacao's items, then all of them at once into the database.
async fn read(job: &Job, segment: &Segment, due: &Due) -> Result<Got, Break> {
    job.between_pages()?;
    let mut raws: Vec<Box<RawValue>> = Vec::new();
    for page in 1..=MOST_PAGES {
        match ask::items(job, due, page).await? {
            Asked::Answer { answer, .. } => match answer {
                ItemsAnswer::Page { items, more } => {
                    raws.extend(items);
                    if !more {
                        return write(job, segment, due, &raws).await;
                    }
                }
                ItemsAnswer::NotRegistered => return write(job, segment, due, &[]).await,
            },
            Asked::GivenUp(fault) => return Ok(Got::Failed(fault)),
            Asked::SourceDown => return Ok(Got::SourceDown),
        }
    }
    Ok(Got::Failed(Fault {
        class: FaultClass::BadContent,
        status: None,
        detail: format!("the list of items has more than {MOST_PAGES} pages"),
    }))
}

async fn write(
    job: &Job,
    segment: &Segment,
    due: &Due,
    raws: &[Box<RawValue>],
) -> Result<Got, Break> {
    let zone = job.kit.scope.sync_timezone.0;
    let (mut items, mut unreadable) = (Vec::new(), Vec::new());
    for raw in raws {
        match Item::read(raw, zone) {
            Ok(item) => items.push(item),
            Err(item) => unreadable.push(item),
        }
    }
    let (lease, repo) = (&job.run.lease, &job.kit.items);
    job.persist(|| repo.write(lease, segment.id, due, &items, &unreadable))
        .await?;
    Ok(Got::Written)
}
