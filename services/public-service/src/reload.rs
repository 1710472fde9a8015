//! The task that follows the database: an edit of a project takes effect without
//! a restart and without a reconnect. It also lets data age that nobody looks at.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::public::Public;

/// Reads the settings of all known projects again and again, until the process
/// stops: at once, whatever is being waited for.
pub async fn run(public: Arc<Public>, every: Duration, stopping: CancellationToken) {
    stopping.run_until_cancelled(follow(&public, every)).await;
}

async fn follow(public: &Public, every: Duration) {
    let mut away = false;
    loop {
        sleep(every).await;
        public.projects.age();
        public.count_projects();
        match (public.projects.reload().await, away) {
            (Ok(()), true) => {
                away = false;
                info!("settings of projects are read again");
            }
            (Err(error), false) => {
                away = true;
                warn!(%error, "settings of projects cannot be read; going on with the last known");
            }
            (Ok(()), false) | (Err(_), true) => {}
        }
    }
}
