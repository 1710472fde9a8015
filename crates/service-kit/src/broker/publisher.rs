//! Publishing that tells what became of the message: delivered only where the broker confirmed it and a queue took it.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    BrokerSettings, Link, UnusableAddress,
    end::End,
    session::{Session, Work},
    shelf::Shelf,
    supervisor::supervise,
    trouble::Trouble,
};

/// One message for one queue, by way of the default exchange.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// The queue's name; at most 255 bytes.
    pub queue: String,
    /// Sent as `application/json`, persistent.
    pub body: Vec<u8>,
    /// The property of that name, at most 255 bytes.
    pub message_id: Option<String>,
    /// Headers with text values.
    pub headers: Vec<(String, String)>,
}

/// The message was not delivered, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The broker cannot be reached, or takes no messages now. Nothing was sent.
    #[error("RabbitMQ cannot be reached, or takes no messages now")]
    Away,
    /// The broker has no such queue. Our own queues are declared again before the next message.
    #[error("RabbitMQ has no such queue")]
    Unroutable,
    /// The broker will not take it, or AMQP cannot carry it (a name of more than 255 bytes).
    #[error("RabbitMQ refused the message")]
    Refused,
    /// Sent, and no answer in time: it may have been delivered. Sending it again may deliver it twice.
    #[error("RabbitMQ did not confirm the message in time")]
    Unknown,
}

/// Publishes over one supervised connection. Clones share it.
#[derive(Clone)]
pub struct Publisher {
    end: Arc<End>,
    session: watch::Receiver<Option<Arc<Session>>>,
}

impl Publisher {
    /// Connects in the background and declares `queues` (durable, no arguments, as other programs do) whenever it has
    /// connected. `name` is the connection's name in RabbitMQ. While the process drains, what is connected still
    /// publishes.
    ///
    /// # Errors
    /// Only for an address that cannot be read.
    pub fn start(
        settings: &BrokerSettings,
        queues: &[&str],
        name: &'static str,
        link: Link,
    ) -> Result<Self, UnusableAddress> {
        let end = Arc::new(End::new("publisher", name, settings, &link)?);
        let (sender, session) = watch::channel(None);
        let work = Work::new(Arc::clone(&end), queues, sender);
        let supervisor = supervise(Arc::clone(&end), work, link.stopping);
        link.tasks.spawn_critical("broker publisher", supervisor);
        Ok(Self { end, session })
    }

    /// Delivers one message, and returns `within` the time given in every case.
    ///
    /// # Errors
    /// What is known of a message that was not confirmed.
    pub async fn publish(&self, message: &Outgoing, within: Duration) -> Result<(), PublishError> {
        let outcome = self.attempt(message, Instant::now() + within).await;
        self.end.metrics.published(outcome);
        outcome
    }

    /// How many messages wait in one of our queues (it is declared, should it be missing).
    ///
    /// # Errors
    /// `Away` where the broker does not answer `within` the time given, `Refused` where the queue exists with other
    /// arguments.
    pub async fn depth(&self, queue: &str, within: Duration) -> Result<u32, PublishError> {
        let deadline = Instant::now() + within;
        let asked = timeout_at(deadline, async {
            let session = self.session().await?;
            session.depth(queue).await.map_err(|trouble| match trouble {
                Trouble::Refused(..) => PublishError::Refused,
                Trouble::Silent(_) | Trouble::Unreadable(_) | Trouble::Lost(..) => {
                    PublishError::Away
                }
            })
        });
        asked.await.unwrap_or(Err(PublishError::Away))
    }

    /// A way to look into queues of the same broker, over connections of its own: what cannot be read ends the connection
    /// that it is read from. `name` is theirs in RabbitMQ.
    pub fn shelf(&self, name: &'static str) -> Shelf {
        Shelf::new(Arc::new(self.end.apart(name)))
    }

    /// There is an open channel, and the broker takes messages.
    pub fn connected(&self) -> bool {
        self.end.is_up()
    }

    async fn attempt(&self, message: &Outgoing, deadline: Instant) -> Result<(), PublishError> {
        let ready = timeout_at(deadline, async {
            loop {
                let session = self.session().await?;
                // Whoever had the turn before may have left the session unusable.
                if let Some(turn) = session.turn().await {
                    return Ok((session, turn));
                }
            }
        });
        let (session, _turn) = ready.await.unwrap_or(Err(PublishError::Away))?;
        session.send(message, deadline).await
    }

    /// The present session, or the next one.
    async fn session(&self) -> Result<Arc<Session>, PublishError> {
        let mut session = self.session.clone();
        let usable = session.wait_for(|session| session.as_ref().is_some_and(|it| it.is_usable()));
        // The supervisor ends with the process, and leaves the last session to those who drain.
        let usable = usable.await.map_err(|_| PublishError::Away)?;
        usable.clone().ok_or(PublishError::Away)
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Publisher")
            .field(&self.end.name)
            .finish()
    }
}
