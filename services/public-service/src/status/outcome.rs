//! What becomes of a project when a fetch cycle ends: its schedule, its report
//! to operators, and what its viewers may still be told. A cycle that began
//! before the settings changed is of another source, and counts for nothing.

use std::time::Duration;

use client_api::FetchError;
use tokio::time::Instant;
use tracing::{info, warn};

use super::engine::Cycle;
use super::project::Project;

/// No source silences us for longer, whatever its `Retry-After` says: a slip of
/// a few zeros would otherwise blind every viewer until a restart.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

impl Project {
    /// A cycle brought data.
    pub(super) fn succeeded(&self, cycle: Cycle) {
        let interval = self.integration().interval;
        let recovered = {
            let Some(mut engine) = self.engine.lock_for(cycle) else {
                return;
            };
            engine
                .schedule
                .succeeded(Instant::now(), interval, &self.kit.random);
            engine.report.failures_in_a_row = 0;
            engine.report.last_error.take().is_some()
        };
        if recovered && let Some(suppressed) = self.told.admit("recovered") {
            info!(project = %self.slug, suppressed, "client API works again");
        }
    }

    /// A cycle brought data that is not believed yet.
    pub(super) fn doubted(&self, cycle: Cycle) {
        let interval = self.integration().interval;
        let reason = "more than half of the units vanished at once: waiting for a second answer";
        {
            let Some(mut engine) = self.engine.lock_for(cycle) else {
                return;
            };
            engine
                .schedule
                .doubted(Instant::now(), interval, &self.kit.random);
            engine.report.last_error = Some(reason.to_owned());
        }
        if let Some(suppressed) = self.told.admit("doubted") {
            warn!(project = %self.slug, suppressed, "{reason}");
        }
        self.grown_old();
    }

    /// A cycle failed.
    pub(super) fn failed(&self, error: &FetchError, cycle: Cycle) {
        let interval = self.integration().interval;
        let floor = error.retry_after().map(|d| d.min(LONGEST_RETRY_AFTER));
        let failures = {
            let Some(mut engine) = self.engine.lock_for(cycle) else {
                return;
            };
            engine
                .schedule
                .failed(Instant::now(), interval, floor, &self.kit.random);
            engine.report.failures += 1;
            engine.report.failures_in_a_row += 1;
            engine.report.last_error = Some(error.to_string());
            engine.report.failures_in_a_row
        };
        if let Some(suppressed) = self.told.admit("failed") {
            warn!(
                project = %self.slug,
                %error,
                failures,
                suppressed,
                probe = cycle.probe,
                upstream_status = error.upstream_status(),
                "client API failed; viewers are shown the last good data"
            );
        }
        self.grown_old();
    }
}
