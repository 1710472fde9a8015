//! The operators' desk: what they do to runs, and what they ask of single ones.

use std::time::Duration;

use chrono_tz::Tz;
use farol_core::sync::{Mode, State, Window};
use serde::Serialize;
use serde_json::{Value, json};
use service_kit::clock::Clock;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{BadRequest, CurrentStatus, Dispatch, ForceRequest, Known, Once, RunDetail};
use crate::infra::connection_repo::RepoError;
use crate::infra::execution_repo::ExecutionRepo;
use crate::infra::idempotency_repo::IdempotencyRepo;
use crate::infra::run_repo::RunRepo;
use crate::outbox::Bell;

/// What the desk works with.
pub struct Desk {
    /// What operators read.
    pub runs: RunRepo,
    /// What they change.
    pub executions: ExecutionRepo,
    /// What was answered to requests that are to be done once.
    pub answers: IdempotencyRepo,
    /// Wakes the relay, and tells when the broker has a message.
    pub bell: Bell,
    /// Judges the dates of requests; runs themselves go by the database's clock.
    pub clock: Clock,
    /// What the desk goes by.
    pub rules: DeskRules,
}

/// What the desk goes by.
#[derive(Clone, Debug)]
pub struct DeskRules {
    /// `SYNC_TIMEZONE`.
    pub zone: Tz,
    /// `DISPATCH_WAIT_MS`: how long an answer waits for the broker's confirm.
    pub dispatch_wait: Duration,
    /// The gateway as browsers reach it, without a slash at its end.
    pub stream_base: String,
}

/// A run to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Which.
    pub asked: Asked,
    /// What a live run in its way means.
    pub overlap: Overlap,
    /// Who asks.
    pub requested_by: String,
    /// Where it is to be done once.
    pub once: Option<Once>,
}

/// Which run is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// One that repeats none.
    Fresh {
        /// What for.
        mode: Mode,
        /// What a backfill reads.
        window: Option<Window>,
    },
    /// The same window as that of `parent` again, as far as it is not complete.
    Again {
        /// The run that is repeated.
        parent: i32,
    },
}

/// What a live run of an overlapping window means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlap {
    /// The request is refused.
    #[default]
    Reject,
    /// The new run waits for it.
    Queue,
}

/// What became of a request for a run.
#[derive(Debug, Clone, PartialEq)]
pub enum EnqueueOutcome {
    /// It is written.
    New(Ticket),
    /// The request was made before.
    Known(Known),
    /// A live run is in its way.
    Blocked {
        /// Which.
        by: i32,
    },
    /// The run to be repeated does not exist.
    NoSuchRun,
    /// The run to be repeated is in a state that forbids it.
    Refused(State),
}

/// A run that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its number.
    pub execution_id: i32,
    /// Its name on the task stream.
    pub task_id: Uuid,
    /// `update` or `backfill`.
    pub mode: String,
    /// Its message.
    pub outbox_id: i64,
}

/// What became of a request to end a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It is over, or its worker has been told.
    Moved(State),
    /// There is no such run.
    NoSuchRun,
    /// It was over before.
    Refused(State),
}

/// What an operator is told instead.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The body asks for nothing that we could do.
    #[error(transparent)]
    Request(#[from] BadRequest),
    /// The database cannot answer.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// No such run.
    #[error("no such run")]
    NoSuchRun,
    /// Its state forbids that.
    #[error("the run is {0}")]
    Refused(State),
    /// A live run is in the way of a new one.
    #[error("run {0} is in the way")]
    Blocked(i32),
    /// The key was used for something else.
    #[error("the key was used for another request")]
    KeyReused,
    /// The first request with the key is being answered.
    #[error("the request is being answered")]
    UnderWay,
}

/// The answer to a request for a run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Forced {
    /// Always true: what fails is a problem.
    pub success: bool,
    /// `Sync request published: <mode>`, or `Sync request queued: <mode>` while the broker is away.
    #[schema(example = "Sync request published: update")]
    pub message: String,
    /// The number of the run, as text.
    #[schema(example = "17")]
    pub request_id: String,
    /// Its name on the task stream.
    pub task_id: Uuid,
    /// Where its progress is streamed.
    pub stream_url: String,
    /// Where its progress is told.
    pub status_url: String,
    /// Whether the broker has its message.
    pub dispatch: Dispatch,
}

/// A [`Forced`] as JSON, and whether it was given before.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The body.
    pub body: Value,
    /// Whether it repeats the first answer.
    pub replayed: bool,
}

impl Desk {
    /// Enqueues what a body asks for.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn force(
        &self,
        body: &[u8],
        overlap: Overlap,
        requested_by: &str,
        once: Option<Once>,
    ) -> Result<Told, DeskError> {
        let request = ForceRequest::parse(body, self.rules.zone, self.clock.now())?;
        let asked = Asked::Fresh {
            mode: request.mode(),
            window: request.window(),
        };
        let requested_by = requested_by.to_owned();
        self.enqueue(NewRun {
            asked,
            overlap,
            requested_by,
            once,
        })
        .await
    }

    /// Enqueues `run`, and waits a moment for the broker to have its message.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn enqueue(&self, run: NewRun) -> Result<Told, DeskError> {
        match self.executions.enqueue(&run).await? {
            EnqueueOutcome::New(ticket) => {
                let wait = self.rules.dispatch_wait;
                let published = self.bell.published_within(ticket.outbox_id, wait).await;
                let dispatch = if published {
                    Dispatch::Published
                } else {
                    Dispatch::Pending
                };
                tracing::info!(
                    execution_id = ticket.execution_id,
                    mode = ticket.mode,
                    actor = run.requested_by,
                    ?dispatch,
                    "a run is enqueued"
                );
                Ok(self.tell(&ticket, dispatch, run.once.as_ref()).await)
            }
            EnqueueOutcome::Known(known) => self.repeat(known, run.once.as_ref()).await,
            EnqueueOutcome::Blocked { by } => Err(DeskError::Blocked(by)),
            EnqueueOutcome::NoSuchRun => Err(DeskError::NoSuchRun),
            EnqueueOutcome::Refused(state) => Err(DeskError::Refused(state)),
        }
    }

    /// Ends a run: at once where it waits, soon where it runs.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn cancel(&self, id: i32, actor: &str) -> Result<State, DeskError> {
        match self.executions.cancel(id, actor).await? {
            CancelOutcome::Moved(state) => {
                tracing::info!(execution_id = id, %state, actor, "a run is to end");
                Ok(state)
            }
            CancelOutcome::NoSuchRun => Err(DeskError::NoSuchRun),
            CancelOutcome::Refused(state) => Err(DeskError::Refused(state)),
        }
    }

    /// A run with its segments and events.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn find(&self, id: i32) -> Result<RunDetail, DeskError> {
        self.runs.find(id).await?.ok_or(DeskError::NoSuchRun)
    }

    /// The newest run.
    ///
    /// # Errors
    /// Of the database.
    pub async fn status(&self) -> Result<CurrentStatus, RepoError> {
        self.runs.newest().await.map(CurrentStatus::from)
    }

    async fn repeat(&self, known: Known, once: Option<&Once>) -> Result<Told, DeskError> {
        let mut told = match known {
            Known::OtherRequest => return Err(DeskError::KeyReused),
            Known::UnderWay => return Err(DeskError::UnderWay),
            Known::Answered(body) => Told {
                body,
                replayed: true,
            },
            Known::Unanswered(id) => {
                let found = self.executions.ticket(id).await?;
                let (ticket, dispatch) = found.ok_or(DeskError::NoSuchRun)?;
                self.tell(&ticket, dispatch, once).await
            }
        };
        told.replayed = true;
        Ok(told)
    }

    async fn tell(&self, ticket: &Ticket, dispatch: Dispatch, once: Option<&Once>) -> Told {
        let body = json!(self.forced(ticket, dispatch));
        if let Some(once) = once
            && let Err(error) = self.answers.answered(once, &body).await
        {
            tracing::warn!(%error, execution_id = ticket.execution_id, "an answer is not remembered");
        }
        Told {
            body,
            replayed: false,
        }
    }

    fn forced(&self, ticket: &Ticket, dispatch: Dispatch) -> Forced {
        let word = match dispatch {
            Dispatch::Published => "published",
            Dispatch::Pending => "queued",
        };
        let (task, base) = (ticket.task_id, &self.rules.stream_base);
        Forced {
            success: true,
            message: format!("Sync request {word}: {}", ticket.mode),
            request_id: ticket.execution_id.to_string(),
            task_id: task,
            stream_url: format!("{base}/api/sse/tasks?task_id={task}"),
            status_url: format!("/api/tasks/{task}/status"),
            dispatch,
        }
    }
}
