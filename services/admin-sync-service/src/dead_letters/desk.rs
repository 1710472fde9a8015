//! The verbs. A message is held while it is looked at and is back in its place afterwards; what is requeued is confirmed
//! in its queue before it is removed here, so that a crash may double it and never loses it.

use std::time::Duration;

use farol_core::sync::topology::{AT_HEADER, ORIGINAL_ID_HEADER, REASON_HEADER};
use serde::Serialize;
use serde_json::{Value, json};
use service_kit::broker::{ShelfError, Shelved, Visit};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

use super::letter::{DeadLetter, DeadLetterList, key};
use crate::infra::audit_repo::AuditRepo;
use crate::infra::connection_repo::RepoError;
use crate::infra::publisher::Publisher;
use crate::metrics::DeadLetterMetrics;
use crate::projects::{Event, Who};

/// Messages that one request looks at: they are held meanwhile.
const MOST: u32 = 500;
/// For a connection of the look's own.
const CONNECT: Duration = Duration::from_secs(5);
/// Another message is begun with until then …
const BEGIN: Duration = Duration::from_secs(8);
/// … and then this is the end of it, whatever the broker does.
const DEADLINE: Duration = Duration::from_secs(10);
/// Whoever comes meanwhile waits so long for its turn.
const TURN: Duration = Duration::from_secs(2);
/// What the ingestor adds to a message that it puts aside.
const ADDED: [&str; 3] = [REASON_HEADER, AT_HEADER, ORIGINAL_ID_HEADER];

/// What operators do with dead letters.
pub struct DeadLetters {
    /// The way to the broker.
    pub publisher: Publisher,
    /// Who did it.
    pub audit: AuditRepo,
    /// One request at a time: each holds what the next one would look for.
    pub turn: Semaphore,
    /// What became of them.
    pub metrics: DeadLetterMetrics,
}

/// What was given back to the ingestor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Requeued {
    /// Messages that are in their queue again.
    pub requeued: u32,
    /// Messages that were there and are so still: ask again.
    pub left: u32,
}

/// What is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Dropped {
    /// Messages that are gone.
    pub dropped: u32,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// Nobody has this key, among the first 500.
    #[error("no such dead letter")]
    NotFound,
    /// Another request holds them.
    #[error("another request looks at them")]
    Busy,
    /// The broker cannot be asked, or did not answer in time.
    #[error("{0}")]
    Away(String),
    /// The next one has properties that no client can read.
    #[error("the next message cannot be read")]
    Unreadable,
    /// The broker said no.
    #[error("{0}")]
    Refused(String),
    /// It ended before it was done with all.
    #[error("{cause}, after {done} messages")]
    PartWay {
        /// So many had been requeued; one more may have been.
        done: u32,
        /// Why no more were.
        cause: Box<DeadLetterError>,
    },
    /// The audit cannot be written: nothing is done without it.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

impl From<ShelfError> for DeadLetterError {
    fn from(error: ShelfError) -> Self {
        match error {
            ShelfError::Away(why) => Self::Away(why),
            ShelfError::Unreadable => Self::Unreadable,
            ShelfError::Refused(why) => Self::Refused(why),
        }
    }
}

impl DeadLetters {
    /// The oldest `most` of them.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn list(&self, most: u32) -> Result<DeadLetterList, DeadLetterError> {
        let _turn = self.turn().await?;
        in_time(self.listing(most)).await
    }

    /// Gives one back to the ingestor.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn requeue(&self, key: &str, who: &Who) -> Result<Requeued, DeadLetterError> {
        let _turn = self.turn().await?;
        in_time(self.requeuing(key, who)).await?;
        self.metrics.requeued(1);
        tracing::info!(actor = who.actor, key, "a dead letter was requeued");
        Ok(Requeued {
            requeued: 1,
            left: 0,
        })
    }

    /// Gives all back that are there now: those that are dead again meanwhile come behind them.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn requeue_all(&self, who: &Who) -> Result<Requeued, DeadLetterError> {
        let _turn = self.turn().await?;
        let mut done = 0;
        let outcome = in_time(self.requeuing_all(who, &mut done)).await;
        self.metrics.requeued(done);
        tracing::info!(
            actor = who.actor,
            requeued = done,
            "dead letters were requeued"
        );
        match outcome {
            Ok(there) => Ok(Requeued {
                requeued: done,
                left: there.saturating_sub(done),
            }),
            Err(cause) if done > 0 => Err(DeadLetterError::PartWay {
                done,
                cause: Box::new(cause),
            }),
            Err(cause) => Err(cause),
        }
    }

    /// Throws one away.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn drop_one(&self, key: &str, who: &Who) -> Result<Dropped, DeadLetterError> {
        let _turn = self.turn().await?;
        in_time(self.dropping(key, who)).await?;
        self.metrics.dropped(1);
        tracing::info!(actor = who.actor, key, "a dead letter was dropped");
        Ok(Dropped { dropped: 1 })
    }

    /// Throws all away that are there now, read or not.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub async fn drop_all(&self, who: &Who) -> Result<Dropped, DeadLetterError> {
        let _turn = self.turn().await?;
        let dropped = in_time(self.dropping_all(who)).await?;
        self.metrics.dropped(dropped);
        tracing::info!(actor = who.actor, dropped, "dead letters were dropped");
        Ok(Dropped { dropped })
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, DeadLetterError> {
        let turn = timeout(TURN, self.turn.acquire()).await;
        // Nobody closes it.
        turn.ok().and_then(Result::ok).ok_or(DeadLetterError::Busy)
    }

    /// `None`: there is no queue of them, and so there are none.
    async fn open(&self) -> Result<Option<Visit>, DeadLetterError> {
        if !self.publisher.connected() {
            return Err(DeadLetterError::Away(
                "RabbitMQ is not connected".to_owned(),
            ));
        }
        let queue = self.publisher.dead_letter_queue();
        Ok(self.publisher.shelf().open(queue, CONNECT).await?)
    }

    async fn listing(&self, most: u32) -> Result<DeadLetterList, DeadLetterError> {
        let mut list = DeadLetterList {
            count: 0,
            messages: Vec::new(),
        };
        let Some(mut visit) = self.open().await? else {
            return Ok(list);
        };
        list.count = visit.depth();
        for _ in 0..most.min(MOST) {
            let Some(message) = visit.take().await? else {
                break;
            };
            list.messages.push(DeadLetter::of(&message));
        }
        // What was only looked at is given back whatever becomes of the goodbye.
        let _ = visit.end().await;
        Ok(list)
    }

    async fn requeuing(&self, key: &str, who: &Who) -> Result<(), DeadLetterError> {
        let (mut visit, message) = self.find(key).await?;
        let detail = one(&DeadLetter::of(&message));
        self.note(who, "dead_letters_requeue", detail).await?;
        let queue = self.publisher.queue();
        visit.pass_on(message, queue, &ADDED).await?;
        Ok(visit.end().await?)
    }

    async fn dropping(&self, key: &str, who: &Who) -> Result<(), DeadLetterError> {
        let (visit, message) = self.find(key).await?;
        let detail = one(&DeadLetter::of(&message));
        self.note(who, "dead_letters_drop", detail).await?;
        visit.remove(message).await?;
        Ok(visit.end().await?)
    }

    /// How many there were.
    async fn requeuing_all(&self, who: &Who, done: &mut u32) -> Result<u32, DeadLetterError> {
        let begun = Instant::now();
        let Some(mut visit) = self.open().await? else {
            return Ok(0);
        };
        let there = visit.depth();
        if there > 0 {
            self.note(who, "dead_letters_requeue", all(there)).await?;
        }
        for _ in 0..there.min(MOST) {
            if begun.elapsed() > BEGIN {
                break;
            }
            let Some(message) = visit.take().await? else {
                break;
            };
            visit
                .pass_on(message, self.publisher.queue(), &ADDED)
                .await?;
            *done += 1;
        }
        visit.end().await?;
        Ok(there)
    }

    async fn dropping_all(&self, who: &Who) -> Result<u32, DeadLetterError> {
        let Some(visit) = self.open().await? else {
            return Ok(0);
        };
        if visit.depth() > 0 {
            self.note(who, "dead_letters_drop", all(visit.depth()))
                .await?;
        }
        let dropped = visit.purge().await?;
        // The broker has said that they are gone.
        let _ = visit.end().await;
        Ok(dropped)
    }

    async fn find(&self, wanted: &str) -> Result<(Visit, Shelved), DeadLetterError> {
        let mut visit = self.open().await?.ok_or(DeadLetterError::NotFound)?;
        for _ in 0..MOST {
            match visit.take().await? {
                Some(message) if key(&message) == wanted => return Ok((visit, message)),
                Some(_) => {}
                None => break,
            }
        }
        let _ = visit.end().await;
        Err(DeadLetterError::NotFound)
    }

    /// Before it is done: nothing happens to a message that nobody can look up. What came of it is in the log.
    async fn note(&self, who: &Who, action: &'static str, detail: Value) -> Result<(), RepoError> {
        let event = Event {
            who: who.clone(),
            action,
            slug: None,
            detail,
        };
        self.audit.note(&event).await
    }
}

fn one(letter: &DeadLetter) -> Value {
    json!({
        "key": letter.key,
        "reason": letter.reason,
        "at": letter.at,
        "original_message_id": letter.original_message_id,
    })
}

fn all(there: u32) -> Value {
    json!({"all": true, "messages": there})
}

/// Dropping what is late gives back what it holds.
async fn in_time<T>(
    work: impl Future<Output = Result<T, DeadLetterError>>,
) -> Result<T, DeadLetterError> {
    let late = || DeadLetterError::Away("RabbitMQ does not answer in time".to_owned());
    timeout(DEADLINE, work)
        .await
        .unwrap_or_else(|_| Err(late()))
}
