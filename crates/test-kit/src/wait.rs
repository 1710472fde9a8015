//! The one verb by which a test waits for a condition that no event announces.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long the waits of this crate are patient: far above what a loaded machine needs, because a
/// deadline here is the difference between "failed" and "hangs", never a measurement.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until the answer is yes; panics with `what` once `deadline` has passed.
pub async fn wait_until(what: &str, deadline: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + deadline;
    let mut pause = Duration::from_millis(2);
    while !holds().await {
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
