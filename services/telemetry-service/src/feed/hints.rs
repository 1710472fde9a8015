//! The database's hints, as long as they are heard. They make pushes quick, never right: a poll would find the same, and
//! whoever has heard nothing for a while looks at everything.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use service_kit::backoff::Backoff;
use service_kit::clock::Clock;

use super::feeds::Feeds;
use crate::infra::hint_repo::{Hint, HintListener, HintRepo};
use crate::metrics::Kind;
use crate::model::SourceError;

/// The first wait after a lost connection.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest: polls go on meanwhile, but at their interval.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Whether hints are heard, for `/status`. Clones share it.
#[derive(Clone, Default)]
pub struct Listening(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    listens: bool,
    since: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

impl Listening {
    /// As `/status` shows it.
    pub fn overview(&self) -> Value {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        json!({"listening": state.listens, "since": state.since, "last_error": state.last_error})
    }

    fn set(&self, clock: &Clock, error: Option<&SourceError>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listens = error.is_none();
        if state.listens != listens || state.since.is_none() {
            state.since = Some(clock.now());
        }
        state.listens = listens;
        state.last_error = error.map(ToString::to_string).or(state.last_error.take());
    }
}

/// Passes hints on until the service stops.
pub async fn listen(feeds: Feeds, hints: HintRepo, listening: Listening) {
    let stopping = feeds.kit().stopping.clone();
    stopping
        .run_until_cancelled(keep_on(&feeds, &hints, &listening))
        .await;
}

async fn keep_on(feeds: &Feeds, hints: &HintRepo, listening: &Listening) {
    let kit = feeds.kit();
    let mut backoff = Backoff::new(FIRST_WAIT).with_cap(LONGEST_WAIT);
    let mut told = false;
    loop {
        let error = match hints.listen().await {
            Ok(listener) => {
                listening.set(&kit.clock, None);
                tracing::info!("hints of the database are heard");
                (backoff, told) = (Backoff::new(FIRST_WAIT).with_cap(LONGEST_WAIT), false);
                // Listening first, then looking: whatever is committed in between is seen by one of the two.
                feeds.catch_up();
                let error = pass_on(feeds, listener).await;
                kit.metrics.hints_lost.inc();
                error
            }
            Err(error) => error,
        };
        listening.set(&kit.clock, Some(&error));
        if !told {
            tracing::warn!(%error, "hints of the database are not heard; polls go on");
            told = true;
        }
        tokio::time::sleep(backoff.next(&kit.random)).await;
    }
}

/// Until the connection is lost.
async fn pass_on(feeds: &Feeds, mut listener: HintListener) -> SourceError {
    loop {
        match listener.next().await {
            Ok(Hint::Telemetry(tenant)) => feeds.hint(&tenant, Kind::Telemetry),
            Ok(Hint::Alerts(tenant)) => feeds.hint(&tenant, Kind::Alerts),
            Err(error) => return error,
        }
    }
}
