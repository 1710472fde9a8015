//! All sessions of this process: the verbs that the outside has, and what each step of a connection entails.

use std::sync::Arc;
use std::time::Duration;

use service_kit::clock::Clock;
use service_kit::lifecycle::{Lifecycle, Tasks};
use service_kit::random::Random;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connect::Refusal;
use super::connection::{Connection, Reason, Sent, Step, Wire};
use super::disconnect::Farewell;
use super::forwarded::{Forwarded, Instance};
use super::order::{Order, Style};
use super::outbox::Line;
use super::registry::Registry;
use crate::infra::backend_api::BackendApi;
use crate::metrics::GatewayMetrics;

/// Disconnects that are told at the same time.
const DISCONNECTS_AT_ONCE: usize = 256;

/// What bounds sessions.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A client waits so long for the backend.
    pub timeout: Duration,
    /// A connect is waited for so long.
    pub settle: Duration,
    /// A disconnect is told for so long.
    pub retry_for: Duration,
    /// The first pause before it is told again.
    pub retry_pause: Duration,
    /// Bytes that a client may let pile up.
    pub send_buffer: usize,
    /// Open and opening streams.
    pub most: usize,
    /// After a stop a connect is waited for so long.
    pub drain: Duration,
}

/// All sessions of this process.
pub struct Sessions {
    /// Their bounds.
    pub limits: Limits,
    /// How events are written.
    pub style: Style,
    /// This run.
    pub instance: Instance,
    pub(super) backend: BackendApi,
    pub(super) metrics: GatewayMetrics,
    pub(super) random: Random,
    pub(super) turns: Semaphore,
    pub(super) stopping: CancellationToken,
    registry: Registry,
    tasks: Tasks,
    clock: Clock,
}

impl Sessions {
    pub fn new(
        backend: BackendApi,
        style: Style,
        limits: Limits,
        metrics: GatewayMetrics,
        lifecycle: &Lifecycle,
    ) -> Self {
        let clock = Clock::system();
        Self {
            registry: Registry::new(limits.most),
            instance: Instance::new(clock.now()),
            turns: Semaphore::new(DISCONNECTS_AT_ONCE),
            random: Random::system(),
            limits,
            style,
            backend,
            metrics,
            tasks: lifecycle.tasks(),
            stopping: lifecycle.stopping(),
            clock,
        }
    }

    /// Registers a client and calls the backend, in this order: a send during the callback must find it.
    ///
    /// # Errors
    /// [`Refusal::NotConfigured`], [`Refusal::Full`].
    pub fn begin(
        self: &Arc<Self>,
        request: Forwarded,
        line: Line,
        chunked: bool,
    ) -> Result<Arc<Connection>, Refusal> {
        if !self.backend.is_configured() {
            self.metrics.connected("not_configured");
            return Err(Refusal::NotConfigured);
        }
        let wire = Wire {
            line,
            chunked,
            most: self.limits.send_buffer,
        };
        let meters = self.metrics.meters();
        let connection = Arc::new(Connection::new(request, self.clock.now(), wire, meters));
        if self.is_full() || self.registry.insert(&connection).is_err() {
            self.metrics.connected("full");
            return Err(Refusal::Full);
        }
        self.metrics.connects_pending.inc();
        let call = Arc::clone(self).call(Arc::clone(&connection));
        self.tasks.spawn_tracked("session.connect", Box::pin(call));
        Ok(connection)
    }

    /// Follows an order of the backend.
    pub fn send(self: &Arc<Self>, order: Order, since: Instant) -> Sent {
        let connection = order.token.and_then(|token| self.registry.get(token));
        let sent = connection.map_or(Sent::Gone, |connection| {
            let (sent, step) = connection.send(order, since);
            self.follow(&connection, step);
            sent
        });
        self.metrics.sent(sent);
        sent
    }

    /// Ends a connection, unless it has ended.
    pub fn end(self: &Arc<Self>, connection: &Connection, reason: Reason) {
        self.follow(connection, connection.end(reason));
    }

    /// Does what a step of `connection` entails.
    pub fn follow(self: &Arc<Self>, connection: &Connection, step: Step) {
        if let Some(reason) = step.ended
            && self.registry.remove(connection.token)
        {
            tracing::debug!(token = %connection.token, reason = reason.as_str(), "ended");
        }
        if let Some(reason) = step.tell {
            self.metrics.disconnected(reason);
            self.metrics.disconnects_pending.inc();
            let farewell = Farewell {
                token: connection.token,
                request: connection.request.clone(),
                reason,
            };
            let tell = Arc::clone(self).tell(farewell);
            self.tasks
                .spawn_tracked("session.disconnect", Box::pin(tell));
        }
    }

    /// Everyone who is here.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.registry.all()
    }

    /// How many are here.
    pub fn len(&self) -> usize {
        self.registry.len()
    }

    /// Whether there is a backend.
    pub fn is_configured(&self) -> bool {
        self.backend.is_configured()
    }

    /// Connects that are not settled.
    pub fn unsettled(&self) -> usize {
        counted(&self.metrics.connects_pending)
    }

    /// Disconnects that nobody has taken yet.
    pub fn untold(&self) -> usize {
        counted(&self.metrics.disconnects_pending)
    }

    /// A backend that takes no disconnects must not let them pile up without bound: no new streams then.
    fn is_full(&self) -> bool {
        self.untold() >= self.limits.most
    }
}

fn counted(gauge: &prometheus::IntGauge) -> usize {
    usize::try_from(gauge.get()).unwrap_or(0)
}
