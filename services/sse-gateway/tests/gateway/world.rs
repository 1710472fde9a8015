//! One running gateway with a backend of its own, in the words of the tests. What it leaves behind is judged when a
//! test ends it.

use std::net::SocketAddr;
use std::process::ExitCode;

use serde_json::{Value, json};
use service_kit::clock::Clock;
use service_kit::lifecycle::Lifecycle;
use sse_gateway::app::{App, Listeners};
use sse_gateway::settings::Settings;
use test_kit::{Answer, PATIENCE, SseClient, http_get, http_post, wait_until};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::backend::Backend;

/// A running gateway and the backend behind it.
pub struct World {
    pub backend: Backend,
    /// The end of the gateway, for tests about it.
    pub lifecycle: Lifecycle,
    pub address: SocketAddr,
    pub internal: SocketAddr,
    pub ops: SocketAddr,
    running: JoinSet<ExitCode>,
}

impl World {
    /// The defaults, but for what no test can wait for.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let backend = Backend::start().await;
        let mut settings = Settings::default();
        settings.listen.host = [127, 0, 0, 1].into();
        settings.listen.port = 0;
        settings.ops.ops_port = 0;
        let url = format!("http://{}/callback?secret=s3cret", backend.address);
        settings.callback.callback_url = Some(url.into());
        settings.callback.callback_retry_ms = std::time::Duration::from_millis(5);
        settings.shutdown.drain_seconds = std::time::Duration::from_secs(1);
        change(&mut settings);
        let lifecycle = Lifecycle::new(Clock::system());
        let listeners = Listeners::bind(&settings).expect("free ports");
        let app = App::start(settings, listeners, lifecycle.clone()).expect("usable settings");
        let (address, internal, ops) = (app.public_address, app.internal_address, app.ops_address);
        let mut running = JoinSet::new();
        running.spawn(app.run_until_stopped());
        Self {
            backend,
            lifecycle,
            address,
            internal,
            ops,
            running,
        }
    }

    /// An address of the public listener; `path` begins with `/`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Answer {
        http_get(&self.url(path), &[]).await
    }

    /// An open stream and its token.
    pub async fn stream(&self, path: &str) -> (SseClient, String) {
        let known = self.backend.calls_of("connect").len();
        let stream = SseClient::connect(&self.url(path), &[]).await;
        let calls = self.backend.wait_for("connect", known + 1).await;
        let mut ours = calls.iter().skip(known).filter(|call| call.url() == path);
        (stream, ours.next().expect("its connect").token())
    }

    /// POST /internal/send.
    pub async fn post(&self, body: &str) -> Answer {
        let url = format!("http://{}/internal/send", self.internal);
        http_post(
            &url,
            &[("content-type", "application/json")],
            body.as_bytes(),
        )
        .await
    }

    /// Sends an event, which must be taken.
    pub async fn send(&self, token: &str, name: &str, data: &str) {
        let body = json!({"token": token, "event": {"name": name, "data": data}});
        let answer = self.post(&body.to_string()).await;
        assert_eq!(
            (answer.status(), answer.json()),
            (200, json!({"status": "ok"}))
        );
    }

    /// Closes a stream from our side; gives the status.
    pub async fn close(&self, token: &str) -> u16 {
        let body = json!({"token": token, "close": true});
        self.post(&body.to_string()).await.status()
    }

    /// The tokens that the gateway holds.
    pub async fn tokens(&self) -> Vec<String> {
        let url = format!("http://{}/internal/connections", self.internal);
        let listed = http_get(&url, &[]).await.json();
        let listed = listed["connections"].as_array().unwrap().clone();
        let token = |entry: &Value| entry["token"].as_str().unwrap().to_owned();
        listed.iter().map(token).collect()
    }

    /// Waits until the gateway holds so many connections.
    pub async fn holds(&self, count: usize) {
        let what = format!("{count} connections");
        wait_until(&what, PATIENCE, async || self.tokens().await.len() == count).await;
    }

    /// A figure of `/metrics`.
    pub async fn metric(&self, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.ops);
        let printed = http_get(&url, &[]).await;
        let mut lines = printed.text().lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
    }

    /// Waits until the backend has taken every disconnect, so that nothing more will come.
    pub async fn all_told(&self) {
        wait_until("all is told", PATIENCE, async || {
            let url = format!("http://{}/status", self.ops);
            let status = http_get(&url, &[]).await.json();
            status["disconnects_pending"] == 0
                && status["connections"] == 0
                && status["connecting"] == 0
        })
        .await;
    }

    /// Ends the gateway, which must have nothing left to do.
    pub async fn shutdown(self) {
        assert_eq!(self.stop().await, ExitCode::SUCCESS);
    }

    /// Ends the gateway; gives its exit code.
    pub async fn stop(mut self) -> ExitCode {
        if !self.lifecycle.stopping().is_cancelled() {
            self.lifecycle.trigger();
        }
        self.exit().await
    }

    /// The exit code, when it has ended.
    pub async fn exit(&mut self) -> ExitCode {
        let ended = timeout(PATIENCE, self.running.join_next()).await;
        ended.expect("it ends").expect("it runs").expect("no panic")
    }
}

/// Status and code of an error of the contract.
pub fn judge(answer: &Answer, status: u16, code: &str) {
    let json = answer.json();
    assert_eq!(answer.status(), status, "{json}");
    assert_eq!(json["error"]["code"], code);
    assert!(json["error"]["message"].is_string(), "{json}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
