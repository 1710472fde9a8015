//! A manager before a scripted gateway, and its figures as `/metrics` shows them.

use gateway_client::{ConnectionManager, GatewayApi, Identifier, Sharing, Token};
use service_kit::{COMMIT, VERSION, metrics::Metrics};

use crate::gateway::ScriptedGateway;

/// Small enough to be reached in a test.
pub(crate) const MOST_VIEWERS: usize = 3;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) manager: ConnectionManager,
    metrics: Metrics,
}

/// `/metrics` as text.
#[derive(Debug)]
pub(crate) struct Figures(String);

impl World {
    pub(crate) fn before(gateway: &ScriptedGateway) -> Self {
        Self::with(GatewayApi::new(gateway.url(), None).unwrap(), MOST_VIEWERS)
    }

    pub(crate) fn with(gateway: GatewayApi, most: usize) -> Self {
        let metrics = Metrics::new("test", VERSION, COMMIT).unwrap();
        let kinds = [
            ("task", Sharing::Shared { most }),
            ("version", Sharing::Single),
        ];
        let manager = ConnectionManager::new(gateway, &kinds, &metrics, "test").unwrap();
        Self { manager, metrics }
    }

    /// Connects, which must be taken in.
    pub(crate) fn connect(&self, identifier: &str, token_text: &str) {
        let connected = self
            .manager
            .connected(&named(identifier), &token(token_text), None);
        connected.unwrap();
    }

    pub(crate) fn tokens(&self, identifier: &str) -> Vec<Token> {
        self.manager.tokens(&named(identifier))
    }

    /// All of them at one moment.
    pub(crate) fn figures(&self) -> Figures {
        Figures(self.metrics.render())
    }

    pub(crate) fn active(&self) -> u64 {
        self.figures().active()
    }

    pub(crate) fn connections(&self, action: &str) -> u64 {
        self.figures().connections(action)
    }

    pub(crate) fn events(&self, status: &str) -> u64 {
        self.figures().events(status)
    }
}

impl Figures {
    pub(crate) fn active(&self) -> u64 {
        self.figure(r#"sse_gateway_active_connections{service="test"}"#)
    }

    pub(crate) fn connections(&self, action: &str) -> u64 {
        let labels = format!(r#"{{action="{action}",service="test"}}"#);
        self.figure(&format!("sse_gateway_connections_total{labels}"))
    }

    pub(crate) fn events(&self, status: &str) -> u64 {
        let labels = format!(r#"{{service="test",status="{status}"}}"#);
        self.figure(&format!("sse_gateway_events_sent_total{labels}"))
    }

    /// Calls of the gateway that were timed.
    pub(crate) fn calls(&self) -> u64 {
        self.figure(r#"sse_gateway_send_duration_seconds_count{service="test"}"#)
    }

    fn figure(&self, name: &str) -> u64 {
        let text = &self.0;
        let lines = &mut text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("{name} in {text}"));
        value.parse().unwrap()
    }
}

pub(crate) fn named(text: &str) -> Identifier {
    Identifier::parse(text).unwrap()
}

pub(crate) fn token(text: &str) -> Token {
    Token::parse(text).unwrap()
}

pub(crate) fn all(texts: &[&str]) -> Vec<Token> {
    texts.iter().map(|text| token(text)).collect()
}
