//! One running service with a database and a client API of its own, in the words
//! of the tests. What it leaves behind is judged when a test ends it.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use demo_world::{ClientApi, ProjectHandle};
use public_service::app::{App, Listeners};
use public_service::settings::Settings;
use serde_json::Value;
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use test_kit::{
    Answer, ChaosProxy, Database, PATIENCE, ProjectRow, SseClient, http_get, http_post, wait_until,
};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A project's integration is read again after this long.
pub const RELOAD: Duration = Duration::from_millis(200);

/// A running service and the world around it.
pub struct World {
    /// Where the projects are.
    pub database: Database,
    /// What the projects' owners publish.
    pub client_api: ClientApi,
    /// The end of the service, for tests about it.
    pub lifecycle: Lifecycle,
    /// The public listener.
    pub address: SocketAddr,
    /// The ops listener.
    pub ops: SocketAddr,
    running: JoinSet<ExitCode>,
}

impl World {
    /// The defaults of the service, but for what no test can wait for.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(Database::fresh().await, change)
    }

    /// The same, with a way to the database that can be cut; `change` may do so before the start.
    pub async fn with_cuttable_database(
        change: impl FnOnce(&mut Settings, &ChaosProxy),
    ) -> (Self, ChaosProxy) {
        let database = Database::fresh().await;
        let direct: PgConnectOptions = database.public_url().parse().expect("a Postgres URL");
        let proxy = ChaosProxy::to(format!("{}:{}", direct.get_host(), direct.get_port())).await;
        let address = proxy.address();
        let through = direct.host(&address.ip().to_string()).port(address.port());
        let world = Self::over(database, |settings| {
            settings.database.database_url = through.to_url_lossy().to_string().into();
            change(settings, &proxy);
        });
        (world, proxy)
    }

    fn over(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(&database.public_url());
        change(&mut settings);
        let client_api = ClientApi::start().expect("a free port for the client API");
        let lifecycle = Lifecycle::new(Clock::system());
        let listeners = Listeners::bind(&settings).expect("free ports");
        let app = App::start(settings, listeners, lifecycle.clone()).expect("usable settings");
        let (address, ops) = (app.public_address, app.ops_address);
        let mut running = JoinSet::new();
        running.spawn(app.run_until_stopped());
        Self {
            database,
            client_api,
            lifecycle,
            address,
            ops,
            running,
        }
    }

    /// An active project of these units, asked every second, and its client API.
    pub async fn project(&self, slug: &str, units: &[(&str, &str)]) -> ProjectHandle {
        self.project_with(slug, units, |row| row).await
    }

    /// The same with other columns.
    pub async fn project_with(
        &self,
        slug: &str,
        units: &[(&str, &str)],
        change: impl FnOnce(ProjectRow) -> ProjectRow,
    ) -> ProjectHandle {
        let handle = self.client_api.project(slug);
        handle.set_units(units.iter().copied());
        let row = ProjectRow::named(slug).upstream(self.client_api.base_url(), handle.endpoint());
        self.database.insert_project(change(row)).await;
        handle
    }

    /// An address of the public listener; `path` begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An address of the ops listener; `path` begins with `/`.
    pub fn ops_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.ops)
    }

    /// GET …/status of a project.
    pub async fn status(&self, slug: &str) -> Answer {
        http_get(&self.url(&format!("/api/public/{slug}/status")), &[]).await
    }

    /// POST …/status/refresh of a project.
    pub async fn refresh(&self, slug: &str) -> Answer {
        let url = self.url(&format!("/api/public/{slug}/status/refresh"));
        http_post(&url, &[], b"").await
    }

    /// The address of a project's stream.
    pub fn stream_url(&self, slug: &str) -> String {
        self.url(&format!("/api/public/{slug}/status/stream"))
    }

    /// An open stream of a project.
    pub async fn stream(&self, slug: &str) -> SseClient {
        self.stream_with(slug, "", &[]).await
    }

    /// An open stream with a query (`?…`) and headers.
    pub async fn stream_with(
        &self,
        slug: &str,
        query: &str,
        headers: &[(&str, &str)],
    ) -> SseClient {
        SseClient::connect(&(self.stream_url(slug) + query), headers).await
    }

    /// `/status` of the ops listener.
    pub async fn ops_status(&self) -> Value {
        http_get(&self.ops_url("/status"), &[]).await.json()
    }

    /// One project's entry there; null while the service does not know it.
    pub async fn ops_project(&self, slug: &str) -> Value {
        let status = self.ops_status().await;
        let projects = status["projects"].as_array().expect("a list of projects");
        let found = projects.iter().find(|project| project["slug"] == slug);
        found.cloned().unwrap_or_default()
    }

    /// The value of a counter or gauge as it stands in `/metrics`, labels included.
    pub async fn count(&self, name: &str) -> u64 {
        let answer = http_get(&self.ops_url("/metrics"), &[]).await;
        let mut lines = answer.text().lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no metric {name} in {}", answer.text()));
        value.parse().expect("a whole number")
    }

    /// Waits until a counter has this value.
    pub async fn count_reaches(&self, name: &str, value: u64) {
        let what = format!("{name} reaches {value}");
        wait_until(&what, PATIENCE, async || self.count(name).await >= value).await;
    }

    /// Waits until so many streams are open.
    pub async fn streams_are(&self, wanted: usize) {
        let what = format!("{wanted} streams are open");
        wait_until(&what, PATIENCE, async || {
            self.ops_status().await["streams"] == wanted
        })
        .await;
    }

    /// Ends the service as a signal does and judges what it leaves: exit code 0,
    /// no task, no seat taken, no subscriber.
    pub async fn shutdown(mut self) {
        let tasks = self.lifecycle.tasks();
        // A tracked task is waited for, so the ops listener answers until the look is over.
        let (looked, looking) = oneshot::channel::<()>();
        tasks.spawn_tracked("test.audit", async move { drop(looking.await) });
        self.lifecycle.trigger();
        self.empties().await;
        drop(looked);
        let code = timeout(PATIENCE * 2, self.running.join_next()).await;
        let code = code.unwrap_or_else(|_| panic!("the service does not end: {tasks:?}"));
        let code = code.expect("it was running").expect("it did not panic");
        assert_eq!(code, ExitCode::SUCCESS, "left: {:?}", tasks.running());
        assert!(tasks.running().is_empty(), "left: {:?}", tasks.running());
    }

    /// Waits until nobody watches any more, in either of the two counts.
    async fn empties(&self) {
        wait_until("every seat comes back", PATIENCE, async || {
            let status = self.ops_status().await;
            let projects = status["projects"].as_array().expect("a list of projects");
            let empty = projects.iter().all(|project| project["subscribers"] == 0);
            status["streams"] == 0 && empty
        })
        .await;
    }
}

/// How many sessions of the service wait for a lock in its database.
pub async fn waiting(world: &World) -> i64 {
    let waiting = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = sqlx::query_scalar(waiting);
    let owner = world.database.owner_pool();
    waiting.fetch_one(owner).await.unwrap()
}

fn settings(database_url: &str) -> Settings {
    let mut settings = Settings::default();
    settings.listen.port = 0;
    settings.ops.ops_port = 0;
    settings.database.database_url = database_url.to_owned().into();
    // Many services share one server in a test run.
    settings.database.db_pool_size = 2;
    settings.outbound.upstream_allow_private = true;
    settings.source.settings_reload_seconds = RELOAD;
    settings.shutdown.drain_seconds = Duration::ZERO;
    settings.shutdown.shutdown_seconds = Some(PATIENCE);
    settings
}
