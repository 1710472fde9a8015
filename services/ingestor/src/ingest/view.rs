//! What operators see of a run that this process works on. Only shown, never decided upon: the ledger is the truth.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use farol_core::sync::{Mode, Window};
use serde_json::{Value, json};

use crate::infra::execution_repo::Claimed;

/// One run, as `/status` tells it.
#[derive(Debug)]
pub struct RunView {
    execution_id: i32,
    mode: Mode,
    window: Window,
    since: DateTime<Utc>,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    stage: &'static str,
    segments: usize,
    segments_ended: usize,
    pages: u64,
    records: u64,
}

impl RunView {
    /// A run that was claimed at `since`.
    pub fn of(run: &Claimed, since: DateTime<Utc>) -> Self {
        Self {
            execution_id: run.lease.execution_id,
            mode: run.mode,
            window: run.window,
            since,
            now: Mutex::new(Now {
                stage: "planning",
                ..Now::default()
            }),
        }
    }

    /// It has come to this stage.
    pub fn stage(&self, stage: &'static str) {
        self.change(|now| now.stage = stage);
    }

    /// So many segments are there to be read.
    pub fn planned(&self, segments: usize) {
        self.change(|now| now.segments += segments);
    }

    /// One of them has ended.
    pub fn segment_ended(&self) {
        self.change(|now| now.segments_ended += 1);
    }

    /// A page with so many counted records is committed.
    pub fn committed(&self, records: u32) {
        self.change(|now| {
            now.pages += 1;
            now.records += u64::from(records);
        });
    }

    /// Records counted so far, by this worker.
    pub fn records(&self) -> u32 {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        u32::try_from(now.records).unwrap_or(u32::MAX)
    }

    /// For `/status`.
    pub fn report(&self) -> Value {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        json!({
            "execution_id": self.execution_id,
            "mode": self.mode.as_str(),
            "window_start": time(self.window.start()),
            "window_end": time(self.window.end()),
            "since": time(self.since),
            "stage": now.stage,
            "segments": now.segments,
            "segments_ended": now.segments_ended,
            "pages_committed": now.pages,
            "records_committed": now.records,
        })
    }

    fn change(&self, how: impl FnOnce(&mut Now)) {
        how(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
