//! Tells the database and the metrics every few seconds how the portal is doing: who shows it takes silence for an
//! outage.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::infra::source_repo::{SourceRepo, SourceRow};
use crate::ingest::pace::Pacer;
use crate::metrics::IngestMetrics;

/// Source: docs/API.md, `sync_source`; older than six of these counts as down.
const EVERY: Duration = Duration::from_secs(5);

/// Tells it until the process stops.
pub async fn report(
    pacer: Pacer,
    repo: SourceRepo,
    metrics: IngestMetrics,
    stopping: CancellationToken,
) {
    stopping
        .run_until_cancelled(tell(pacer, repo, metrics))
        .await;
}

async fn tell(pacer: Pacer, repo: SourceRepo, metrics: IngestMetrics) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let source = pacer.source();
        metrics.source(&source);
        let row = SourceRow {
            state: source.state.as_str(),
            since: source.since,
            breaker: source.breaker.as_str(),
            pace_per_second: source.pace_per_second,
        };
        if let Err(error) = repo.tell(row).await {
            // The readiness of the database says the rest.
            tracing::debug!(%error, "the state of the source is not written");
        }
    }
}
