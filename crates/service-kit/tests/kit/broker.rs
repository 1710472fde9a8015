//! The broker's two ends against a RabbitMQ that behaves.

use std::time::Duration;

use service_kit::{
    broker::{
        BrokerMetrics, BrokerSettings, Consumer, Delivery, Link, Outgoing, PublishError, Publisher,
    },
    clock::Clock,
    lifecycle::Lifecycle,
    metrics::Metrics,
    random::Random,
};
use test_kit::{PATIENCE, Rabbit, wait_until};
use tokio::time::timeout;

use crate::lifecycle::quick;

/// A process with ends at one broker.
pub struct Process {
    pub life: Lifecycle,
    pub settings: BrokerSettings,
    metrics: Metrics,
    figures: BrokerMetrics,
}

impl Process {
    pub fn at(url: &str) -> Self {
        let metrics = Metrics::new("kit", "1", "c").unwrap();
        Self {
            life: Lifecycle::new(Clock::system()),
            settings: BrokerSettings {
                rabbitmq_url: url.into(),
            },
            figures: BrokerMetrics::register(&metrics, "kit").unwrap(),
            metrics,
        }
    }

    pub fn publisher(&self, queues: &[&str]) -> Publisher {
        let link = self.link("publisher");
        Publisher::start(&self.settings, queues, "kit/publisher", link).unwrap()
    }

    pub fn consumer(&self, queue: &str, prefetch: u16) -> Consumer {
        let link = self.link("consumer");
        Consumer::start(&self.settings, queue, prefetch, "kit/consumer", link).unwrap()
    }

    fn link(&self, latch: &'static str) -> Link {
        Link {
            tasks: self.life.tasks(),
            stopping: self.life.stopping(),
            latch: self.life.readiness().latch(latch),
            random: Random::system(),
            metrics: self.figures.clone(),
        }
    }

    /// What the latch of an end says: `ready`, or why not.
    pub fn told(&self, latch: &str) -> String {
        let report = serde_json::to_value(self.life.readiness().report()).unwrap();
        let check = &report["checks"][latch];
        let detail = check["detail"].as_str().or(check["status"].as_str());
        detail.unwrap().to_owned()
    }

    pub async fn until_told(&self, latch: &str, part: &str) {
        wait_until(part, PATIENCE * 2, async || self.told(latch).contains(part)).await;
    }

    pub fn figure(&self, line: &str) -> String {
        let text = self.metrics.render();
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.unwrap_or_default().trim().to_owned()
    }

    /// The process ends in order, whatever the broker does.
    pub async fn stop(self) {
        self.life.trigger();
        let code = timeout(PATIENCE, self.life.run_until_stopped(&quick())).await;
        assert_eq!(code.unwrap(), std::process::ExitCode::SUCCESS);
    }
}

pub fn to(queue: &str, body: impl Into<Vec<u8>>) -> Outgoing {
    Outgoing {
        queue: queue.to_owned(),
        body: body.into(),
        ..Outgoing::default()
    }
}

pub async fn next(consumer: &Consumer) -> Delivery {
    let delivery = timeout(PATIENCE * 2, consumer.next()).await;
    delivery.unwrap().unwrap()
}

/// The body of the next message, acknowledged.
pub async fn take(consumer: &Consumer) -> Vec<u8> {
    let delivery = next(consumer).await;
    let body = delivery.body.clone();
    assert!(delivery.ack().await);
    body
}

#[tokio::test]
async fn a_published_message_lies_in_its_queue_as_other_programs_send_it() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    let message = Outgoing {
        message_id: Some("17".to_owned()),
        headers: vec![("x-farol-reason".to_owned(), "not JSON".to_owned())],
        ..to(&queue, "{}")
    };
    assert_eq!(publisher.publish(&message, PATIENCE).await, Ok(()));
    assert_eq!(publisher.depth(&queue, PATIENCE).await, Ok(1));
    let got = rabbit.get(&queue).await.unwrap();
    assert_eq!(got.body, b"{}");
    assert_eq!(got.message_id.as_deref(), Some("17"));
    assert_eq!(got.content_type.as_deref(), Some("application/json"));
    assert_eq!(got.headers, message.headers);
    assert!(got.persistent);
    assert_eq!(
        process.figure(r#"kit_broker_connected{end="publisher"}"#),
        "1"
    );
    assert_eq!(
        process.figure(r#"kit_broker_publishes_total{outcome="confirmed"}"#),
        "1"
    );
    process.stop().await;
}

#[tokio::test]
async fn a_message_is_delivered_until_it_is_acknowledged() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare(&queue).await;
    rabbit.publish_named(&queue, "17", "first").await;
    let consumer = process.consumer(&queue, 1);
    let delivery = next(&consumer).await;
    assert_eq!(
        (&delivery.body[..], delivery.redelivered),
        (&b"first"[..], false)
    );
    assert_eq!(delivery.message_id.as_deref(), Some("17"));
    drop(delivery);
    consumer.pause().await;
    consumer.resume(1);
    let again = next(&consumer).await;
    assert!(again.redelivered);
    assert!(again.ack().await);
    consumer.pause().await;
    assert_eq!(rabbit.depth(&queue).await, Some(0));
    process.stop().await;
}

#[tokio::test]
async fn the_prefetch_limits_what_is_held() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare(&queue).await;
    for body in ["1", "2", "3"] {
        rabbit.publish(&queue, body).await;
    }
    let consumer = process.consumer(&queue, 1);
    let first = next(&consumer).await;
    assert_eq!(
        rabbit.depth(&queue).await,
        Some(2),
        "the others are for others"
    );
    assert!(first.ack().await);
    consumer.resume(2);
    let (second, third) = (next(&consumer).await, next(&consumer).await);
    assert_eq!((second.body, third.body), (b"2".to_vec(), b"3".to_vec()));
    process.stop().await;
}

#[tokio::test]
async fn a_paused_consumer_leaves_its_messages_to_others() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare(&queue).await;
    let consumer = process.consumer(&queue, 2);
    for body in ["held", "prefetched"] {
        rabbit.publish(&queue, body).await;
    }
    let held = next(&consumer).await;
    consumer.pause().await;
    assert_eq!(rabbit.consumers(&queue).await, Some(0));
    assert_eq!(rabbit.depth(&queue).await, Some(2));
    assert!(!held.ack().await, "it was given back");
    assert!(
        process.told("consumer").contains("ready"),
        "paused is no fault"
    );
    process.stop().await;
}

#[tokio::test]
async fn a_missing_queue_is_told_and_our_own_one_is_declared_again() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    let (ours, foreign) = (to(&queue, "{}"), to("farol_test_nowhere", "{}"));
    assert_eq!(
        publisher.publish(&foreign, PATIENCE).await,
        Err(PublishError::Unroutable)
    );
    assert_eq!(publisher.publish(&ours, PATIENCE).await, Ok(()));
    rabbit.delete(&queue).await;
    assert_eq!(
        publisher.publish(&ours, PATIENCE).await,
        Err(PublishError::Unroutable)
    );
    assert_eq!(publisher.publish(&ours, PATIENCE).await, Ok(()));
    assert_eq!(rabbit.depth(&queue).await, Some(1));
    process.stop().await;
}

#[tokio::test]
async fn many_at_once_are_told_apart() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    let messages = (0..100).map(|number| {
        let (publisher, exists) = (publisher.clone(), number % 2 == 0);
        let queue = if exists {
            queue.clone()
        } else {
            "farol_test_nowhere".to_owned()
        };
        async move {
            let outcome = publisher.publish(&to(&queue, "{}"), PATIENCE).await;
            assert_eq!(outcome.is_ok(), exists);
        }
    });
    futures_util::future::join_all(messages).await;
    assert_eq!(rabbit.depth(&queue).await, Some(50));
    process.stop().await;
}

#[tokio::test]
async fn what_drains_still_publishes() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    assert_eq!(publisher.publish(&to(&queue, "1"), PATIENCE).await, Ok(()));
    let stopping = process.life.stopping();
    let last = publisher.clone();
    let queue_name = queue.clone();
    process.life.tasks().spawn_critical("relay", async move {
        stopping.cancelled().await;
        let outcome = last.publish(&to(&queue_name, "2"), PATIENCE).await;
        outcome.map_err(|error| error.to_string())
    });
    process.stop().await;
    assert_eq!(rabbit.depth(&queue).await, Some(2));
}

#[tokio::test]
async fn a_stopping_consumer_gives_back_what_it_holds() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare(&queue).await;
    rabbit.publish(&queue, "held").await;
    let consumer = process.consumer(&queue, 1);
    let held = next(&consumer).await;
    process.stop().await;
    assert!(consumer.next().await.is_none());
    assert_eq!(rabbit.depth(&queue).await, Some(1));
    assert!(!held.ack().await);
}

#[tokio::test]
async fn an_end_begins_paused_where_it_is_told_to() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare(&queue).await;
    rabbit.publish(&queue, "later").await;
    let consumer = process.consumer(&queue, 0);
    process.until_told("consumer", "ready").await;
    let early = timeout(Duration::from_millis(100), consumer.next()).await;
    assert!(early.is_err() && rabbit.depth(&queue).await == Some(1));
    consumer.resume(1);
    assert_eq!(take(&consumer).await, b"later");
    process.stop().await;
}

#[tokio::test]
async fn a_dropped_consumer_keeps_no_message() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare(&queue).await;
    rabbit.publish(&queue, "held").await;
    let consumer = process.consumer(&queue, 1);
    let held = next(&consumer).await;
    drop(consumer);
    wait_until("the message is back", PATIENCE, async || {
        rabbit.depth(&queue).await == Some(1)
    })
    .await;
    assert!(!held.ack().await);
    process.stop().await;
}
