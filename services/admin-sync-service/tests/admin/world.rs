//! One running service with a database and a queue of its own, in the words of the tests. What it leaves behind
//! is judged when a test ends it.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use admin_sync_service::app::{App, Listeners};
use admin_sync_service::settings::Settings;
use serde_json::Value;
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use sqlx::PgPool;
use test_kit::{
    Answer, Database, PATIENCE, Rabbit, http_get, http_request, rabbit_url, wait_until,
};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The operator of every test.
pub const USER: &str = "ana";
/// Her password.
pub const PASSWORD: &str = "s3cret-of-ana";
/// Both as HTTP Basic.
pub const AUTHORIZATION: (&str, &str) = ("authorization", "Basic YW5hOnMzY3JldC1vZi1hbmE=");

/// A running service and the world around it.
pub struct World {
    /// Where runs are.
    pub database: Database,
    /// The broker, as another program sees it.
    pub rabbit: Rabbit,
    /// The queue of this test alone.
    pub queue: String,
    /// The replica that tests talk to.
    pub service: Service,
}

/// One replica.
pub struct Service {
    /// The end of it, for tests about it.
    pub lifecycle: Lifecycle,
    /// The public listener.
    pub address: SocketAddr,
    /// The ops listener.
    pub ops: SocketAddr,
    running: JoinSet<ExitCode>,
}

impl World {
    /// Everything on, nothing scheduled.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::over(Database::fresh().await, change).await
    }

    /// The same over a database that tests have written to.
    pub async fn over(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        let rabbit = Rabbit::connect().await;
        let queue = rabbit.fresh_queue();
        let mut settings = settings(&database, &queue);
        change(&mut settings);
        Self {
            service: Service::start(settings),
            database,
            rabbit,
            queue,
        }
    }

    /// The same by a clock that the test moves. What the database dates goes by its own.
    pub async fn at(clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let (database, rabbit) = (Database::fresh().await, Rabbit::connect().await);
        let queue = rabbit.fresh_queue();
        let mut settings = settings(&database, &queue);
        change(&mut settings);
        Self {
            service: Service::start_at(settings, clock),
            database,
            rabbit,
            queue,
        }
    }

    /// Ends the replica and starts another in its place.
    pub async fn restarted(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.service.shutdown().await;
        let mut settings = settings(&self.database, &self.queue);
        change(&mut settings);
        Self {
            service: Service::start(settings),
            ..self
        }
    }

    /// Another replica over the same database and queue.
    pub fn replica(&self, change: impl FnOnce(&mut Settings)) -> Service {
        let mut settings = settings(&self.database, &self.queue);
        change(&mut settings);
        Service::start(settings)
    }

    /// What the database says, past the service.
    pub fn pool(&self) -> &PgPool {
        self.database.owner_pool()
    }

    /// An address of the public listener; `path` begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address)
    }

    /// GET as the operator.
    pub async fn get(&self, path: &str) -> Answer {
        http_get(&self.url(path), &[AUTHORIZATION]).await
    }

    /// POST of JSON as the operator.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body.to_string().as_bytes()).await
    }

    /// POST of anything as the operator, with more headers.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut all = vec![AUTHORIZATION, ("content-type", "application/json")];
        all.extend(headers);
        http_request("POST", &self.url(path), &all, body).await
    }

    /// Waits until the service says that it is ready.
    pub async fn ready(&self) {
        self.service.ready().await;
    }

    /// Ends the service as a signal does and judges what it leaves: exit code 0, no task.
    pub async fn shutdown(self) {
        self.service.shutdown().await;
    }
}

impl Service {
    fn start(settings: Settings) -> Self {
        Self::start_at(settings, Clock::system())
    }

    fn start_at(settings: Settings, clock: Clock) -> Self {
        let lifecycle = Lifecycle::new(clock);
        let listeners = Listeners::bind(&settings).expect("free ports");
        let app = App::start(settings, listeners, lifecycle.clone()).expect("usable settings");
        let (address, ops) = (app.public_address, app.ops_address);
        let mut running = JoinSet::new();
        running.spawn(app.run_until_stopped());
        Self {
            lifecycle,
            address,
            ops,
            running,
        }
    }

    /// An address of the ops listener; `path` begins with `/`.
    pub fn ops_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.ops)
    }

    /// The value of a counter or gauge as it stands in `/metrics`, labels included.
    pub async fn metric(&self, name: &str) -> f64 {
        let answer = http_get(&self.ops_url("/metrics"), &[]).await;
        let mut lines = answer.text().lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no metric {name} in {}", answer.text()));
        value.parse().expect("a number")
    }

    /// Waits until it says that it is ready.
    pub async fn ready(&self) {
        wait_until("the service is ready", PATIENCE, async || {
            let answer = http_get(&self.ops_url("/health/ready"), &[]).await;
            answer.status() == 200
        })
        .await;
    }

    /// Ends it as a signal does: exit code 0, no task left.
    pub async fn shutdown(mut self) {
        let tasks = self.lifecycle.tasks();
        self.lifecycle.trigger();
        let code = timeout(PATIENCE * 2, self.running.join_next()).await;
        let code = code.unwrap_or_else(|_| panic!("the service does not end: {tasks:?}"));
        let code = code.expect("it was running").expect("it did not panic");
        assert_eq!(code, ExitCode::SUCCESS, "left: {:?}", tasks.running());
        assert!(tasks.running().is_empty(), "left: {:?}", tasks.running());
    }
}

/// What every test starts from: quick looks, no schedule, no alert.
pub fn settings(database: &Database, queue: &str) -> Settings {
    let mut settings = Settings::default();
    settings.listen.port = 0;
    settings.ops.ops_port = 0;
    settings.access.admin_username = Some(USER.to_owned());
    settings.access.admin_password = Some(PASSWORD.to_owned().into());
    settings.database.database_url = database.admin_url().into();
    // Many services share one server in a test run.
    settings.database.db_pool_size = 4;
    settings.broker.rabbitmq_url = rabbit_url().into();
    queue.clone_into(&mut settings.queue.queue_name);
    settings.sync.sync_interval_minutes = 0;
    // Nobody's: the gateway of an `up` beside the tests would have viewers of its own to tell of.
    settings.stream.sse_gateway_url = "http://127.0.0.1:1".parse().expect("an address");
    // On a busy machine a confirm may take longer than an operator would wait.
    settings.sync.dispatch_wait_ms = PATIENCE;
    settings.keeper.keeper_tick_ms = Duration::from_millis(100);
    settings.alert.alert_no_update_minutes = 0;
    settings.shutdown.drain_seconds = Duration::ZERO;
    settings.shutdown.shutdown_seconds = Some(PATIENCE);
    settings
}
