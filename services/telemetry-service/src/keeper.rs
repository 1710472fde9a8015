//! Keeps the parts of the telemetry table ready for the days to come. Any number of replicas may do so at once.

use std::time::Duration;

use service_kit::lifecycle::Latch;
use service_kit::random::Random;
use tokio_util::sync::CancellationToken;

use crate::infra::partition_repo::PartitionRepo;

/// Days that are ready beyond today: enough for a long weekend without us.
const DAYS: i32 = 7;
/// Between two looks.
const EVERY: Duration = Duration::from_hours(4);
/// After a failure; readings go to the default part meanwhile.
const AFTER_FAILURE: Duration = Duration::from_mins(1);
/// The share of a wait by which replicas are spread.
const JITTER: f64 = 0.2;

/// Looks after the parts until `stopping`. A failure is told and shown, and costs nobody anything before days have gone.
pub async fn keep(
    partitions: PartitionRepo,
    latch: Latch,
    random: Random,
    stopping: CancellationToken,
) {
    latch.degraded("not looked at yet");
    let mut failing = false;
    loop {
        let wait = match stopping.run_until_cancelled(partitions.ensure(DAYS)).await {
            None => return,
            Some(Ok(made)) => {
                tracing::info!(made, "parts of the telemetry table are ready");
                latch.ready();
                failing = false;
                EVERY
            }
            Some(Err(error)) => {
                latch.degraded("the parts of the days to come cannot be made; see the log");
                if !failing {
                    tracing::warn!(%error, "parts of the telemetry table cannot be made");
                }
                failing = true;
                AFTER_FAILURE
            }
        };
        let sleep = tokio::time::sleep(random.jitter(wait, JITTER));
        if stopping.run_until_cancelled(sleep).await.is_none() {
            return;
        }
    }
}
