//! RabbitMQ stopped, restarted and emptied, its queue deleted, its patience with consumers cut to seconds.

use std::time::Duration;

use test_kit::{Database, PrivateRabbit, Rabbit, http_get, wait_until};
use tokio::time::Instant;

use crate::stack::{RUN_PATIENCE, Stack, id_of};
use crate::truth;

async fn stack_on(node: &PrivateRabbit) -> Stack {
    Stack::on(
        Database::fresh().await,
        &node.url(),
        "ingest.pncp".to_owned(),
    )
}

#[tokio::test]
async fn stopped_during_a_run_and_during_a_force() {
    let mut node = PrivateRabbit::start().await;
    let stack = stack_on(&node).await;
    let gate = stack.portal.hold();
    let (admin, _worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    stack.wait_for(id, &["running"]).await;
    node.stop().await;
    gate.release();
    truth::holds(&stack, id).await;

    let pending = admin.ask_force().await;
    assert_eq!(pending.json()["dispatch"], "pending", "{}", pending.text());
    node.restart().await;
    let second = stack.ended(id_of(&pending)).await;
    assert_eq!(second["state"], "success", "{second}");
    assert_eq!(
        second["records_processed"],
        stack.execution(id).await["records_processed"]
    );
}

#[tokio::test]
async fn its_queue_deleted_under_everybody() {
    let stack = Stack::new().await;
    let rabbit = Rabbit::connect().await;
    let admin = stack.admin().await;
    wait_until("the queue is declared", RUN_PATIENCE, async || {
        rabbit.depth(&stack.queue).await.is_some()
    })
    .await;
    // Nobody consumes yet: the message comes back as unroutable, and the queue is made again.
    rabbit.delete(&stack.queue).await;
    let id = admin.force().await;
    let worker = stack.worker();
    truth::holds(&stack, id).await;

    // A consumer is cancelled by it, and comes back.
    rabbit.delete(&stack.queue).await;
    let again = id_of(&admin.ask_force().await);
    assert_eq!(
        stack.ended(again).await["state"],
        "success",
        "{}",
        worker.output()
    );
}

#[tokio::test]
async fn its_queue_purged_before_anybody_looked() {
    let stack = Stack::new().await;
    let rabbit = Rabbit::connect().await;
    let admin = stack.admin().await;
    let id = admin.force().await;
    wait_until("the message waits", RUN_PATIENCE, async || {
        rabbit.depth(&stack.queue).await == Some(1)
    })
    .await;
    rabbit.purge(&stack.queue).await;
    let _worker = stack.worker();
    truth::holds(&stack, id).await;
}

#[tokio::test]
async fn a_run_longer_than_its_patience_with_consumers() {
    // The broker closes the channel of a consumer that owes an ack for 10 s; a node of the test kit looks every second.
    let node = PrivateRabbit::with_config("consumer_timeout = 10000").await;
    let stack = stack_on(&node).await;
    let gate = stack.portal.hold();
    let (admin, worker) = (stack.admin().await, stack.worker());
    let id = admin.force().await;
    stack.wait_for(id, &["running"]).await;
    // A second message, of the mode that is busy, for a day that is empty like all around it.
    let next =
        serde_json::json!({"mode": "backfill", "data_ini": "2025-06-03", "data_fim": "2025-06-04"});
    let second = id_of(&admin.post("/sync/force", &next).await);
    let started = Instant::now();
    wait_until("30 s of a run have passed", RUN_PATIENCE, async || {
        started.elapsed() > Duration::from_secs(30)
    })
    .await;
    gate.release();
    let first = stack.ended(id).await;
    assert_eq!(
        (&first["state"], &first["rescues"]),
        (&"success".into(), &0.into())
    );
    let second = stack.ended(second).await;
    assert_eq!(
        (&second["state"], &second["rescues"]),
        (&"success".into(), &0.into())
    );
    truth::whole(&stack, id).await;
    // The broker had no reason to close anything.
    let metrics = format!("http://{}/metrics", worker.address("ops").await);
    let metrics = http_get(&metrics, &[]).await;
    let reconnects = |line: &&str| line.starts_with("ingest_broker_reconnects_total");
    for line in metrics.text().lines().filter(reconnects) {
        assert!(line.ends_with(" 0"), "{line}");
    }
}
