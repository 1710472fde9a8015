//! The figures of both ends, under the prefix of their service.

use prometheus::{IntCounter, IntCounterVec, IntGaugeVec};

use super::PublishError;
use crate::metrics::Metrics;

/// `<prefix>_broker_…`. Clones share the figures.
#[derive(Clone, Debug)]
pub struct BrokerMetrics {
    connected: IntGaugeVec,
    reconnects: IntCounterVec,
    publishes: IntCounterVec,
    acks_lost: IntCounter,
}

impl BrokerMetrics {
    /// Registers `<prefix>_broker_connected{end}`, `<prefix>_broker_reconnects_total{end}`,
    /// `<prefix>_broker_publishes_total{outcome}` and `<prefix>_broker_acks_lost_total`; ends are `publisher` and
    /// `consumer`.
    ///
    /// # Errors
    /// Where the registry refuses a name.
    pub fn register(metrics: &Metrics, prefix: &str) -> prometheus::Result<Self> {
        let name = |what: &str| format!("{prefix}_broker_{what}");
        let publishes = metrics.counter_vec(
            &name("publishes_total"),
            "Messages handed to RabbitMQ, by what became of them.",
            &["outcome"],
        )?;
        for outcome in ["confirmed", "away", "unroutable", "refused", "unknown"] {
            publishes.with_label_values(&[outcome]);
        }
        Ok(Self {
            connected: metrics.gauge_vec(
                &name("connected"),
                "1 while this end has an open channel to RabbitMQ.",
                &["end"],
            )?,
            reconnects: metrics.counter_vec(
                &name("reconnects_total"),
                "How often this end came back after its channel or connection was lost.",
                &["end"],
            )?,
            publishes,
            acks_lost: metrics.counter(
                &name("acks_lost_total"),
                "Acknowledgements whose channel was gone: RabbitMQ delivers the message again.",
            )?,
        })
    }

    pub(super) fn announce(&self, end: &str) {
        self.connected.with_label_values(&[end]).set(0);
        self.reconnects.with_label_values(&[end]);
    }

    pub(super) fn set_connected(&self, end: &str, connected: bool) {
        let gauge = self.connected.with_label_values(&[end]);
        gauge.set(i64::from(connected));
    }

    pub(super) fn reconnected(&self, end: &str) {
        self.reconnects.with_label_values(&[end]).inc();
    }

    pub(super) fn published(&self, outcome: Result<(), PublishError>) {
        let label = match outcome {
            Ok(()) => "confirmed",
            Err(PublishError::Away) => "away",
            Err(PublishError::Unroutable) => "unroutable",
            Err(PublishError::Refused) => "refused",
            Err(PublishError::Unknown) => "unknown",
        };
        self.publishes.with_label_values(&[label]).inc();
    }

    pub(super) fn ack_lost(&self) {
        self.acks_lost.inc();
    }
}
