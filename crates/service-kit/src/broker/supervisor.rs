//! Keeps one end working: a line, a channel on it, and both again when they are lost.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    end::End,
    line::{Line, Lost},
};
use crate::backoff::Backoff;

/// The first wait before a lost channel is opened again.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A channel that lived this long was a good one: its loss is a new story, and the wait is short again.
const SETTLED: Duration = Duration::from_secs(10);

/// What an end does with a line.
pub(super) trait Serve: Send + 'static {
    /// Opens a channel and works on it until it is lost.
    fn serve(&mut self, line: &Arc<Line>) -> impl Future<Output = Lost> + Send;
}

/// Works until `stopping`. The line is closed then, unless somebody still uses it: what drains may still publish.
pub(super) async fn supervise(end: Arc<End>, mut work: impl Serve, stopping: CancellationToken) {
    let mut backoff = Backoff::new(FIRST_WAIT);
    let mut latest = None;
    let forever = async {
        loop {
            match Line::connect(&end).await {
                Ok(line) => {
                    let line = latest.insert(Arc::new(line));
                    work_on(&end, &mut work, line, &mut backoff).await;
                    line.close().await;
                }
                Err(trouble) => end.set_down(trouble.to_string()),
            }
            sleep(backoff.next(&end.random)).await;
        }
    };
    stopping.run_until_cancelled(forever).await;
    drop(work);
    if let Some(line) = latest.and_then(Arc::into_inner) {
        line.close().await;
    }
}

/// One channel after the other, until the line is lost.
async fn work_on(end: &End, work: &mut impl Serve, line: &Arc<Line>, backoff: &mut Backoff) {
    loop {
        let begun = Instant::now();
        let lost = work.serve(line).await;
        if begun.elapsed() > SETTLED {
            backoff.reset();
        }
        match lost {
            Lost::Channel(why) => end.set_down(why),
            Lost::Line(why) => return end.set_down(why),
        }
        sleep(backoff.next(&end.random)).await;
    }
}
