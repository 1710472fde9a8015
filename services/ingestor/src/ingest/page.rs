//! One page, from the portal's records to one transaction: what is kept, what is put aside, what only passes by
//! because it is not in the window.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, Utc};
use farol_core::sync::Endpoint;
use farol_core::sync::scan::{Answered, Scan, Sighting};
use serde_json::value::RawValue;

use super::fault::{Fault, FaultClass};
use super::job::{Break, Job};
use super::record::{Record, Unreadable};
use crate::infra::record_repo::{Kept, Page};
use crate::infra::segment_repo::Segment;

/// Where a page stands in its scan.
pub(super) struct Place {
    pub(super) pass: i16,
    pub(super) page: u32,
    /// When it was asked for.
    pub(super) read_at: DateTime<Utc>,
}

impl Place {
    /// The answer without its records.
    pub(super) fn answered(self, (total, pages): (u32, u32)) -> Answered {
        Answered {
            pass: self.pass,
            page: self.page,
            total,
            pages,
            keys: Vec::new(),
            times: Vec::new(),
            read_at: self.read_at,
        }
    }
}

type Read<'a> = Result<Record<'a>, Unreadable<'a>>;

/// Commits a page: its records, what it says of its segment, and that it need not be read again. The fault is that of
/// a portal that answers another question than was asked.
///
/// # Errors
/// [`Break`].
pub(super) async fn commit(
    job: &Job,
    segment: &Segment,
    scan: &mut Scan,
    mut answered: Answered,
    raws: &[Box<RawValue>],
) -> Result<Result<(), Fault>, Break> {
    let zone = job.kit.scope.sync_timezone.0;
    let mut read: Vec<Read<'_>> = raws.iter().map(|raw| Record::read(raw, zone)).collect();
    if let Err(fault) = only_of(segment.key.modalidade, &mut read) {
        return Ok(Err(fault));
    }
    for (read, raw) in read.iter().zip(raws) {
        answered.keys.push(key(read, raw));
        answered.times.push(time(read, segment.key.endpoint));
    }
    let sightings = scan.take(&answered);
    let page = sorted_out(&read, &sightings, &answered, scan);
    let (lease, records) = (&job.run.lease, &job.kit.records);
    let committed = job
        .persist(|| records.commit_page(lease, segment.id, &page))
        .await?;
    job.committed(&committed);
    Ok(Ok(()))
}

/// The portal ignores parameters that it does not know, so each record must show that this one was heard. A record
/// of another modalidade is put aside; a page of nothing else is another list.
fn only_of(modalidade: i16, page: &mut [Read<'_>]) -> Result<(), Fault> {
    let mut strange = 0;
    let all = page.len();
    for read in page {
        if let Ok(record) = read
            && record.modalidade_id != modalidade
        {
            strange += 1;
            *read = Err(Unreadable {
                key: Some(record.numero_controle_pncp.clone().into_owned()),
                published: Some(record.data_publicacao_pncp),
                version: Some(record.data_atualizacao_global),
                reason: format!(
                    "modalidade {}, asked for {modalidade}",
                    record.modalidade_id
                ),
                raw: record.raw.clone(),
            });
        }
    }
    if all > 0 && strange == all {
        return Err(Fault {
            class: FaultClass::BadContent,
            status: Some(200),
            detail: format!("no record of the page is of modalidade {modalidade}"),
        });
    }
    Ok(())
}

/// A record without a key counts as one of its own: the same bytes are the same record.
fn key(read: &Read<'_>, raw: &RawValue) -> String {
    let known = match read {
        Ok(record) => Some(record.numero_controle_pncp.clone().into_owned()),
        Err(unreadable) => unreadable.key.clone(),
    };
    known.unwrap_or_else(|| {
        let mut hasher = DefaultHasher::new();
        raw.get().hash(&mut hasher);
        format!("unreadable:{:016x}", hasher.finish())
    })
}

fn time(read: &Read<'_>, endpoint: Endpoint) -> Option<DateTime<Utc>> {
    match read {
        Ok(record) => Some(record.time(endpoint)),
        Err(unreadable) => unreadable.time(endpoint),
    }
}

/// What is in the window is kept whenever it is seen, and counted when it is seen first.
fn sorted_out<'a>(
    read: &'a [Read<'a>],
    sightings: &[Sighting],
    answered: &'a Answered,
    scan: &Scan,
) -> Page<'a> {
    let mut page = Page {
        answered,
        pages_done: scan.pages_done(),
        pages_total: scan.pages_total(),
        expected: scan.expected(),
        got: scan.got(),
        records: Vec::with_capacity(read.len()),
        quarantined: Vec::new(),
    };
    for (read, sighting) in read.iter().zip(sightings).filter(|(_, it)| it.in_cut) {
        let counted = sighting.first;
        match read {
            Ok(record) => page.records.push(Kept { record, counted }),
            Err(unreadable) if counted => page.quarantined.push(unreadable),
            Err(_) => {}
        }
    }
    page
}
