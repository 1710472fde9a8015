//! The connection manager: the maps under one short lock, the gateway outside of it, and figures that follow the maps.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farol_core::sse::EventName;
use serde_json::json;
use service_kit::metrics::Metrics;
use service_kit::telemetry::Throttle;
use tokio::time::Instant;

use crate::batch::{Outgoing, Sent};
use crate::directory::{Connected, Directory, Left, Refused, Sharing};
use crate::error::GatewayError;
use crate::gateway_api::{GatewayApi, Listed};
use crate::identifier::Identifier;
use crate::metrics::{Action, ClientMetrics, Status};
use crate::token::{Instance, Token};

/// The last event of a connection that the backend ends, with `{"reason":…}`.
pub const CONNECTION_CLOSE: EventName = EventName::from_static("connection_close");

/// A gateway that is away fails every send; one line a minute says so.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// Who is connected through the gateway, and the way to them. Clones share everything.
///
/// Callbacks call [`connected`](Self::connected) and [`disconnected`](Self::disconnected), which only look at maps. They
/// must not send from inside: the gateway waits for them. What sends is a future of its own; dropping it leaves the
/// maps as they are.
#[derive(Clone, Debug)]
pub struct ConnectionManager {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    gateway: GatewayApi,
    directory: Mutex<Directory>,
    metrics: ClientMetrics,
    throttle: Throttle,
}

/// What a comparison with the gateway found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// Connections that were forgotten: no gateway holds them open any more.
    pub dropped: usize,
    /// Connections that the gateway holds open and nobody here has heard of: made before this process started, or on
    /// their way in right now. Their address tells where they belong.
    pub strangers: Vec<Listed>,
}

impl ConnectionManager {
    /// Nobody is connected yet. `kinds` are the kinds of identifiers that clients may connect to; `service` is the label
    /// of the figures.
    ///
    /// # Errors
    /// Where the figures are registered already.
    pub fn new(
        gateway: GatewayApi,
        kinds: &[(&str, Sharing)],
        metrics: &Metrics,
        service: &str,
    ) -> prometheus::Result<Self> {
        let shared = Shared {
            gateway,
            directory: Mutex::new(Directory::new(kinds)),
            metrics: ClientMetrics::register(metrics, service)?,
            throttle: Throttle::new(WARN_EVERY, 1),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Takes a connect callback in. The maps are up to date when it returns; a `replaced` one is told afterwards, by
    /// [`close_one`](Self::close_one), from a task of the caller's.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn connected(
        &self,
        identifier: &Identifier,
        token: &Token,
        instance: Option<Instance>,
    ) -> Result<Connected, Refused> {
        let shared = &self.shared;
        let mut directory = shared.lock();
        let before = directory.len();
        let connected = directory.connect(identifier, token, instance);
        let after = directory.len();
        shared.metrics.active(after);
        drop(directory);
        match &connected {
            Ok(connected) => {
                let replaced = usize::from(connected.replaced.is_some());
                // One that was told before, or moved, is no other connection: what came less what left is what is active.
                let new = (after + replaced).saturating_sub(before);
                shared.metrics.count(Action::Connect, new);
                shared.metrics.count(Action::Replace, replaced);
            }
            Err(_) => shared.metrics.count(Action::Refuse, 1),
        }
        tracing::debug!(%identifier, ?token, ?connected, "a client of the gateway connects");
        connected
    }

    /// Takes a disconnect callback in. False, and nothing that is current has changed, where the token is unknown, was
    /// replaced, or its disconnect was told before. `disconnect_id` is the gateway's number of it, for the log.
    pub fn disconnected(&self, token: &Token, disconnect_id: Option<&str>) -> bool {
        let shared = &self.shared;
        let mut directory = shared.lock();
        let left = directory.disconnect(token);
        shared.metrics.active(directory.len());
        drop(directory);
        let action = match left {
            Left::Current => Action::Disconnect,
            Left::Unknown | Left::Duplicate => Action::Stale,
        };
        shared.metrics.count(action, 1);
        tracing::debug!(
            ?token,
            disconnect_id,
            ?left,
            "a client of the gateway disconnects"
        );
        left == Left::Current
    }

    /// Sends an event to everyone under `identifier`, and with `close` ends their connections after it. Whether anybody
    /// got it; nothing is kept and nothing is tried again.
    pub async fn send(
        &self,
        identifier: &Identifier,
        name: &EventName,
        data: &str,
        close: bool,
    ) -> bool {
        let tokens = self.tokens(identifier);
        if tokens.is_empty() {
            self.shared.metrics.sent(Status::NoConnection, 1);
            return false;
        }
        let name = name.as_str();
        self.shared
            .deliver(&tokens, Outgoing { name, data, close })
            .await
    }

    /// The same to one client, current or not.
    pub async fn send_one(&self, token: &Token, name: &EventName, data: &str, close: bool) -> bool {
        let name = name.as_str();
        let tokens = std::slice::from_ref(token);
        self.shared
            .deliver(tokens, Outgoing { name, data, close })
            .await
    }

    /// Says goodbye to everyone under `identifier`: [`CONNECTION_CLOSE`] with the reason, then the end. They stay in the
    /// maps until their disconnects are told.
    pub async fn close(&self, identifier: &Identifier, reason: &str) -> bool {
        self.send(identifier, &CONNECTION_CLOSE, &farewell(reason), true)
            .await
    }

    /// Says goodbye to one client; `replaced` is the reason of one that made room.
    pub async fn close_one(&self, token: &Token, reason: &str) -> bool {
        self.send_one(token, &CONNECTION_CLOSE, &farewell(reason), true)
            .await
    }

    /// Compares with what the gateway holds open: forgets what it does not, and names what only it knows.
    ///
    /// For a backend with one gateway, every now and then: a gateway that died told no disconnects.
    ///
    /// # Errors
    /// [`GatewayError`]; nothing has changed then. A gateway before ours has no such list.
    pub async fn reconcile(&self) -> Result<Reconciled, GatewayError> {
        let shared = &self.shared;
        // Asked before the list: what connects while it is under way is not missing from it.
        let serial = shared.lock().serial();
        let list = shared.gateway.list().await?;
        let listed: HashSet<&Token> = list.connections.iter().map(|it| &it.token).collect();
        let mut directory = shared.lock();
        let dropped =
            directory.forget_unlisted(serial, &list.instance, |token| listed.contains(token));
        shared.metrics.active(directory.len());
        let strangers = list.connections.iter();
        let strangers = strangers.filter(|it| directory.is_stranger(&it.token));
        let strangers = strangers.cloned().collect();
        drop(directory);
        shared.metrics.count(Action::Reconcile, dropped);
        Ok(Reconciled { dropped, strangers })
    }

    /// Who is connected under `identifier`, the longest first.
    pub fn tokens(&self, identifier: &Identifier) -> Vec<Token> {
        self.shared.lock().room(identifier).to_vec()
    }

    /// Everything that somebody is connected to, in no order.
    pub fn identifiers(&self) -> Vec<Identifier> {
        self.shared.lock().identifiers()
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shared {
    /// Held for a few map operations, never across an await. A panic inside would be a defect of ours that left the maps
    /// as they were before or after one operation, so they are used on.
    fn lock(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn deliver(&self, tokens: &[Token], outgoing: Outgoing<'_>) -> bool {
        let started = Instant::now();
        let (outcomes, result) = self.gateway.send(tokens, outgoing).await;
        self.metrics.took(started.elapsed());
        if let Err(error) = result
            && let Some(suppressed) = self.throttle.admit("send")
        {
            tracing::warn!(%error, suppressed, "an event could not be handed to the gateway");
        }
        let of = |sent| outcomes.iter().filter(|outcome| **outcome == sent).count();
        self.metrics.sent(Status::Success, of(Sent::Delivered));
        self.metrics.sent(Status::Error, of(Sent::Failed));
        self.metrics.sent(Status::Gone, of(Sent::Gone));
        let gone = tokens.iter().zip(&outcomes);
        let gone = gone.filter(|(_, outcome)| **outcome == Sent::Gone);
        self.purge(gone.map(|(token, _)| token));
        outcomes.contains(&Sent::Delivered)
    }

    /// What came in its place while the gateway was asked has another token and stays.
    fn purge<'a>(&self, gone: impl Iterator<Item = &'a Token>) {
        let mut directory = self.lock();
        let purged = gone.filter(|token| directory.remove(token)).count();
        self.metrics.active(directory.len());
        drop(directory);
        self.metrics.count(Action::Purge, purged);
    }
}

fn farewell(reason: &str) -> String {
    json!({ "reason": reason }).to_string()
}
