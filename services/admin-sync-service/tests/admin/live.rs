//! A service behind a real gateway, and streams through it.

use std::time::Duration;

use admin_sync_service::settings::Settings;
use serde_json::Value;
use service_kit::settings::Url;
use test_kit::{PATIENCE, Received, ServiceProcess, SseClient, free_port, http_get, wait_until};

use crate::world::World;

/// What callbacks must carry.
pub const SECRET: &str = "s3cret-of-gateway";
const ACTIVE: &str = r#"sse_gateway_active_connections{service="admin-sync-service"}"#;

/// The service, its gateway, and where both are.
pub struct Live {
    /// The service.
    pub world: World,
    /// Its gateway.
    pub gateway: ServiceProcess,
    ports: Ports,
}

/// Both need to know the other's, and keep theirs over a restart.
#[derive(Clone, Copy)]
struct Ports {
    service: u16,
    gateway: u16,
}

impl Live {
    /// Everything up; the gateway answers.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let ports = Ports {
            service: free_port(),
            gateway: free_port(),
        };
        let gateway = ports.gateway().await;
        let world = World::with(|settings| {
            ports.wire(settings);
            change(settings);
        })
        .await;
        world.ready().await;
        Self {
            world,
            gateway,
            ports,
        }
    }

    /// A stream through the gateway; `path` begins with `/`.
    pub async fn open(&self, path: &str) -> SseClient {
        let url = format!("http://127.0.0.1:{}{path}", self.ports.gateway);
        let mut stream = SseClient::connect(&url, &[]).await;
        let opened = stream.expect("connection_open").await;
        assert_eq!(opened.data, r#"{"status": "connected"}"#);
        stream
    }

    /// The stream of a run.
    pub async fn watch(&self, run: i32) -> SseClient {
        let task = self.task(run).await;
        self.open(&format!("/api/sse/tasks?task_id={task}")).await
    }

    /// The name of a run on streams.
    pub async fn task(&self, run: i32) -> String {
        let row = self.world.row(run).await;
        row["task_id"].as_str().unwrap().to_owned()
    }

    /// Waits until so many connections are current.
    pub async fn connections_are(&self, wanted: u32) {
        let what = format!("{wanted} connections are current");
        wait_until(&what, PATIENCE, async || {
            (self.world.service.metric(ACTIVE).await - f64::from(wanted)).abs() < 0.5
        })
        .await;
    }

    /// Waits until the check of the gateway has this status; the whole answer's status code.
    pub async fn gateway_check_is(&self, status: &str) -> u16 {
        let url = self.world.service.ops_url("/health/ready");
        let what = format!("the gateway is {status}");
        wait_until(&what, PATIENCE, async || {
            let report = http_get(&url, &[]).await.json();
            report["checks"]["sse_gateway"]["status"] == status
        })
        .await;
        http_get(&url, &[]).await.status()
    }

    /// Another gateway in place of the one that was killed.
    pub async fn start_gateway(&mut self) {
        self.gateway = self.ports.gateway().await;
    }

    /// The service ends and another starts in its place.
    pub async fn restart_service(self) -> Self {
        let ports = self.ports;
        let world = self.world.restarted(|settings| ports.wire(settings)).await;
        world.ready().await;
        Self { world, ..self }
    }

    /// A worker takes a queued run.
    pub async fn claim(&self, run: i32) {
        let taken = format!(
            "UPDATE sync_executions SET state = 'running', worker = 'w', lease_token = gen_random_uuid(),
                 lease_until = now() + interval '10 minutes', started_at = now() WHERE id = {run}"
        );
        self.world.sql(&taken).await;
    }

    /// A run has read so many of its pages, and saved so many records.
    pub async fn progress(&self, run: i32, done: i32, total: i32, records: i32) {
        let segment = format!(
            "INSERT INTO sync_segments (execution_id, endpoint, modalidade, day_from, day_to, cut_from, cut_to,
                 state, pages_done, pages_total)
             VALUES ({run}, 'atualizacao', 1, '2025-07-10', '2025-07-10', '2025-07-10T03:00Z', '2025-07-11T03:00Z',
                 'running', {done}, {total})
             ON CONFLICT (execution_id, endpoint, modalidade, day_from) DO UPDATE SET pages_done = {done}, pages_total = {total}"
        );
        self.world.sql(&segment).await;
        self.saved(run, records).await;
    }

    /// A run has saved so many records.
    pub async fn saved(&self, run: i32, records: i32) {
        let row = format!(
            "UPDATE sync_executions SET records_processed = {records}, progress_at = clock_timestamp() WHERE id = {run}"
        );
        self.world.sql(&row).await;
    }

    /// A run ends in this state.
    pub async fn end(&self, run: i32, state: &str) {
        let ended = format!(
            "UPDATE sync_executions SET state = '{state}', lease_token = NULL, lease_until = NULL,
                 finished_at = now(), duration_seconds = 12.5 WHERE id = {run}"
        );
        self.world.sql(&ended).await;
    }

    /// Ends the service and judges it; the gateway ends with its value.
    pub async fn shutdown(self) {
        self.world.shutdown().await;
    }
}

impl Ports {
    fn wire(self, settings: &mut Settings) {
        settings.listen.port = self.service;
        let gateway = format!("http://127.0.0.1:{}", self.gateway);
        settings.stream.sse_gateway_url = Url::parse(&gateway).unwrap();
        settings.stream.sse_callback_secret = Some(SECRET.to_owned().into());
        settings.stream.sse_check_ms = Duration::from_millis(100);
    }

    async fn gateway(self) -> ServiceProcess {
        let callback = format!(
            "http://127.0.0.1:{}/api/sse/callback?secret={SECRET}",
            self.service
        );
        let environment = [
            ("HOST", "127.0.0.1"),
            ("PORT", &self.gateway.to_string()),
            ("OPS_PORT", "0"),
            ("DRAIN_SECONDS", "0"),
            ("CALLBACK_URL", &callback),
        ];
        let gateway = ServiceProcess::spawn("sse-gateway", &environment);
        gateway.address("public").await;
        gateway
    }
}

/// The data of the next `task_event`, which must be of this type.
pub async fn told(stream: &mut SseClient, kind: &str) -> Value {
    let event = stream.expect("task_event").await.json();
    assert_eq!(event["event_type"], kind, "{event}");
    assert!(event["timestamp"].is_string(), "{event}");
    event["data"].clone()
}

/// Reads on until a `progress_update` is like this; its data.
pub async fn told_until(stream: &mut SseClient, like: impl Fn(&Value) -> bool) -> Value {
    loop {
        let data = told(stream, "progress_update").await;
        if like(&data) {
            return data;
        }
    }
}

/// The stream says goodbye with this reason, and ends.
pub async fn closed(stream: &mut SseClient, reason: &str) {
    let goodbye = stream.expect("connection_close").await;
    assert_eq!(goodbye.json(), serde_json::json!({ "reason": reason }));
    let left: Vec<Received> = stream.read_to_end().await;
    assert_eq!(left, []);
    assert!(!stream.cut_short());
}
