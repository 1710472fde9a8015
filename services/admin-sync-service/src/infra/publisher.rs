//! Messages to the ingestor: one letter of the outbox is one message, and counts as published when the broker has
//! confirmed it.

use std::time::Duration;

use farol_core::sync::topology::dead_letter_queue;
use service_kit::broker::{self, BrokerSettings, Link, Outgoing, Shelf, UnusableAddress};

use super::outbox_repo::Letter;

/// Publishes over one connection of its own. Clones share it.
#[derive(Clone)]
pub struct Publisher {
    broker: broker::Publisher,
    queue: String,
    dead: String,
}

/// A letter was not confirmed, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// There is no broker now: the next letter would fare no better.
    #[error("{0}")]
    Away(broker::PublishError),
    /// This letter was not taken, or not confirmed in time.
    #[error("{0}")]
    Letter(broker::PublishError),
}

impl Publisher {
    /// Connects in the background. Both queues of the ingestor are declared as it declares them.
    ///
    /// # Errors
    /// Where the address of the broker cannot be read.
    pub fn start(
        settings: &BrokerSettings,
        queue: &str,
        link: Link,
    ) -> Result<Self, UnusableAddress> {
        let dead = dead_letter_queue(queue);
        let broker =
            broker::Publisher::start(settings, &[queue, &dead], "admin-sync-service", link)?;
        Ok(Self {
            broker,
            queue: queue.to_owned(),
            dead,
        })
    }

    /// Publishes a letter and waits for the confirm, `within` this time.
    ///
    /// # Errors
    /// [`Undelivered`]; the letter may have been delivered all the same.
    pub async fn deliver(&self, letter: &Letter, within: Duration) -> Result<(), Undelivered> {
        let message = Outgoing {
            queue: letter.queue.clone(),
            body: letter.body.to_string().into_bytes(),
            message_id: Some(letter.id.to_string()),
            headers: Vec::new(),
        };
        let delivered = self.broker.publish(&message, within).await;
        delivered.map_err(|error| match error {
            broker::PublishError::Away | broker::PublishError::Unknown => Undelivered::Away(error),
            error => Undelivered::Letter(error),
        })
    }

    /// The broker takes messages now, as far as is known.
    pub fn connected(&self) -> bool {
        self.broker.connected()
    }

    /// How many messages nobody could read; `None` where the broker cannot be asked.
    pub async fn dead_letters(&self, within: Duration) -> Option<u32> {
        if !self.connected() {
            return None;
        }
        self.broker.depth(&self.dead, within).await.ok()
    }

    /// A way to look into queues by hand.
    pub fn shelf(&self) -> Shelf {
        self.broker.shelf("admin-sync-service/shelf")
    }

    /// Where runs are announced.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Where dead letters are.
    pub fn dead_letter_queue(&self) -> &str {
        &self.dead
    }
}
