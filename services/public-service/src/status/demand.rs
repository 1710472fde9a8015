//! What readers want of a project: data that is fresh enough, soon enough, with
//! one fetch for all who ask. Who may fetch is decided in `engine`.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::cycle;
use super::engine::{Begin, Progress, Why};
use super::present::Present;
use super::project::Project;

impl Project {
    /// What is known, as a GET may show it: fetched now if it has expired, but
    /// never waiting longer than one request may take.
    pub async fn read(self: &Arc<Self>) -> Present {
        self.touch();
        let present = self.present();
        let fresh = |age: Duration| age < self.fresh_age();
        if present.age().is_some_and(fresh) && !self.engine.lock().starting_over {
            return present;
        }
        if let Some(number) = self.want(Why::Read) {
            // With something to show, one failed attempt is enough to show it;
            // with nothing, the retries are worth the wait.
            let impatient = present.read.is_some();
            self.wait_for(number, |progress| impatient && progress.stumbled >= number)
                .await;
        }
        self.age();
        self.present()
    }

    /// Fetches now, past every cache. The data after it, and whether it worked.
    ///
    /// # Errors
    /// The time until the next forced refresh is allowed.
    pub async fn refresh(self: &Arc<Self>) -> Result<(Present, bool), Duration> {
        self.touch();
        let ok = match self.in_turn(|| self.want(Why::Refresh))? {
            Some(number) => self.wait_for(number, |_| false).await,
            None => false,
        };
        Ok((self.present(), ok))
    }

    /// Sees to it that a fetch cycle runs, if the source may be asked: its number.
    pub fn want(self: &Arc<Self>, why: Why) -> Option<u64> {
        if !self.may_ask() {
            return None;
        }
        match self.engine.begin(why, Instant::now()) {
            Begin::Refused => None,
            Begin::Joined(number) => Some(number),
            Begin::Started(cycle) => {
                let task = cycle::run(Arc::clone(self), cycle);
                self.kit.tasks.spawn_tracked("status.cycle", task);
                Some(cycle.number)
            }
        }
    }

    /// Waits for the end of cycle `number`, or until `enough`, but no longer
    /// than one request may take. Whether the cycle brought data.
    async fn wait_for(&self, number: u64, enough: impl Fn(&Progress) -> bool) -> bool {
        let deadline = Instant::now() + self.integration().timeout;
        let mut progress = self.engine.progress();
        let settled = progress.wait_for(|p| p.settled >= number || enough(p));
        match timeout_at(deadline, settled).await {
            Ok(Ok(progress)) => progress.settled >= number && progress.ok,
            Ok(Err(_)) | Err(_) => false,
        }
    }
}
