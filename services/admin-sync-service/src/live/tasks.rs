//! Single tasks as programs ask for them: how one is, to end it, to be rid of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::task::{Phase, Task};
use crate::infra::connection_repo::RepoError;
use crate::infra::execution_repo::ExecutionRepo;
use crate::infra::task_repo::TaskRepo;
use crate::sync::CancelOutcome;

/// What is done with tasks.
pub struct Tasks {
    /// Reads and hides them.
    pub repo: TaskRepo,
    /// Ends them.
    pub executions: ExecutionRepo,
}

/// What is told instead.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// No such task, or it is hidden.
    #[error("Task not found")]
    NotFound,
    /// What is over cannot be cancelled.
    #[error("Task is already finished")]
    Finished,
    /// What is not over cannot be hidden.
    #[error("Task is still running")]
    Running,
    /// The database cannot answer.
    #[error(transparent)]
    Repo(#[from] RepoError),
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TaskStatus {
    /// Its name.
    pub task_id: Uuid,
    /// `pending`, `running`, `completed`, `failed` or `cancelled`.
    #[schema(example = "running")]
    pub status: String,
    /// When a worker began it.
    pub start_time: Option<DateTime<Utc>>,
    /// When it was over.
    pub end_time: Option<DateTime<Utc>>,
    /// Of a completed one: `execution_id`, `state`, `records_processed`, `duration_seconds`, `verdict`.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Of one that ended otherwise: why.
    pub error: Option<String>,
}

impl Tasks {
    /// How it is. What is no name of a task names none.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn status(&self, id: &str) -> Result<TaskStatus, TaskError> {
        Ok(self.find(id).await?.into())
    }

    /// Ends it: at once where it waits, soon where it runs.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn cancel(&self, id: &str, actor: &str) -> Result<(), TaskError> {
        let task = self.find(id).await?;
        match self.executions.cancel(task.run.id, actor).await? {
            CancelOutcome::Moved(_) => Ok(()),
            CancelOutcome::NoSuchRun => Err(TaskError::NotFound),
            CancelOutcome::Refused(_) => Err(TaskError::Finished),
        }
    }

    /// Hides it here, if it is over. The run itself stays in the history.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn hide(&self, id: &str, actor: &str) -> Result<(), TaskError> {
        let task = self.find(id).await?;
        let hidden = self.repo.hide(task.run.id, actor).await?;
        if hidden {
            Ok(())
        } else {
            Err(TaskError::Running)
        }
    }

    async fn find(&self, id: &str) -> Result<Task, TaskError> {
        let id: Uuid = id.parse().map_err(|_| TaskError::NotFound)?;
        let mut found = self.repo.find(&[id]).await?;
        found.remove(&id).ok_or(TaskError::NotFound)
    }
}

impl From<Task> for TaskStatus {
    fn from(task: Task) -> Self {
        let phase = task.phase();
        let failed = phase.is_over() && phase != Phase::Completed;
        let unexplained = || format!("the run ended as {}", task.run.state);
        Self {
            task_id: task.run.task_id,
            status: phase.as_str().to_owned(),
            start_time: task.run.started_at,
            end_time: task.run.finished_at,
            result: (phase == Phase::Completed).then(|| task.figures()),
            error: failed.then(|| task.run.error_message.clone().unwrap_or_else(unexplained)),
        }
    }
}
