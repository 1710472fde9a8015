//! One running service with a database of its own, in the words of the tests. What it leaves behind is judged when a
//! test ends it.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPool};
use telemetry_service::app::{App, Listeners};
use telemetry_service::settings::Settings;
use test_kit::{ChaosProxy, Database, PATIENCE, WsClient, hs256_token, http_get, wait_until};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ground::pool;

/// What tokens of these tests are signed with.
pub const SECRET: &str = "a secret of tests, 32 bytes and more";
/// Between two polls where a test is about polls.
pub const POLL: Duration = Duration::from_secs(1);

/// A running service and the world around it.
pub struct World {
    /// Where the rows are.
    pub database: Database,
    /// As devices write.
    pub devices: PgPool,
    /// The end of the service.
    pub lifecycle: Lifecycle,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where operators connect.
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

    /// The same, with a way to the database that can be cut.
    pub async fn with_cuttable_database(change: impl FnOnce(&mut Settings)) -> (Self, ChaosProxy) {
        let database = Database::fresh().await;
        let direct: PgConnectOptions = database.telemetry_url().parse().unwrap();
        let proxy = ChaosProxy::to(format!("{}:{}", direct.get_host(), direct.get_port())).await;
        let address = proxy.address();
        let through = direct.host(&address.ip().to_string()).port(address.port());
        let world = Self::over(database, |settings| {
            settings.database.database_url = through.to_url_lossy().to_string().into();
            change(settings);
        });
        (world, proxy)
    }

    /// Over a database of the caller's.
    pub fn over(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = settings(&database.telemetry_url());
        change(&mut settings);
        let lifecycle = Lifecycle::new(Clock::system());
        let listeners = Listeners::bind(&settings).expect("free ports");
        let app = App::start(settings, listeners, lifecycle.clone()).expect("usable settings");
        let (address, ops) = (app.public_address, app.ops_address);
        let mut running = JoinSet::new();
        running.spawn(app.run_until_stopped());
        Self {
            devices: pool(&database.devices_url()),
            database,
            lifecycle,
            address,
            ops,
            running,
        }
    }

    /// An address of the public listener; `path` begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An address of the ops listener; `path` begins with `/`.
    pub fn ops_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.ops)
    }

    /// The address of the WebSocket with a query (`?…`).
    pub fn ws_url(&self, query: &str) -> String {
        self.url(&format!("/api/v2/ws{query}"))
    }

    /// A socket of a tenant.
    pub async fn socket(&self, tenant: &str) -> WsClient {
        self.socket_with(&format!("?token={}", token_of(tenant)))
            .await
    }

    /// A socket with this query.
    pub async fn socket_with(&self, query: &str) -> WsClient {
        WsClient::connect(&self.ws_url(query), &[]).await
    }

    /// A device measures.
    pub async fn reading(&self, tenant: &str, device: &str, seq: i64, metrics: Value) {
        let insert =
            "INSERT INTO telemetry (time, tenant_id, device_id, site_id, msg_type, seq, metrics)
             VALUES (clock_timestamp(), $1, $2, 'site-1', 'telemetry', $3, $4)";
        let insert = sqlx::query(insert)
            .bind(tenant)
            .bind(device)
            .bind(seq)
            .bind(metrics);
        insert.execute(&self.devices).await.unwrap();
    }

    /// An alert opens; its id.
    pub async fn alert(&self, tenant: &str, fingerprint: &str, severity: i32) -> i64 {
        let insert = "INSERT INTO fleet_alert (tenant_id, device_id, alert_type, fingerprint, severity, summary)
             VALUES ($1, 'dev-0001', 'HOT', $2, $3, 'Too hot') RETURNING id";
        let insert = sqlx::query_scalar(insert)
            .bind(tenant)
            .bind(fingerprint)
            .bind(severity);
        insert.fetch_one(&self.devices).await.unwrap()
    }

    /// A column of an alert changes.
    pub async fn alert_becomes(&self, id: i64, status: &str, severity: i32) {
        let update = "UPDATE fleet_alert SET status = $2, severity = $3 WHERE id = $1";
        let update = sqlx::query(update).bind(id).bind(status).bind(severity);
        update.execute(&self.devices).await.unwrap();
    }

    /// `/status` of the ops listener.
    pub async fn status(&self) -> Value {
        http_get(&self.ops_url("/status"), &[]).await.json()
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

    /// Queries that were made for viewers, of both kinds.
    pub async fn queries(&self) -> u64 {
        let mut all = 0;
        for kind in ["telemetry", "alerts"] {
            for outcome in ["ok", "failed"] {
                let name =
                    format!("telemetry_queries_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}");
                all += self.count(&name).await;
            }
        }
        all
    }

    /// Waits until hints of the database are heard, so that what is committed is pushed at once.
    pub async fn hears(&self) {
        wait_until("hints are heard", PATIENCE, async || {
            self.status().await["hints"]["listening"] == true
        })
        .await;
    }

    /// Waits until so many sockets are open.
    pub async fn sockets_are(&self, wanted: u64) {
        let what = format!("{wanted} sockets are open");
        wait_until(&what, PATIENCE, async || {
            self.count("telemetry_sockets_open").await == wanted
        })
        .await;
    }

    /// Ends the service as a signal does and judges what it leaves: exit code 0, no task, no seat taken, no feed.
    pub async fn shutdown(mut self) {
        let tasks = self.lifecycle.tasks();
        // A tracked task is waited for, so the ops listener answers until the look is over.
        let (looked, looking) = oneshot::channel::<()>();
        tasks.spawn_tracked("test.audit", async move { drop(looking.await) });
        self.lifecycle.trigger();
        wait_until(
            "every seat and every feed comes back",
            PATIENCE,
            async || {
                let status = self.status().await;
                status["sockets"] == 0 && status["tenants"] == json!({})
            },
        )
        .await;
        assert_eq!(self.count("telemetry_sockets_open").await, 0);
        assert_eq!(self.count("telemetry_poller_restarts_total").await, 0);
        drop(looked);
        let code = timeout(PATIENCE * 2, self.running.join_next()).await;
        let code = code.unwrap_or_else(|_| panic!("the service does not end: {tasks:?}"));
        let code = code.expect("it was running").expect("it did not panic");
        assert_eq!(code, ExitCode::SUCCESS, "left: {:?}", tasks.running());
        assert!(tasks.running().is_empty(), "left: {:?}", tasks.running());
    }
}

/// Claims of a customer of a tenant that end so many seconds from now.
pub fn claims(tenant: &str, seconds: i64) -> Value {
    json!({
        "sub": "somebody", "aud": "pulse-ui", "tenant_id": tenant, "role": "customer_admin",
        "exp": Clock::system().now().timestamp() + seconds,
    })
}

/// A token over any claims.
pub fn signed(claims: &Value) -> String {
    hs256_token(SECRET, claims)
}

/// A good token of a customer of a tenant.
pub fn token_of(tenant: &str) -> String {
    signed(&claims(tenant, 3600))
}

/// What subscribes to a device.
pub fn subscribe(device: &str) -> Value {
    json!({"action": "subscribe", "type": "device", "device_id": device})
}

/// What subscribes to alerts.
pub fn subscribe_alerts() -> Value {
    json!({"action": "subscribe", "type": "alerts"})
}

fn settings(database_url: &str) -> Settings {
    let mut settings = Settings::default();
    settings.listen.port = 0;
    settings.ops.ops_port = 0;
    settings.database.database_url = database_url.to_owned().into();
    settings.identity.jwt_hs256_secret = Some(SECRET.to_owned().into());
    // Many services share one server in a test run.
    settings.database.db_pool_size = 3;
    settings.feed.ws_poll_seconds = POLL;
    settings.shutdown.drain_seconds = Duration::ZERO;
    settings.shutdown.shutdown_seconds = Some(PATIENCE);
    settings
}
