//! A database, a queue, a portal, and as many ingestors between them as a test wants, in the words of the tests.
//! What the service leaves behind is judged when a test ends it.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use demo_world::Portal;
use demo_world::portal::{Record, local};
use ingestor::app::App;
use ingestor::settings::{ItemsStage, Settings};
use serde_json::Value;
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use test_kit::{ChaosProxy, Database, PATIENCE, Rabbit, ServiceProcess, http_get, wait_until};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The world without any ingestor in it.
pub struct World {
    /// Runs and records.
    pub database: Database,
    /// What other programs do to the queue.
    pub rabbit: Rabbit,
    /// The queue of doorbells, of this test alone.
    pub queue: String,
    /// The source.
    pub portal: Portal,
}

/// A running ingestor.
pub struct Ingestor {
    /// Its end, for tests about it.
    pub lifecycle: Lifecycle,
    /// Its ops listener.
    pub ops: SocketAddr,
    running: JoinSet<ExitCode>,
}

/// A run as its row has it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Row {
    pub id: i32,
    pub state: String,
    pub records_processed: i32,
    pub verdict: Option<String>,
    pub error_message: Option<String>,
    pub window_start: Option<DateTime<Utc>>,
    pub window_end: Option<DateTime<Utc>>,
    pub rescues: i32,
}

/// A segment as its row has it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct SegmentRow {
    pub endpoint: String,
    pub modalidade: i16,
    pub day_from: NaiveDate,
    pub state: String,
    pub pages_done: i32,
    pub expected: Option<i32>,
    pub got: i32,
    pub inserted: i32,
    pub updated: i32,
    pub unchanged: i32,
    pub quarantined: i32,
    pub error_class: Option<String>,
    pub last_error: Option<String>,
    pub proven_until: Option<DateTime<Utc>>,
}

impl World {
    /// An empty world.
    pub async fn new() -> Self {
        let rabbit = Rabbit::connect().await;
        let queue = rabbit.fresh_queue();
        Self {
            database: Database::fresh().await,
            rabbit,
            queue,
            portal: Portal::start().expect("a free port for the portal"),
        }
    }

    /// What the defaults of the service are, but for what no test can wait for: a fast portal is asked fast.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.ops.ops_port = 0;
        settings.database.database_url = self.database.ingest_url().into();
        settings.database.db_pool_size = 5;
        settings.broker.rabbitmq_url = self.rabbit.url().into();
        settings.queue.queue_name.clone_from(&self.queue);
        settings.scope.pncp_modalidades = modalidades("6,8");
        settings.scope.pncp_items = ItemsStage::Off;
        let policy = &mut settings.policy;
        policy.pncp_base_url = self
            .portal
            .base_url()
            .parse()
            .expect("the portal's address");
        policy.pncp_rate_per_second.0 = 10_000.0;
        policy.http_timeout = Duration::from_secs(5);
        policy.pncp_page_retry_seconds = Duration::from_millis(40);
        policy.pncp_pause_seconds = Duration::from_millis(20);
        policy.pncp_pause_max_seconds = Duration::from_millis(80);
        policy.pncp_probe_seconds = Duration::from_millis(100);
        settings.shutdown.drain_seconds = Duration::from_secs(5);
        settings.shutdown.shutdown_seconds = Some(PATIENCE);
        settings
    }

    /// An ingestor with the settings of [`World::settings`].
    pub fn ingestor(&self) -> Ingestor {
        self.ingestor_with(|_| {})
    }

    /// The same with other settings.
    pub fn ingestor_with(&self, change: impl FnOnce(&mut Settings)) -> Ingestor {
        let mut settings = self.settings();
        change(&mut settings);
        Ingestor::start(settings)
    }

    /// The same, with a way to the database that can be cut.
    pub async fn ingestor_behind_proxy(
        &self,
        change: impl FnOnce(&mut Settings),
    ) -> (Ingestor, ChaosProxy) {
        let direct: PgConnectOptions = self.database.ingest_url().parse().expect("a Postgres URL");
        let proxy = ChaosProxy::to(format!("{}:{}", direct.get_host(), direct.get_port())).await;
        let address = proxy.address();
        let through = direct.host(&address.ip().to_string()).port(address.port());
        let ingestor = self.ingestor_with(|settings| {
            settings.database.database_url = through.to_url_lossy().to_string().into();
            change(settings);
        });
        (ingestor, proxy)
    }

    /// The real binary, as a process that can be killed. Times are whole seconds there.
    pub fn process(&self, more: &[(&str, &str)]) -> ServiceProcess {
        let database = self.database.ingest_url();
        let base = self.portal.base_url();
        let mut environment = vec![
            ("OPS_PORT", "0"),
            ("DATABASE_URL", database.as_str()),
            ("DB_POOL_SIZE", "5"),
            ("RABBITMQ_URL", self.rabbit.url()),
            ("QUEUE_NAME", self.queue.as_str()),
            ("PNCP_BASE_URL", base.as_str()),
            ("PNCP_RATE_PER_SECOND", "10000"),
            ("PNCP_MODALIDADES", "6,8"),
            ("PNCP_ITEMS", "off"),
            ("PNCP_PAGE_RETRY_SECONDS", "0"),
            ("LOG_LEVEL", "debug,lapin=warn,sqlx=warn"),
        ];
        environment.extend_from_slice(more);
        ServiceProcess::spawn("ingestor", &environment)
    }

    /// What the reaper does with a run whose worker has fallen silent, without waiting for its lease.
    pub async fn rescue(&self, id: i32) {
        let query =
            "UPDATE sync_executions SET state = 'queued', lease_token = NULL, lease_until = NULL,
                            rescues = rescues + 1 WHERE id = $1 AND state = 'running'";
        let rescued = sqlx::query(query)
            .bind(id)
            .execute(self.database.owner_pool())
            .await
            .unwrap();
        assert_eq!(rescued.rows_affected(), 1, "run {id} is running");
    }

    /// What the reaper does with every run whose lease is over.
    pub async fn reap(&self) {
        self.change(
            "UPDATE sync_executions SET state = 'queued', lease_token = NULL, lease_until = NULL,
                    rescues = rescues + 1 WHERE state = 'running' AND lease_until < now()",
        )
        .await;
    }

    /// A queued backfill, as admin-sync-service writes one, without its doorbell.
    pub async fn backfill(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> i32 {
        self.queued("backfill", Some((from, to)), None).await
    }

    /// A queued update.
    pub async fn update(&self) -> i32 {
        self.queued("update", None, None).await
    }

    /// A queued run of any kind.
    pub async fn queued(
        &self,
        mode: &str,
        window: Option<(DateTime<Utc>, DateTime<Utc>)>,
        parent: Option<i32>,
    ) -> i32 {
        let query = "INSERT INTO sync_executions (mode, window_start, window_end, parent_id, attempt, state, status)
             VALUES ($1, $2, $3, $4, CASE WHEN $4 IS NULL THEN 1 ELSE 2 END, 'queued', 'running') RETURNING id";
        sqlx::query_scalar(query)
            .bind(mode)
            .bind(window.map(|it| it.0))
            .bind(window.map(|it| it.1))
            .bind(parent)
            .fetch_one(self.database.owner_pool())
            .await
            .unwrap()
    }

    /// Rings for a run, as the relay does.
    pub async fn ring(&self, id: i32, mode: &str) {
        let body = format!(r#"{{"v":1,"execution_id":{id},"mode":"{mode}"}}"#);
        self.rabbit.declare(&self.queue).await;
        self.rabbit
            .publish_named(&self.queue, &id.to_string(), body)
            .await;
    }

    /// Rings for a backfill and waits for its end.
    pub async fn run_backfill(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Row {
        let id = self.backfill(from, to).await;
        self.ring(id, "backfill").await;
        self.over(id).await
    }

    /// Rings for an update and waits for its end.
    pub async fn run_update(&self) -> Row {
        let id = self.update().await;
        self.ring(id, "update").await;
        self.over(id).await
    }

    /// A run's row.
    pub async fn row(&self, id: i32) -> Row {
        let query = "SELECT id, state, records_processed, verdict, error_message, window_start, window_end, rescues
                       FROM sync_executions WHERE id = $1";
        let pool = self.database.owner_pool();
        sqlx::query_as(query)
            .bind(id)
            .fetch_one(pool)
            .await
            .unwrap()
    }

    /// Every run, the oldest first.
    pub async fn rows(&self) -> Vec<Row> {
        let query = "SELECT id, state, records_processed, verdict, error_message, window_start, window_end, rescues
                       FROM sync_executions ORDER BY id";
        let pool = self.database.owner_pool();
        sqlx::query_as(query).fetch_all(pool).await.unwrap()
    }

    /// Waits until a run is in this state.
    pub async fn state_is(&self, id: i32, state: &str) -> Row {
        let mut row = self.row(id).await;
        wait_until(&format!("run {id} is {state}"), PATIENCE * 2, async || {
            row = self.row(id).await;
            row.state == state
        })
        .await;
        row
    }

    /// Waits until a run is over.
    pub async fn over(&self, id: i32) -> Row {
        let mut row = self.row(id).await;
        wait_until(&format!("run {id} is over"), PATIENCE * 2, async || {
            row = self.row(id).await;
            !["queued", "running", "retry_wait", "cancelling"].contains(&row.state.as_str())
        })
        .await;
        row
    }

    /// The segments of a run, oldest day first.
    pub async fn segments(&self, id: i32) -> Vec<SegmentRow> {
        let query =
            "SELECT * FROM sync_segments WHERE execution_id = $1 ORDER BY day_from, modalidade";
        let pool = self.database.owner_pool();
        sqlx::query_as(query)
            .bind(id)
            .fetch_all(pool)
            .await
            .unwrap()
    }

    /// A number out of the database.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.database.owner_pool())
            .await
            .unwrap()
    }

    /// The keys of all stored contratacoes, sorted.
    pub async fn stored(&self) -> Vec<String> {
        let query = "SELECT numero_controle_pncp FROM pncp_contratacoes ORDER BY 1";
        let mut keys: Vec<String> = sqlx::query_scalar(query)
            .fetch_all(self.database.owner_pool())
            .await
            .unwrap();
        keys.sort_unstable();
        keys
    }

    /// Changes something in the database.
    pub async fn change(&self, query: &'static str) {
        sqlx::query(query)
            .execute(self.database.owner_pool())
            .await
            .unwrap();
    }

    /// The lists' pages that were asked for and answered with 200 or 204, without the items': "modalidade day page".
    pub fn pages_read(&self) -> Vec<String> {
        let seen = self.portal.requests();
        let lists = seen
            .iter()
            .filter(|seen| seen.path.contains("/v1/contratacoes/"));
        let read = lists.filter(|seen| seen.status.is_some_and(|status| status < 300));
        let part = |seen: &demo_world::Seen, name| seen.query(name).unwrap_or_default();
        read.map(|seen| {
            let modalidade = part(seen, "codigoModalidadeContratacao");
            format!(
                "{modalidade} {} {}",
                part(seen, "dataInicial"),
                part(seen, "pagina")
            )
        })
        .collect()
    }

    /// Waits until so many pages of a run are committed.
    pub async fn pages_are(&self, id: i32, pages: i64) {
        wait_until(&format!("run {id} has {pages} pages"), PATIENCE, async || {
            let query = "SELECT COALESCE(sum(pages_done), 0) FROM sync_segments WHERE execution_id = $1";
            let done: i64 =
                sqlx::query_scalar(query).bind(id).fetch_one(self.database.owner_pool()).await.unwrap();
            done >= pages
        })
        .await;
    }
}

impl Ingestor {
    /// One with these settings.
    pub fn start(settings: Settings) -> Self {
        let lifecycle = Lifecycle::new(Clock::system());
        let listener = App::bind(&settings).expect("a free port");
        let app = App::start(settings, listener, lifecycle.clone()).expect("usable settings");
        let ops = app.ops_address;
        let mut running = JoinSet::new();
        running.spawn(app.run_until_stopped());
        Self {
            lifecycle,
            ops,
            running,
        }
    }

    /// `/status` of the ops listener.
    pub async fn status(&self) -> Value {
        http_get(&format!("http://{}/status", self.ops), &[])
            .await
            .json()
    }

    /// The value of a counter or gauge as it stands in `/metrics`, labels included.
    pub async fn count(&self, name: &str) -> f64 {
        let answer = http_get(&format!("http://{}/metrics", self.ops), &[]).await;
        let mut lines = answer.text().lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no metric {name} in {}", answer.text()));
        value.parse().expect("a number")
    }

    /// Waits until a counter or gauge is at least so much.
    pub async fn count_reaches(&self, name: &str, value: f64) {
        let what = format!("{name} reaches {value}");
        wait_until(&what, PATIENCE, async || self.count(name).await >= value).await;
    }

    /// Ends it as SIGTERM does and judges what it leaves.
    pub async fn stop(self) {
        self.lifecycle.trigger();
        self.ended().await;
    }

    /// Waits for the end of one that is stopping: exit code 0, no task.
    pub async fn ended(mut self) {
        let tasks = self.lifecycle.tasks();
        let code = timeout(PATIENCE * 2, self.running.join_next()).await;
        let code = code.unwrap_or_else(|_| panic!("the ingestor does not end: {tasks:?}"));
        let code = code.expect("it was running").expect("it did not panic");
        assert_eq!(code, ExitCode::SUCCESS, "left: {:?}", tasks.running());
        assert!(tasks.running().is_empty(), "left: {:?}", tasks.running());
    }
}

/// Modalidades as the setting has them.
pub fn modalidades(text: &str) -> ingestor::settings::Modalidades {
    use service_kit::settings::{Field, Setting as _};
    let field = Field::of::<ingestor::settings::Modalidades>("pncp_modalidades", None, None, &[]);
    ingestor::settings::Modalidades::parse(&field, text).expect("a list of numbers")
}

/// A day that is long over: a Wednesday.
pub fn wednesday() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 7, 9).unwrap()
}

/// A Brasília time on a day.
pub fn at(day: NaiveDate, hour: u32, minute: u32) -> NaiveDateTime {
    day.and_time(NaiveTime::from_hms_opt(hour, minute, 0).unwrap())
}

/// The instant of a Brasília time.
pub fn instant(day: NaiveDate, hour: u32, minute: u32) -> DateTime<Utc> {
    demo_world::portal::instant(at(day, hour, minute))
}

/// Midnight at the beginning of a day.
pub fn midnight(day: NaiveDate) -> DateTime<Utc> {
    instant(day, 0, 0)
}

/// The day after.
pub fn next(day: NaiveDate) -> NaiveDate {
    day + TimeDelta::days(1)
}

/// `count` procurements of a modalidade, a minute apart from 08:00 of a day on, numbered from `first`.
pub fn records(first: u32, count: u32, modalidade: i16, day: NaiveDate) -> Vec<Record> {
    let published = |number| at(day, 8, 0) + TimeDelta::minutes(i64::from(number % 600));
    (0..count)
        .map(|number| Record::new(first + number, modalidade, published(number)))
        .collect()
}

/// Brasília's time so long ago.
pub fn ago(how_long: TimeDelta) -> NaiveDateTime {
    local(Clock::system().now() - how_long)
}
