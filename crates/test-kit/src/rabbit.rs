//! `RabbitMQ` as another program sees it: the plain verbs, over a connection of the test's own.

use std::sync::{Mutex, PoisonError};
use std::thread;

use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::time::timeout;

use crate::wait::PATIENCE;

/// A foreign program at the broker, and the queues of one test, which are deleted with its value.
#[derive(Debug)]
pub struct Rabbit {
    url: String,
    connection: Connection,
    queues: Mutex<Vec<String>>,
}

/// A message as it lies in its queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Got {
    /// The body.
    pub body: Vec<u8>,
    /// The property of that name.
    pub message_id: Option<String>,
    /// The property of that name.
    pub content_type: Option<String>,
    /// It survives a restart of the broker.
    pub persistent: bool,
    /// Headers with text values, by name.
    pub headers: Vec<(String, String)>,
    /// The property of that name.
    pub correlation_id: Option<String>,
    /// The property of that name: who published it, checked by the broker.
    pub user_id: Option<String>,
}

/// `RABBITMQ_URL`: the broker of the tests.
pub fn rabbit_url() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no settings of its own"
    )]
    let url = std::env::var("RABBITMQ_URL").unwrap_or_default();
    assert!(
        !url.is_empty(),
        "no RABBITMQ_URL: run `cargo xtask test`, or export RABBITMQ_URL of a throw-away RabbitMQ"
    );
    url
}

/// The same login and vhost at another address (`host:port`), such as a proxy's.
pub fn rabbit_url_at(address: &str) -> String {
    let url = rabbit_url();
    let (login, rest) = url.split_once('@').expect("RABBITMQ_URL has a login");
    let vhost = rest.split_once('/').map_or("", |(_, vhost)| vhost);
    format!("{login}@{address}/{vhost}")
}

/// The same user with another password.
pub fn rabbit_url_with_password(password: &str) -> String {
    let url = rabbit_url();
    let (login, rest) = url.split_once('@').expect("RABBITMQ_URL has a login");
    let (user, _) = login.rsplit_once(':').expect("RABBITMQ_URL has a password");
    format!("{user}:{password}@{rest}")
}

impl Rabbit {
    /// At the broker of `RABBITMQ_URL`.
    pub async fn connect() -> Self {
        Self::at(&rabbit_url()).await
    }

    /// At a broker of the caller's, such as a [`crate::PrivateRabbit`].
    pub async fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connection: timeout(PATIENCE, connect(url))
                .await
                .expect("RabbitMQ answers in time")
                .expect("RabbitMQ takes the connection"),
            queues: Mutex::default(),
        }
    }

    /// Where it is connected.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of a queue that no other test uses. Not declared; deleted with `self`, and so is `<name>.dead`.
    pub fn fresh_queue(&self) -> String {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("farol_test_{}", &unique[..12]);
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.push(name.clone());
        name
    }

    /// Declares a queue as every program does: durable, no arguments. Panics where it exists otherwise.
    pub async fn declare(&self, queue: &str) {
        self.declare_as(queue, QueueDeclareOptions::durable()).await;
    }

    /// Declares a queue that a restart of the broker forgets: not as our programs do.
    pub async fn declare_transient(&self, queue: &str) {
        let transient = QueueDeclareOptions::default();
        self.declare_as(queue, transient).await;
    }

    /// Declares a queue that is replicated and counts deliveries, as brokers may by default.
    pub async fn declare_quorum(&self, queue: &str) {
        let mut arguments = FieldTable::default();
        let quorum = AMQPValue::LongString("quorum".into());
        arguments.insert("x-queue-type".into(), quorum);
        let channel = self.channel().await;
        let declared =
            channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments);
        declared.await.expect("no such queue with other arguments");
    }

    /// Publishes a body and nothing else, and waits until a queue has it.
    pub async fn publish(&self, queue: &str, body: impl AsRef<[u8]>) {
        let properties = BasicProperties::default();
        self.publish_with(queue, body, properties).await;
    }

    /// The same with a message id.
    pub async fn publish_named(&self, queue: &str, message_id: &str, body: impl AsRef<[u8]>) {
        let properties = BasicProperties::default().with_message_id(message_id.into());
        self.publish_with(queue, body, properties).await;
    }

    /// Publishes a message as it is described, and waits until a queue has it.
    pub async fn publish_as(&self, queue: &str, message: &Got) {
        let mut properties = BasicProperties::default();
        if message.persistent {
            properties = properties.with_delivery_mode(2);
        }
        if let Some(id) = &message.message_id {
            properties = properties.with_message_id(id.as_str().into());
        }
        if let Some(kind) = &message.content_type {
            properties = properties.with_content_type(kind.as_str().into());
        }
        if let Some(id) = &message.correlation_id {
            properties = properties.with_correlation_id(id.as_str().into());
        }
        if let Some(id) = &message.user_id {
            properties = properties.with_user_id(id.as_str().into());
        }
        let mut headers = FieldTable::default();
        for (name, value) in &message.headers {
            let text = AMQPValue::LongString(value.as_str().into());
            // The broker takes these two as lists only.
            let value = match name.as_str() {
                "CC" | "BCC" => AMQPValue::FieldArray(vec![text].into()),
                _ => text,
            };
            headers.insert(name.as_str().into(), value);
        }
        if !message.headers.is_empty() {
            properties = properties.with_headers(headers);
        }
        self.publish_with(queue, &message.body, properties).await;
    }

    /// Takes the next message away; `None` where there is none.
    pub async fn get(&self, queue: &str) -> Option<Got> {
        let options = BasicGetOptions { no_ack: true };
        let channel = self.channel().await;
        let got = channel.basic_get(queue.into(), options).await;
        let got = got.expect("the queue exists")?;
        let properties = &got.properties;
        Some(Got {
            body: got.data.clone(),
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            persistent: *properties.delivery_mode() == Some(2),
            headers: properties.headers().as_ref().map(texts).unwrap_or_default(),
            correlation_id: properties
                .correlation_id()
                .as_ref()
                .map(ToString::to_string),
            user_id: properties.user_id().as_ref().map(ToString::to_string),
        })
    }

    /// How many messages are ready; `None` where there is no such queue.
    pub async fn depth(&self, queue: &str) -> Option<u32> {
        let passive = QueueDeclareOptions::durable().passive();
        let channel = self.channel().await;
        let declared = channel.queue_declare(queue.into(), passive, FieldTable::default());
        Some(declared.await.ok()?.message_count())
    }

    /// How many consumers a queue has; `None` where there is no such queue.
    pub async fn consumers(&self, queue: &str) -> Option<u32> {
        let passive = QueueDeclareOptions::durable().passive();
        let channel = self.channel().await;
        let declared = channel.queue_declare(queue.into(), passive, FieldTable::default());
        Some(declared.await.ok()?.consumer_count())
    }

    /// Empties a queue.
    pub async fn purge(&self, queue: &str) {
        let channel = self.channel().await;
        let purged = channel.queue_purge(queue.into(), QueuePurgeOptions::default());
        purged.await.expect("the queue exists");
    }

    /// Deletes a queue with its messages; its consumers are cancelled.
    pub async fn delete(&self, queue: &str) {
        let channel = self.channel().await;
        let deleted = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        deleted.await.expect("RabbitMQ deletes a queue");
    }

    async fn declare_as(&self, queue: &str, options: QueueDeclareOptions) {
        let channel = self.channel().await;
        let declared = channel.queue_declare(queue.into(), options, FieldTable::default());
        declared.await.expect("no such queue with other arguments");
    }

    async fn publish_with(&self, queue: &str, body: impl AsRef<[u8]>, properties: BasicProperties) {
        let channel = self.channel().await;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        confirms.await.expect("RabbitMQ confirms");
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let sent =
            channel.basic_publish("".into(), queue.into(), options, body.as_ref(), properties);
        let confirmed = sent.await.expect("the message is sent").await;
        let returned = confirmed.expect("the message is confirmed").take_message();
        assert!(returned.is_none(), "there is no queue {queue}");
    }

    /// One per verb: a refusal closes the channel, and must not spoil the next verb.
    async fn channel(&self) -> Channel {
        let channel = timeout(PATIENCE, self.connection.create_channel()).await;
        channel
            .expect("RabbitMQ answers in time")
            .expect("RabbitMQ opens a channel")
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        let queues = self
            .queues
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let (queues, url) = (std::mem::take(queues), self.url.clone());
        if queues.is_empty() {
            return;
        }
        // The test's runtime may be on its way out: another one, on another thread. A broker that is gone by now has
        // taken its queues along.
        let deleting = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.is_ok_and(|runtime| {
                let deleted = async { timeout(PATIENCE, delete_all(&url, &queues)).await };
                runtime.block_on(deleted).is_ok()
            })
        });
        let _ = deleting.join();
    }
}

async fn delete_all(url: &str, queues: &[String]) -> lapin::Result<()> {
    let connection = connect(url).await?;
    let channel = connection.create_channel().await?;
    for queue in queues {
        for name in [queue.clone(), format!("{queue}.dead")] {
            let options = QueueDeleteOptions::default();
            channel.queue_delete(name.as_str().into(), options).await?;
        }
    }
    connection.close(200, "OK".into()).await
}

async fn connect(url: &str) -> lapin::Result<Connection> {
    let name = ConnectionProperties::default().with_connection_name("test".into());
    Connection::connect(url, name).await
}

fn texts(headers: &FieldTable) -> Vec<(String, String)> {
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    };
    let headers = headers.inner().iter();
    headers
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
        .collect()
}
