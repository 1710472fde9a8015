//! Rows that tests write past the service, and what the service makes of them.

use serde_json::Value;
use sqlx::AssertSqlSafe;
use test_kit::{PATIENCE, wait_until};

use crate::world::World;

impl World {
    /// Runs one statement.
    pub async fn sql(&self, statement: &str) {
        let done = sqlx::query(AssertSqlSafe(statement))
            .execute(self.pool())
            .await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// One value of one row.
    pub async fn value<T>(&self, query: &str) -> T
    where
        T: Send + Unpin + sqlx::Type<sqlx::Postgres> + for<'r> sqlx::Decode<'r, sqlx::Postgres>,
    {
        let found = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(self.pool())
            .await;
        found.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// A run with these columns, as SQL; its id.
    pub async fn run(&self, columns: &str, values: &str) -> i32 {
        let insert =
            format!("INSERT INTO sync_executions ({columns}) VALUES ({values}) RETURNING id");
        self.value(&insert).await
    }

    /// A queued backfill of one morning, with its message in the outbox: what a request leaves.
    pub async fn request(&self) -> i32 {
        self.request_on(&self.queue).await
    }

    /// The same, with a message for another queue.
    pub async fn request_on(&self, queue: &str) -> i32 {
        let insert = format!(
            "WITH run AS (
                 INSERT INTO sync_executions (mode, state, window_start, window_end)
                 VALUES ('backfill', 'queued', '2025-07-10T15:00:00Z', '2025-07-10T21:00:00Z') RETURNING id),
             letter AS (
                 INSERT INTO outbox (execution_id, queue, body)
                 SELECT id, '{queue}', jsonb_build_object('v', 1, 'execution_id', id, 'mode', 'backfill',
                     'data_ini', '2025-07-10T12:00:00', 'data_fim', '2025-07-10T18:00:00') FROM run)
             SELECT id FROM run"
        );
        self.value(&insert).await
    }

    /// A run that a worker has, whose lease ends in so many seconds.
    pub async fn claimed(&self, mode: &str, lease_seconds: i32, rescues: i32) -> i32 {
        self.run(
            "mode, state, worker, lease_token, lease_until, started_at, rescues",
            &format!(
                "'{mode}', 'running', 'worker-7', gen_random_uuid(),
                 now() + make_interval(secs => {lease_seconds}), now() - interval '1 minute', {rescues}"
            ),
        )
        .await
    }

    /// The whole row of a run.
    pub async fn row(&self, id: i32) -> Value {
        self.value(&format!(
            "SELECT to_jsonb(e) FROM sync_executions e WHERE id = {id}"
        ))
        .await
    }

    /// Waits until a run is in this state; its row.
    pub async fn state_becomes(&self, id: i32, state: &str) -> Value {
        wait_until(&format!("run {id} is {state}"), PATIENCE, async || {
            self.row(id).await["state"] == state
        })
        .await;
        self.row(id).await
    }

    /// Waits until this query, which gives a boolean, says true.
    pub async fn holds(&self, query: &str) {
        wait_until(query, PATIENCE, async || self.value::<bool>(query).await).await;
    }

    /// How many runs there are.
    pub async fn runs(&self) -> i64 {
        self.value(
            "SELECT count(*) FROM sync_executions WHERE requested_by IS DISTINCT FROM 'marker'",
        )
        .await
    }

    /// Returns when the leader has been through all its duties since the call. A cancel that nobody answers is
    /// its marker: seen once, the round that saw it may have begun before; seen twice, one was whole.
    pub async fn a_whole_round(&self) {
        for _ in 0..2 {
            let marker = self
                .run(
                    "mode, state, requested_by, cancel_requested_at",
                    "'backfill', 'cancelling', 'marker', now() - interval '1 hour'",
                )
                .await;
            self.state_becomes(marker, "cancelled").await;
        }
    }

    /// The kinds of a run's events, in order.
    pub async fn events(&self, id: i32) -> Vec<String> {
        let kinds = sqlx::query_scalar(
            "SELECT kind::text FROM sync_events WHERE execution_id = $1 ORDER BY id",
        );
        kinds.bind(id).fetch_all(self.pool()).await.unwrap()
    }
}
