//! The broker's two ends against a RabbitMQ that stops, refuses and forgets.

use std::{collections::BTreeSet, time::Duration};

use service_kit::broker::{Consumer, Outgoing, PublishError, Publisher};
use test_kit::{PATIENCE, PrivateRabbit, Rabbit, publish_with_raw_message_id, wait_until};
use tokio::time::Instant;

use crate::broker::{Process, next, take, to};

pub const QUEUE: &str = "ingest.pncp";

/// Long enough for a healthy broker, short enough to be waited for.
pub const SOON: Duration = Duration::from_secs(2);

/// Publishes the numbers as a relay does: again, until each is confirmed.
pub async fn publish_all(publisher: &Publisher, queue: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let message = to(queue, number.to_string());
        wait_until("the message is confirmed", PATIENCE * 3, async || {
            publisher.publish(&message, SOON).await.is_ok()
        })
        .await;
    }
}

/// Takes messages until all the numbers were there; a message may come twice.
pub async fn take_all(consumer: &Consumer, numbers: std::ops::Range<u32>) {
    let mut missing: BTreeSet<Vec<u8>> = numbers
        .map(|number| number.to_string().into_bytes())
        .collect();
    while !missing.is_empty() {
        let delivery = next(consumer).await;
        missing.remove(&delivery.body);
        // A lost acknowledgement brings the message again, which is what the set is for.
        let _ = delivery.ack().await;
    }
}

#[tokio::test]
async fn no_message_is_lost_while_the_broker_restarts() {
    let mut node = PrivateRabbit::start().await;
    let process = Process::at(&node.url());
    let publisher = process.publisher(&[QUEUE]);
    let consumer = process.consumer(QUEUE, 5);
    let restart = async {
        take_all(&consumer, 0..20).await;
        node.stop().await;
        process.until_told("publisher", "cannot be reached").await;
        process.until_told("consumer", "cannot be reached").await;
        node.restart().await;
        take_all(&consumer, 20..200).await;
    };
    tokio::join!(restart, publish_all(&publisher, QUEUE, 0..200));
    // Told within a look, which may come after the last message.
    process.until_told("publisher", "ready").await;
    wait_until("the comeback is counted", PATIENCE, async || {
        process.figure(r#"kit_broker_reconnects_total{end="consumer"}"#) != "0"
    })
    .await;
    process.stop().await;
}

#[tokio::test]
async fn no_message_is_lost_when_the_broker_is_killed() {
    let mut node = PrivateRabbit::start().await;
    let process = Process::at(&node.url());
    let publisher = process.publisher(&[QUEUE]);
    let consumer = process.consumer(QUEUE, 5);
    let kill = async {
        take_all(&consumer, 0..20).await;
        node.kill9();
        node.restart().await;
        take_all(&consumer, 20..200).await;
    };
    tokio::join!(kill, publish_all(&publisher, QUEUE, 0..200));
    process.stop().await;
}

#[tokio::test]
async fn connections_closed_by_force_come_back() {
    let node = PrivateRabbit::start().await;
    let process = Process::at(&node.url());
    let publisher = process.publisher(&[QUEUE]);
    let consumer = process.consumer(QUEUE, 1);
    publish_all(&publisher, QUEUE, 0..1).await;
    let held = next(&consumer).await;
    node.close_all_connections().await;
    let again = next(&consumer).await;
    assert!(again.redelivered, "the channel was lost with what it held");
    assert!(!held.ack().await);
    assert!(again.ack().await);
    publish_all(&publisher, QUEUE, 1..2).await;
    assert_eq!(take(&consumer).await, b"1");
    assert_eq!(process.figure("kit_broker_acks_lost_total"), "1");
    process.stop().await;
}

#[tokio::test]
async fn a_delivery_held_too_long_costs_the_channel_and_comes_again() {
    let node = PrivateRabbit::with_config("consumer_timeout = 10000").await;
    let process = Process::at(&node.url());
    let publisher = process.publisher(&[QUEUE]);
    let consumer = process.consumer(QUEUE, 1);
    publish_all(&publisher, QUEUE, 0..1).await;
    let held = next(&consumer).await;
    let again = next(&consumer).await;
    assert!(again.redelivered);
    assert!(!held.ack().await);
    assert!(again.ack().await);
    publish_all(&publisher, QUEUE, 1..2).await;
    assert_eq!(take(&consumer).await, b"1");
    process.stop().await;
}

#[tokio::test]
async fn a_broker_without_memory_takes_nothing_and_hangs_nobody() {
    let node = PrivateRabbit::start().await;
    let process = Process::at(&node.url());
    let publisher = process.publisher(&[QUEUE]);
    let consumer = process.consumer(QUEUE, 1);
    publish_all(&publisher, QUEUE, 0..1).await;
    node.raise_memory_alarm().await;
    let begun = Instant::now();
    let first = publisher.publish(&to(QUEUE, "1"), SOON).await;
    assert!(
        matches!(first, Err(PublishError::Unknown | PublishError::Away)),
        "{first:?}"
    );
    process.until_told("publisher", "short of memory").await;
    assert_eq!(
        publisher.publish(&to(QUEUE, "2"), SOON).await,
        Err(PublishError::Away)
    );
    assert_eq!(publisher.depth(QUEUE, SOON).await, Err(PublishError::Away));
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(take(&consumer).await, b"0", "consuming goes on");
    node.clear_memory_alarm().await;
    publish_all(&publisher, QUEUE, 3..4).await;
    take_all(&consumer, 3..4).await;
    process.stop().await;
}

#[tokio::test]
async fn a_process_stops_in_order_while_the_broker_has_no_memory() {
    let node = PrivateRabbit::start().await;
    let process = Process::at(&node.url());
    let publisher = process.publisher(&[QUEUE]);
    publish_all(&publisher, QUEUE, 0..1).await;
    node.raise_memory_alarm().await;
    assert!(publisher.publish(&to(QUEUE, "1"), SOON).await.is_err());
    process.stop().await;
}

#[tokio::test]
async fn a_deleted_queue_is_declared_again_by_its_consumer() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let consumer = process.consumer(&queue, 1);
    process.until_told("consumer", "ready").await;
    rabbit.delete(&queue).await;
    wait_until("the queue has its consumer again", PATIENCE, async || {
        rabbit.consumers(&queue).await == Some(1)
    })
    .await;
    rabbit.publish(&queue, "after").await;
    assert_eq!(take(&consumer).await, b"after");
    process.stop().await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_told_to_the_operator() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare_transient(&queue).await;
    let publisher = process.publisher(&[&queue]);
    let consumer = process.consumer(&queue, 1);
    for latch in ["publisher", "consumer"] {
        process
            .until_told(latch, "inequivalent arg 'durable'")
            .await;
        let told = process.told(latch);
        assert!(
            told.contains(&format!("declaring the queue {queue}")),
            "{told}"
        );
    }
    assert_eq!(
        publisher.publish(&to(&queue, "1"), SOON).await,
        Err(PublishError::Away)
    );
    rabbit.delete(&queue).await;
    publish_all(&publisher, &queue, 2..3).await;
    assert_eq!(take(&consumer).await, b"2");
    process.stop().await;
}

#[tokio::test]
async fn a_message_that_amqp_cannot_carry_is_refused() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let publisher = process.publisher(&[&queue]);
    let named = Outgoing {
        message_id: Some("x".repeat(256)),
        ..to(&queue, "1")
    };
    assert_eq!(
        publisher.publish(&named, PATIENCE).await,
        Err(PublishError::Refused)
    );
    let far = to(&"x".repeat(256), "1");
    assert_eq!(
        publisher.publish(&far, PATIENCE).await,
        Err(PublishError::Refused)
    );
    assert_eq!(publisher.publish(&to(&queue, "1"), PATIENCE).await, Ok(()));
    process.stop().await;
}

#[tokio::test]
async fn the_depth_of_a_queue_with_other_arguments_is_refused_and_nothing_else_suffers() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    let transient = rabbit.fresh_queue();
    rabbit.declare_transient(&transient).await;
    let publisher = process.publisher(&[&queue]);
    assert_eq!(
        publisher.depth(&transient, PATIENCE).await,
        Err(PublishError::Refused)
    );
    assert_eq!(publisher.publish(&to(&queue, "1"), SOON).await, Ok(()));
    process.stop().await;
}

/// Also the proof that no connection outlives its end: lapin would dial on for ever.

#[tokio::test]
async fn a_message_that_lapin_cannot_read_is_told_to_the_operator_until_it_is_gone() {
    let rabbit = Rabbit::connect().await;
    let (process, queue) = (Process::at(rabbit.url()), rabbit.fresh_queue());
    rabbit.declare(&queue).await;
    publish_with_raw_message_id(rabbit.url(), &queue, b"\xff\xfe").await;
    let consumer = process.consumer(&queue, 1);
    process
        .until_told("consumer", "properties that are no UTF-8")
        .await;
    rabbit.delete(&queue).await;
    wait_until(
        "the queue has its consumer again",
        PATIENCE * 3,
        async || rabbit.consumers(&queue).await == Some(1),
    )
    .await;
    rabbit.publish(&queue, "after").await;
    assert_eq!(take(&consumer).await, b"after");
    process.stop().await;
}
