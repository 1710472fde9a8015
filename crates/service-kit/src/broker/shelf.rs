//! Looking into a queue by hand: messages are taken one after the other, and are back in their places afterwards, but for
//! those that were removed or moved on.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::BoxStream};
use lapin::{
    Acker, BasicProperties, Channel,
    options::{
        BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
        QueueDeclareOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::time::timeout;

use super::{
    PublishError,
    end::End,
    line::Line,
    session::{PERSISTENT, declare, outcome},
    trouble::{Trouble, step},
};

/// Headers by which RabbitMQ itself sends copies elsewhere: whoever moves a message means one queue.
const ROUTING_HEADERS: [&str; 2] = ["CC", "BCC"];

/// Headers that RabbitMQ adds to what a quorum queue delivers, another value each time: they are not the message's.
const DELIVERY_HEADERS: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// Opens queues to look into. Each look has a connection of its own: what cannot be read ends the connection.
#[derive(Clone)]
pub struct Shelf {
    end: Arc<End>,
}

/// A look into one queue. What is taken from it is nobody else's meanwhile, and is back in its place when this ends,
/// however it ends.
pub struct Visit {
    queue: String,
    depth: u32,
    channel: Channel,
    /// In confirm mode; opened with the first message that is moved.
    sending: Option<Channel>,
    /// What ends the line; a message that cannot be read is told here alone.
    errors: BoxStream<'static, lapin::Error>,
    line: Line,
}

/// A message that was taken, and not removed.
pub struct Shelved {
    /// As it was sent.
    pub body: Vec<u8>,
    properties: BasicProperties,
    acker: Acker,
}

/// Why a look ended. Nothing that was taken is lost by it.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// RabbitMQ cannot be reached, or fell silent. What was under way may have happened.
    #[error("{0}")]
    Away(String),
    /// The next message has properties that are no UTF-8. Nobody gets past it: it can be purged, with all others.
    #[error("the next message has properties that are no UTF-8")]
    Unreadable,
    /// RabbitMQ said no.
    #[error("{0}")]
    Refused(String),
}

impl From<Trouble> for ShelfError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unreadable(_) => Self::Unreadable,
            Trouble::Refused(..) => Self::Refused(trouble.to_string()),
            Trouble::Silent(_) | Trouble::Lost(..) => Self::Away(trouble.to_string()),
        }
    }
}

impl Shelf {
    pub(super) fn new(end: Arc<End>) -> Self {
        Self { end }
    }

    /// Connects `within` the time given, and opens `queue`; `None` where there is no such queue.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub async fn open(&self, queue: &str, within: Duration) -> Result<Option<Visit>, ShelfError> {
        let connecting = timeout(within, Line::connect_once(&self.end)).await;
        let line = connecting
            .map_err(|_| ShelfError::Away("RabbitMQ cannot be reached in time".to_owned()))??;
        let channel = line.channel().await?;
        let looking = channel.queue_declare(
            queue.into(),
            QueueDeclareOptions::durable().passive(),
            FieldTable::default(),
        );
        let depth = match step(&format!("looking into {queue}"), looking).await {
            Ok(found) => found.message_count(),
            Err(Trouble::Refused(_, error)) if error.get_id() == NOT_FOUND => return Ok(None),
            Err(trouble) => return Err(trouble.into()),
        };
        Ok(Some(Visit {
            queue: queue.to_owned(),
            depth,
            channel,
            sending: None,
            errors: line.errors(),
            line,
        }))
    }
}

const TAKING: &str = "taking a message";
/// AMQP's reply code.
const NOT_FOUND: u16 = 404;

impl Visit {
    /// How many messages waited when it began.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Takes the next message; `None` behind the last one.
    ///
    /// # Errors
    /// [`ShelfError`]; the visit is over then.
    pub async fn take(&mut self) -> Result<Option<Shelved>, ShelfError> {
        let queue = self.queue.as_str().into();
        let getting = self.channel.basic_get(queue, BasicGetOptions::default());
        let got = tokio::select! {
            got = step(TAKING, getting) => got?,
            Some(error) = self.errors.next() => return Err(Trouble::of(TAKING, error).into()),
        };
        Ok(got.map(|got| Shelved {
            body: got.delivery.data,
            properties: got.delivery.properties,
            acker: got.delivery.acker,
        }))
    }

    /// Removes a message. Certain once [`Self::end`] has returned well.
    ///
    /// # Errors
    /// [`ShelfError`]; the visit is over then, and the message is there still.
    pub async fn remove(&self, message: Shelved) -> Result<(), ShelfError> {
        let acking = message.acker.ack(BasicAckOptions::default());
        if step("removing a message", acking).await? {
            return Ok(());
        }
        Err(ShelfError::Away(
            "the channel to RabbitMQ was lost".to_owned(),
        ))
    }

    /// Moves a message to the queue `to`: first it is there, confirmed and persistent, then it is removed here. A crash in
    /// between leaves it in both. It keeps its properties, but for `without` among its headers, and for the user that
    /// RabbitMQ had checked, who is another one now. The queue is declared, should it be missing.
    ///
    /// # Errors
    /// [`ShelfError`]; the visit is over then.
    pub async fn pass_on(
        &mut self,
        message: Shelved,
        to: &str,
        without: &[&str],
    ) -> Result<(), ShelfError> {
        let channel = self.sending(to).await?;
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let properties = message.without(without);
        let sending =
            channel.basic_publish("".into(), to.into(), options, &message.body, properties);
        let exchange = async { Ok(outcome(&sending.await?.await)) };
        match step("moving a message", exchange).await? {
            Ok(()) => self.remove(message).await,
            Err(PublishError::Away | PublishError::Unknown) => Err(ShelfError::Away(
                "RabbitMQ did not confirm a message".to_owned(),
            )),
            Err(error @ (PublishError::Unroutable | PublishError::Refused)) => {
                Err(ShelfError::Refused(error.to_string()))
            }
        }
    }

    /// Removes everything that waits now, read or not; how many that was. What was taken before stays.
    ///
    /// # Errors
    /// [`ShelfError`]; the visit is over then.
    pub async fn purge(&self) -> Result<u32, ShelfError> {
        let queue = self.queue.as_str().into();
        let purging = self
            .channel
            .queue_purge(queue, QueuePurgeOptions::default());
        Ok(step("purging the queue", purging).await?)
    }

    /// Gives back what was taken and not removed. What was removed is certainly gone then.
    ///
    /// # Errors
    /// [`ShelfError::Away`]: what was removed may come back.
    pub async fn end(self) -> Result<(), ShelfError> {
        // RabbitMQ answers after it has heard all that was said before on this channel.
        let closed = step("closing the channel", self.channel.close(200, "OK".into())).await;
        self.line.close().await;
        Ok(closed?)
    }

    async fn sending(&mut self, to: &str) -> Result<&Channel, ShelfError> {
        let channel = if let Some(channel) = self.sending.take() {
            channel
        } else {
            let channel = self.line.channel().await?;
            declare(&channel, to).await?;
            let confirms = channel.confirm_select(ConfirmSelectOptions::default());
            step("asking for confirms", confirms).await?;
            channel
        };
        Ok(self.sending.insert(channel))
    }
}

impl Shelved {
    /// The property of that name.
    pub fn message_id(&self) -> Option<String> {
        let id = self.properties.message_id().as_ref();
        id.map(ToString::to_string)
    }

    /// The headers that it was sent with, by name; a value that is no text as it prints.
    pub fn headers(&self) -> Vec<(String, String)> {
        let told = |value: &AMQPValue| match value {
            AMQPValue::LongString(text) => text.to_string(),
            AMQPValue::ShortString(text) => text.to_string(),
            other => format!("{other:?}"),
        };
        let headers = self.sent_headers();
        headers
            .map(|(name, value)| (name.to_string(), told(value)))
            .collect()
    }

    fn sent_headers(&self) -> impl Iterator<Item = (&ShortString, &AMQPValue)> {
        let headers = self.properties.headers().as_ref();
        let headers = headers.into_iter().flat_map(FieldTable::inner);
        headers.filter(|(name, _)| !DELIVERY_HEADERS.contains(&name.as_str()))
    }

    /// The properties that it is sent on with. RabbitMQ refuses a `user_id` of somebody else.
    fn without(&self, headers: &[&str]) -> BasicProperties {
        let old = &self.properties;
        let mut kept = FieldTable::default();
        for (name, value) in self.sent_headers() {
            if !headers.contains(&name.as_str()) && !ROUTING_HEADERS.contains(&name.as_str()) {
                kept.insert(name.clone(), value.clone());
            }
        }
        let mut new = BasicProperties::default().with_delivery_mode(PERSISTENT);
        if !kept.inner().is_empty() {
            new = new.with_headers(kept);
        }
        macro_rules! keep {
            ($($get:ident, $with:ident;)*) => {
                $(if let Some(value) = old.$get().clone() {
                    new = new.$with(value);
                })*
            };
        }
        keep! {
            content_type, with_content_type;
            content_encoding, with_content_encoding;
            priority, with_priority;
            correlation_id, with_correlation_id;
            reply_to, with_reply_to;
            expiration, with_expiration;
            message_id, with_message_id;
            timestamp, with_timestamp;
            kind, with_type;
            app_id, with_app_id;
            cluster_id, with_cluster_id;
        }
        new
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Shelf")
            .field(&self.end.name)
            .finish()
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Visit").field(&self.queue).finish()
    }
}

impl fmt::Debug for Shelved {
    /// Without the body: what others send is not ours to log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shelved")
            .field("message_id", &self.message_id())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
