//! Trials of client APIs: one request each, few at a time and so many a minute, so that trying is no way to make this
//! service burden somebody.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use client_api::{Answer, Ask, Auth, ClientApi, FetchError, Integration, Validators};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::ProjectError;

/// At once, whoever tries.
const AT_ONCE: usize = 3;
/// In any minute.
const A_MINUTE: usize = 60;
const MINUTE: Duration = Duration::from_mins(1);
/// When a place may be free again; a trial takes as long as its client API.
const COME_AGAIN: Duration = Duration::from_secs(2);

/// The way to all of them.
pub struct Trials {
    api: ClientApi,
    places: Semaphore,
    /// The beginnings of the last minute, oldest first; at most [`A_MINUTE`].
    begun: Mutex<VecDeque<Instant>>,
    stopping: CancellationToken,
}

/// The right to ask once.
pub struct Place<'a>(#[expect(dead_code, reason = "held until it is dropped")] SemaphorePermit<'a>);

/// What came of asking.
pub struct Tried {
    /// A status and the body, or why there is none.
    pub answer: Result<(u16, Bytes), FetchError>,
    /// Until then; `None`: nobody was asked.
    pub took: Option<Duration>,
    /// Credentials went along, or may have.
    pub credentials_sent: bool,
}

impl Trials {
    /// Through `api`, until `stopping`.
    pub fn new(api: ClientApi, stopping: CancellationToken) -> Self {
        Self {
            api,
            places: Semaphore::new(AT_ONCE),
            begun: Mutex::default(),
            stopping,
        }
    }

    /// A place for one trial.
    ///
    /// # Errors
    /// [`ProjectError::TooManyTrials`].
    pub fn place(&self) -> Result<Place<'_>, ProjectError> {
        let Ok(place) = self.places.try_acquire() else {
            return Err(ProjectError::TooManyTrials(COME_AGAIN));
        };
        let now = Instant::now();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        while begun
            .front()
            .is_some_and(|it| now.duration_since(*it) >= MINUTE)
        {
            begun.pop_front();
        }
        if let Some(oldest) = begun.front().filter(|_| begun.len() >= A_MINUTE) {
            let wait = MINUTE.saturating_sub(now.duration_since(*oldest));
            return Err(ProjectError::TooManyTrials(wait));
        }
        begun.push_back(now);
        drop(begun);
        Ok(Place(place))
    }

    /// Asks once: no retry, no validators. The place is held until the body is read, too.
    ///
    /// # Errors
    /// [`ProjectError::Stopping`].
    pub async fn ask(
        &self,
        _: &Place<'_>,
        integration: &Integration,
    ) -> Result<Tried, ProjectError> {
        let source = match &integration.ask {
            Ask::Source(source) => source,
            Ask::Nobody => {
                let reason =
                    "there is nothing to ask: api_base_url and status_endpoint must be set";
                return Ok(Tried::unasked(FetchError::Address(reason.to_owned())));
            }
            Ask::Broken(reason) => {
                return Ok(Tried::unasked(FetchError::Credentials(reason.clone())));
            }
        };
        let begun = Instant::now();
        let none = Validators::default();
        let asking = self.api.fetch(source, &none);
        let answer = self.stopping.run_until_cancelled(asking).await;
        let answer = match answer.ok_or(ProjectError::Stopping)? {
            Ok(Answer::Body { status, body, .. }) => Ok((status, body)),
            Ok(Answer::NotModified) => Err(FetchError::Refused(304)),
            Err(error) => Err(error),
        };
        // A connection may break at any moment: whoever is behind it may have read the request.
        let unsent = match &answer {
            Err(FetchError::Credentials(_)) => true,
            Err(error) => is_no_address(error),
            Ok(_) => false,
        };
        Ok(Tried {
            took: Some(begun.elapsed()),
            credentials_sent: !matches!(source.auth, Auth::None) && !unsent,
            answer,
        })
    }
}

/// Nobody was asked at this address. A redirect that was refused is the answer of somebody.
fn is_no_address(error: &FetchError) -> bool {
    matches!(error, FetchError::Address(_)) && !is_redirect(error)
}

/// Somebody led elsewhere, and was not followed.
pub fn is_redirect(error: &FetchError) -> bool {
    matches!(error, FetchError::Address(reason) if reason.starts_with("the redirect was refused"))
}

impl Tried {
    fn unasked(error: FetchError) -> Self {
        Self {
            answer: Err(error),
            took: None,
            credentials_sent: false,
        }
    }
}
