//! Reads one segment: page by page as the scan says, each page committed together with what it means for the
//! segment. When to give a segment up for good, and whether to believe an empty one, is `stage`'s.

use chrono::{DateTime, Utc};
use farol_core::sync::scan::{Next, Scan, ScanEnd, ScanFrame};
use farol_core::sync::{SegmentState, Window};

use super::answer::{PageAnswer, PageQuery};
use super::ask::{self, Asked};
use super::fault::Fault;
use super::job::{Break, Job};
use super::page::{self, Place};
use super::verdict::Named;
use crate::infra::segment_repo::{Segment, SegmentEnd};

/// Records a page: the most that the portal gives.
const PAGE_SIZE: u32 = 50;
/// The class of segments whose list never stood still.
const MOVING: &str = "moving";

/// How the reading of a segment ended.
pub(super) enum Read {
    /// To its end, which is in the ledger.
    Ended,
    /// To its end, and there was nothing.
    Zero {
        /// Should it be believed.
        proven_until: DateTime<Utc>,
    },
    /// A page could not be had.
    Failed(Fault),
    /// The source was down for too long.
    SourceDown,
}

/// Reads on from what is committed.
///
/// # Errors
/// [`Break`].
pub(super) async fn read(job: &Job, segment: &Segment) -> Result<Read, Break> {
    let lease = &job.run.lease;
    job.persist(|| job.kit.segments.begin(lease, segment.id))
        .await?;
    let committed = job.persist(|| job.kit.segments.pages(segment.id)).await?;
    let mut totals = committed
        .last()
        .map_or((0, 1), |page| (page.total, page.pages));
    let mut scan = Scan::new(frame(job, segment), committed);
    loop {
        // As soon as it shows: a segment that fails has shown it, too.
        if !scan.order_held() {
            job.saw_disorder().await?;
        }
        let (pass, page) = match scan.next() {
            Next::Fetch { pass, page } => (pass, page),
            Next::Ended(end) => return ended(job, segment, end).await,
        };
        job.between_pages()?;
        let (answer, read_at) = match ask::page(job, &query(segment, page)).await? {
            Asked::Answer { answer, sent_at } => (answer, sent_at),
            Asked::GivenUp(fault) => return Ok(Read::Failed(fault)),
            Asked::SourceDown => return Ok(Read::SourceDown),
        };
        let place = Place {
            pass,
            page,
            read_at,
        };
        let records = match answer {
            PageAnswer::Page {
                records,
                total,
                pages,
            } => {
                totals = (total, pages);
                records
            }
            PageAnswer::Empty => {
                totals = (0, 0);
                Vec::new()
            }
            PageAnswer::BeyondEnd => Vec::new(),
        };
        let answered = place.answered(totals);
        let committed = page::commit(job, segment, &mut scan, answered, &records).await?;
        if let Err(fault) = committed {
            return Ok(Read::Failed(fault));
        }
    }
}

fn query(segment: &Segment, page: u32) -> PageQuery {
    PageQuery {
        endpoint: segment.key.endpoint,
        modalidade: segment.key.modalidade,
        day_from: segment.key.day,
        day_to: segment.day_to,
        page,
        size: PAGE_SIZE,
    }
}

fn frame(job: &Job, segment: &Segment) -> ScanFrame {
    let zone = job.kit.scope.sync_timezone.0;
    let day = Window::of_day(segment.key.day, zone);
    ScanFrame {
        cut: segment.cut,
        day_end: day.map_or(segment.cut.end(), |day| day.end()),
        order_trusted: job.order_held(),
        page_size: PAGE_SIZE,
    }
}

async fn ended(job: &Job, segment: &Segment, how: ScanEnd) -> Result<Read, Break> {
    let end = match how {
        ScanEnd::Zero { proven_until } => return Ok(Read::Zero { proven_until }),
        ScanEnd::Complete { proven_until } => SegmentEnd::complete(proven_until),
        ScanEnd::Incomplete { detail } => SegmentEnd::incomplete(MOVING, detail),
    };
    close(job, segment, &end).await?;
    Ok(Read::Ended)
}

/// Writes down how a segment ended.
///
/// # Errors
/// [`Break`].
pub(super) async fn close(job: &Job, segment: &Segment, end: &SegmentEnd) -> Result<(), Break> {
    let lease = &job.run.lease;
    job.persist(|| job.kit.segments.end(lease, segment.id, end))
        .await?;
    job.kit.metrics.segment(end.state);
    job.view.segment_ended();
    if end.state == SegmentState::Complete {
        tracing::debug!(segment = %Named(segment), "segment read");
    } else {
        let (state, why) = (end.state.as_str(), end.last_error.as_deref());
        tracing::warn!(segment = %Named(segment), state, why, "segment not complete");
    }
    Ok(())
}
