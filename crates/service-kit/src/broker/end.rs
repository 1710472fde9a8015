//! One end as its operators see it: reachable or not, since when and why. Logs, latch and gauge change together.

use std::sync::atomic::{AtomicBool, Ordering};

use lapin::uri::AMQPUri;

use super::{BrokerMetrics, BrokerSettings, Link, UnusableAddress};
use crate::{lifecycle::Latch, random::Random};

/// What the supervisor, the line and the handles of one end share. Not `Debug`: the address holds the password.
pub(super) struct End {
    /// `publisher` or `consumer`: the label of its figures.
    kind: &'static str,
    /// What RabbitMQ shows as the connection's name.
    pub(super) name: &'static str,
    pub(super) address: AMQPUri,
    pub(super) random: Random,
    pub(super) metrics: BrokerMetrics,
    /// `None`: it comes and goes, and nobody is told.
    latch: Option<Latch>,
    up: AtomicBool,
    was_up: AtomicBool,
}

impl End {
    pub(super) fn new(
        kind: &'static str,
        name: &'static str,
        settings: &BrokerSettings,
        link: &Link,
    ) -> Result<Self, UnusableAddress> {
        link.metrics.announce(kind);
        Ok(Self {
            kind,
            name,
            address: settings.address()?,
            random: link.random.clone(),
            metrics: link.metrics.clone(),
            latch: Some(link.latch.clone()),
            up: AtomicBool::new(false),
            was_up: AtomicBool::new(false),
        })
    }

    /// The same broker, for somebody who comes and goes: what becomes of it is told to whoever asks, and to nobody else.
    pub(super) fn apart(&self, name: &'static str) -> Self {
        Self {
            kind: "shelf",
            name,
            address: self.address.clone(),
            random: self.random.clone(),
            metrics: self.metrics.clone(),
            latch: None,
            up: AtomicBool::new(false),
            was_up: AtomicBool::new(false),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    pub(super) fn set_up(&self) {
        let Some(latch) = &self.latch else { return };
        if !self.up.swap(true, Ordering::Relaxed) {
            self.metrics.set_connected(self.kind, true);
            if self.was_up.swap(true, Ordering::Relaxed) {
                self.metrics.reconnected(self.kind);
            }
        }
        latch.ready();
    }

    /// `why` is shown to operators; repeated ones are logged once by the latch.
    pub(super) fn set_down(&self, why: impl Into<String>) {
        let Some(latch) = &self.latch else { return };
        self.up.store(false, Ordering::Relaxed);
        self.metrics.set_connected(self.kind, false);
        latch.not_ready(why);
    }
}
