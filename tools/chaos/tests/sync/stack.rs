//! The services as processes beside real servers, with one small world to ingest.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use demo_world::Portal;
use demo_world::portal::{Weights, World};
use serde_json::{Value, json};
use test_kit::{Answer, Database, Rabbit, ServiceProcess, http_get, http_post, wait_until};

/// `admin:chaos`
const BASIC: (&str, &str) = ("authorization", "Basic YWRtaW46Y2hhb3M=");
/// A run with a rescue in between; generous, because other scenarios run at the same time.
pub const RUN_PATIENCE: Duration = Duration::from_secs(90);
/// Three pages a day of the first, two of the second, one of the third.
pub const MODALIDADES: [(i16, f64); 3] = [(6, 130.0), (8, 60.0), (4, 10.0)];

/// Everything that a scenario needs but the services, which it starts itself.
pub struct Stack {
    pub database: Database,
    pub portal: Portal,
    pub queue: String,
    pub rabbit_url: String,
    pub admin_url: String,
    pub ingest_url: String,
}

/// A running admin-sync-service.
pub struct Admin {
    pub process: ServiceProcess,
    url: String,
}

impl Stack {
    /// On the servers of the test run, with a database and a queue of its own.
    pub async fn new() -> Self {
        let rabbit = Rabbit::connect().await;
        Self::on(Database::fresh().await, rabbit.url(), rabbit.fresh_queue())
    }

    /// On servers of the scenario's own.
    pub fn on(database: Database, rabbit_url: &str, queue: String) -> Self {
        let portal = Portal::start().unwrap();
        let weights = Weights::of(MODALIDADES);
        portal.load(World::generated(7, first_day(), 2, &weights));
        Self {
            portal,
            queue,
            rabbit_url: rabbit_url.to_owned(),
            admin_url: database.admin_url(),
            ingest_url: database.ingest_url(),
            database,
        }
    }

    /// Starts the administration; returns when it listens.
    pub async fn admin(&self) -> Admin {
        let process = ServiceProcess::spawn(
            "admin-sync-service",
            &[
                ("DATABASE_URL", &self.admin_url),
                ("RABBITMQ_URL", &self.rabbit_url),
                ("QUEUE_NAME", &self.queue),
                ("ADMIN_USERNAME", "admin"),
                ("ADMIN_PASSWORD", "chaos"),
                ("SYNC_INTERVAL_MINUTES", "0"),
                ("KEEPER_TICK_MS", "200"),
                ("REQUEUE_SECONDS", "3"),
                ("PORT", "0"),
                ("OPS_PORT", "0"),
            ],
        );
        let url = format!("http://{}", process.address("public").await);
        Admin { process, url }
    }

    /// Starts an ingestor that does not wait for the real portal's patience.
    pub fn worker(&self) -> ServiceProcess {
        self.worker_with(&[])
    }

    /// The same with settings of the scenario's own, which win.
    pub fn worker_with(&self, more: &[(&str, &str)]) -> ServiceProcess {
        let portal = self.portal.base_url();
        let mut settings = vec![
            ("DATABASE_URL", self.ingest_url.as_str()),
            ("RABBITMQ_URL", &self.rabbit_url),
            ("QUEUE_NAME", &self.queue),
            ("PNCP_BASE_URL", &portal),
            ("PNCP_MODALIDADES", "4,6,8"),
            ("PNCP_RATE_PER_SECOND", "1000"),
            ("PNCP_ITEMS", "off"),
            ("PNCP_PAGE_RETRY_SECONDS", "1"),
            ("LEASE_SECONDS", "3"),
            ("LEASE_RENEW_SECONDS", "1"),
            ("OPS_PORT", "0"),
        ];
        settings.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        settings.extend(more);
        ServiceProcess::spawn("ingestor", &settings)
    }

    /// The execution's row, whole.
    pub async fn execution(&self, id: i64) -> Value {
        let row = sqlx::query_scalar("SELECT to_jsonb(e) FROM sync_executions e WHERE id = $1");
        let row = row.bind(i32::try_from(id).unwrap());
        row.fetch_one(self.database.owner_pool()).await.unwrap()
    }

    /// Waits until the execution is in one of these states.
    pub async fn wait_for(&self, id: i64, states: &[&str]) -> Value {
        let what = format!("execution {id} is one of {states:?}");
        wait_until(&what, RUN_PATIENCE, async || {
            let row = self.execution(id).await;
            states.contains(&row["state"].as_str().unwrap())
        })
        .await;
        self.execution(id).await
    }

    /// Waits until it has ended, whatever the end.
    pub async fn ended(&self, id: i64) -> Value {
        let ends = ["success", "incomplete", "error", "cancelled", "lost"];
        self.wait_for(id, &ends).await
    }

    /// One number from the database.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let number = sqlx::query_scalar::<_, i64>(sql);
        number.fetch_one(self.database.owner_pool()).await.unwrap()
    }
}

impl Admin {
    /// Forces a backfill of the two days; its id.
    pub async fn force(&self) -> i64 {
        let answer = self.ask_force().await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        id_of(&answer)
    }

    /// The same with whatever comes back.
    pub async fn ask_force(&self) -> Answer {
        let body = json!({"mode": "backfill", "data_ini": "2025-07-08", "data_fim": "2025-07-10"});
        self.post("/sync/force", &body).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let headers = [BASIC, ("content-type", "application/json")];
        http_post(
            &format!("{}{path}", self.url),
            &headers,
            body.to_string().as_bytes(),
        )
        .await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = http_get(&format!("{}{path}", self.url), &[BASIC]).await;
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
        answer.json()
    }
}

/// The execution that a force or a retry made.
pub fn id_of(answer: &Answer) -> i64 {
    let id = answer.json()["request_id"].clone();
    id.as_str().unwrap().parse().unwrap()
}

/// A Tuesday.
pub fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 7, 8).unwrap()
}

/// The two days, as Brasília counts them.
pub fn window() -> Range<DateTime<Utc>> {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    at("2025-07-08T03:00:00Z")..at("2025-07-10T03:00:00Z")
}
